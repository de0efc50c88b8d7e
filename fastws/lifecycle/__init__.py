"""Opening a connection: endpoints, proxies, handshake, SBE schema; and the measurement of the exchange's time."""
