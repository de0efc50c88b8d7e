"""Reconciliation of orders, ``halt()``, rate limits, rules of symbols, batches, SQL keywords in texts."""
