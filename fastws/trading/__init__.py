"""Outcomes of requests, gaps, ``halt()``, rate limits, rules of symbols, batches, SQL keywords in texts."""
