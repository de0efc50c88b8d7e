"""The matching engine: books, triggers, filters, balances. It is usable alone, without requests or connections:

engine = Engine(symbols, fees)              # engine.py; fees is the account that commissions are paid to
order = engine.place(account, new, now_us)  # a NewOrder; the Order, with its fills, or a Refusal
"""
