"""fastws: the Binance Spot WebSocket API, fast."""
