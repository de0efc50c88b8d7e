"""User data streams: the events of an account, in the order of the wire."""

from .user_data import OnOverflow, Subscription, UserDataStreams, leave

__all__ = ["OnOverflow", "Subscription", "UserDataStreams", "leave"]
