"""``Wanted``: a subscription that is to exist, over all connections of a client."""

from __future__ import annotations

import asyncio

from .._native.streams import Stream
from .._native.waiters import RequestInfo
from ..signing import Signer
from .open_gaps import OpenGap

__all__ = ["Wanted"]


class Wanted:
    """A subscription that is to exist on the client's connection, until it is unsubscribed or ended.

    Attributes:
        stream: its Stream, for all connections.
        method: the method that subscribes.
        signer, account: the key that signs the subscribe, and the API key of the account; None for the client's own.
        on_logon: it relies on a session.logon.
        by_caller: the caller signed the subscribe, so fastws cannot repeat it.
        logon_key: the API key that was logged on when it was made.
        subscribed_us: the exchange's time of the reply to the subscribe, in microseconds; None if it is unknown.
        subscribed_up: the same, as uptime().
        gap: from the loss of the Stream to its return; else None.
        refusals: how often the exchange refused to subscribe again.
    """

    def __init__(self, stream: Stream, info: RequestInfo) -> None:
        self.stream = stream
        self.method = info.method
        self.signer: Signer | None = info.signer
        self.account = info.account
        self.on_logon = not info.method.endswith(".signature")
        self.by_caller = not self.on_logon and info.timestamp == 0
        self.logon_key: str | None = None
        self.subscribed_us: int | None = None
        self.subscribed_up = 0
        self.gap: OpenGap | None = None
        self.refusals = 0
        self.timer: asyncio.TimerHandle | None = None

    @property
    def missing(self) -> bool:
        """Whether no connection carries it, although it has not ended."""
        return not (self.stream.ended or self.stream.active)

    def stop(self) -> None:
        """Do not try to subscribe again."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
