"""User data streams: the events of an account, in the order in which the exchange sent them."""

from .keeper import SubscriptionKeeper
from .open_gaps import OpenGap, OpenGaps
from .user_data import OnOverflow, Subscription, UserDataStreams, unsubscribe

__all__ = [
    "OnOverflow",
    "OpenGap",
    "OpenGaps",
    "Subscription",
    "SubscriptionKeeper",
    "UserDataStreams",
    "unsubscribe",
]
