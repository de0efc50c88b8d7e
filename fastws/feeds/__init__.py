"""Market data: streams, their subscriptions, and order books. The policy of a market session; it handles no bytes."""
