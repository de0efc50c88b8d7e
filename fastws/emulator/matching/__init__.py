"""The matching engine: books, triggers, filters, balances. It is usable alone, without requests or connections."""
