"""SBE: the message for each result and event, and how it is packed."""
