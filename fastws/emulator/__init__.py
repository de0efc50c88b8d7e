"""A Binance Spot exchange in a box."""
