"""How a connection is opened, and what keeps it useful."""
