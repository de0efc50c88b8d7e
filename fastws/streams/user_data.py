"""User data streams: the events of an account, as an iterator or by a callback.

``client.user_data_stream_subscribe()`` and ``client.user_data_stream_subscribe_signature()`` give a Subscription. Its
events come from the router (_native/streams.pyx), in the order of the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

from .._common.log import logger
from .._core import Session
from .._native.methods import MethodSpec
from .._native.streams import Stream, check_consumer
from .._native.waiters import RequestInfo
from ..errors import ApiError, ConnectionLost, FastwsError, InvalidRequest, NotSent
from ..owner import SessionOwner
from ..requester import Requester
from ..signing import Signer
from ..types import Reply, UserDataEvent

SUBSCRIPTION_INACTIVE = -2036

OnOverflow = Literal["error", "close"] | Callable[["Subscription", UserDataEvent], object]


class Subscription(AsyncIterator[UserDataEvent]):
    """The events of one account on one connection; what ``await client.user_data_stream_subscribe()`` gives.

    ``async for event in subscription`` takes events from its buffer. It ends where the exchange ended the subscription
    (after an unsubscribe, a logout, or of its own accord), and where the client was closed; ``reason`` says which. It
    raises SessionRevoked or ConnectionLost where these ended it, behind the events that came before. It raises
    EventOverflow where events are missing, and DecodeError in the place of an event that cannot be read; behind these
    it can go on.

    A loop that is left by ``break`` loses nothing: the next one goes on where it stopped. The events go to one
    consumer: a second task that waits for them gets a RuntimeError. ``async with`` unsubscribes at its end, and so
    does a subscription without ``on_event`` that is no longer referred to.
    """

    def __init__(
        self,
        client: Requester,
        loop: asyncio.AbstractEventLoop | None,
        stream: Stream,
        api_key: str | None,
    ) -> None:
        self._client = client
        self._loop = loop
        self._stream = stream
        self._api_key = api_key

    def __repr__(self) -> str:
        state = "active" if self.active else self._stream.reason or "not subscribed"
        key = self._api_key or ""
        return f"<fastws.Subscription {self.id} of {key[:4]}…{key[-4:]} {state}>"

    def __del__(self) -> None:
        # may run in any thread, and when the loop is closed
        stream = getattr(self, "_stream", None)
        if stream is not None and stream.active and stream.on_event is None and self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_drop, self._client, stream)

    def __reduce__(self) -> Any:
        # a copy that is collected would end the subscription
        raise TypeError("a Subscription cannot be copied or pickled: its events go to one consumer")

    # ------------------------------------------------------------------------------------------- to look at

    @property
    def id(self) -> int:
        """The exchange's ``subscriptionId``, unique on the connection; -1 before the subscription exists."""
        return self._stream.id

    @property
    def api_key(self) -> str | None:
        """The API key that subscribed, and with it the account; None where that is not known."""
        return self._api_key

    @property
    def active(self) -> bool:
        """Whether more events may come. What is buffered can be taken all the same."""
        return self._stream.active

    @property
    def reason(self) -> str | None:
        """Why it ended: "unsubscribed", "logged out", "ended by the exchange", or why the connection did."""
        return self._stream.reason

    @property
    def error(self) -> Exception | None:
        """What the iterator raises at its end: SessionRevoked, ConnectionLost; None for a clean end, and before."""
        return self._stream.error

    @property
    def seq(self) -> int:
        """The number of the latest event that was given, among the messages of its connection.

        It compares with ``info.seq`` of a reply: what has the lower number came first.
        """
        return self._stream.seq

    @property
    def received_at(self) -> int:
        """When the latest event that was given was read; monotonic ns, as of time.monotonic_ns()."""
        return self._stream.received_at

    @property
    def buffered(self) -> int:
        """Events that wait to be taken."""
        return self._stream.size

    @property
    def events(self) -> int:
        """Events received, lost ones included."""
        return self._stream.events

    @property
    def lost(self) -> int:
        """Events that found the buffer full."""
        return self._stream.lost

    # ---------------------------------------------------------------------------------------------- to take

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> UserDataEvent:
        stream = self._stream
        event = stream.take()
        while event is None:
            if stream.on_event is not None:
                raise InvalidRequest("the events of this subscription go to its on_event")
            await stream.wait()
            event = stream.take()
        return event  # type: ignore[no-any-return]

    def take_all(self) -> list[UserDataEvent]:
        """All that is buffered, at once; ``on_overflow`` may make room by it. What the iterator would raise stays."""
        return self._stream.take_all()

    # ----------------------------------------------------------------------------------------------- to end

    async def unsubscribe(self, *, timeout: float | None = None) -> None:
        """End the subscription, and wait until it has ended. What is buffered can be taken all the same.

        Raises:
            ApiError: the exchange refused. NotSent, ConnectionLost, RequestTimeout: it was not told, or did not answer.
        """
        if self.active:
            try:
                await self._client.request(
                    "userDataStream.unsubscribe", {"subscriptionId": self.id}, timeout=timeout
                )
            except ApiError as error:
                if error.code != SUBSCRIPTION_INACTIVE:
                    raise
                return
            await self.wait_closed()

    async def wait_closed(self) -> str:
        """Wait until no more events come; the result says why."""
        return await asyncio.shield(self._stream.closed())

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        with contextlib.suppress(ConnectionLost, NotSent):  # it has ended with its connection
            await self.unsubscribe()


class UserDataStreams:
    """Makes the subscriptions of a client: what ``client.user_data_stream_subscribe()`` calls."""

    def __init__(
        self, client: Requester, session: Session, owner: SessionOwner, own_key: Signer | None
    ) -> None:
        self._client = client
        self._session = session
        self._owner = owner
        self._own_key = own_key

    def subscribe(self, spec: MethodSpec, params: dict[str, Any]) -> Reply[Subscription] | RequestInfo:
        """Send ``userDataStream.subscribe`` or ``userDataStream.subscribe.signature``.

        Args:
            params: the method's parameters, the options of every method, and ``on_event``, ``buffer``, ``on_overflow``.

        Raises:
            InvalidRequest: one of them is wrong. NotSent: it cannot be sent now.
        """
        on_event = params.pop("on_event", None)
        buffer = params.pop("buffer", 65536)
        on_overflow = params.pop("on_overflow", "error")
        given = {name: value for name, value in params.items() if value is not None}
        if spec.authorised and not spec.timestamped:
            if "signer" in given:
                raise InvalidRequest(
                    "userDataStream.subscribe is not signed: use user_data_stream_subscribe_signature"
                )
            connection = self._session.route
            api_key = None if connection is None else connection.logon_key
        else:
            key = given.get("signer") or self._own_key
            api_key = given.get("apiKey") or (None if key is None else key.api_key)
        check_consumer(on_event, buffer, on_overflow)
        home = self._session.home
        loop = None if home is None else home.loop
        stream = Stream(self._owner, loop, on_event, buffer, on_overflow)
        subscription = Subscription(self._client, loop, stream, api_key)
        reply: Reply[Subscription] | RequestInfo = self._session.subscribe(spec, given, subscription)
        return reply


def _drop(client: Requester, stream: Stream) -> None:
    """Nobody holds a Subscription: it is ended, so that another one of its account can be made."""
    if stream.active:
        logger.warning("subscription %d is no longer referred to, and ended for it", stream.id)
        leave(client, stream.id)


def leave(client: Requester, subscription_id: int) -> None:
    """Unsubscribe, without anybody who waits for it."""

    def told(result: Any, error: Exception | None) -> None:
        if error is not None and getattr(error, "code", None) != SUBSCRIPTION_INACTIVE:
            logger.warning("subscription %d could not be ended: %s", subscription_id, error)

    try:
        client.request("userDataStream.unsubscribe", {"subscriptionId": subscription_id}, on_reply=told)
    except FastwsError as error:
        told(None, error)
