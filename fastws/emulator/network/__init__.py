"""From sockets to methods and back: the server, its connections, the gateway, TLS."""
