"""What the exchange is made of: times, decimals, symbols, accounts, orders, limits, keys, faults, a journal."""
