"""SBE: which message stands for a result or an event, and how it is packed."""
