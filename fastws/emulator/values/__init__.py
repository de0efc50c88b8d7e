"""The values of the exchange: times, decimals, symbols, accounts, orders, limits, keys, faults, the journal."""
