"""User data streams: the events of an account, in the order in which the exchange sent them."""

from .user_data import OnOverflow, Subscription, UserDataStreams, unsubscribe

__all__ = ["OnOverflow", "Subscription", "UserDataStreams", "unsubscribe"]
