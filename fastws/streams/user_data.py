"""User data streams: the events of an account, as an iterator or by a callback.

``client.user_data_stream_subscribe()`` and ``client.user_data_stream_subscribe_signature()`` return a Subscription.
_native/streams.pyx passes the events to it, in the order in which the exchange sent them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Literal

from .._common.log import streams_log
from .._core import Session
from .._native.methods import MethodSpec, method_spec
from .._native.streams import Stream, check_consumer
from .._native.waiters import RequestInfo
from ..errors import ApiError, ConnectionLost, FastwsError, InvalidRequest, NotSent
from ..owner import SessionOwner
from ..requester import Requester
from ..signing import Signer
from ..types.common import Reply
from ..types.events import UserDataEvent
from .taking import Taking

SUBSCRIPTION_INACTIVE = -2036

OnOverflow = Literal["error", "close"] | Callable[["Subscription", UserDataEvent], object]


class Subscription(Taking[UserDataEvent]):
    """The events of one account: the result of ``await client.user_data_stream_subscribe()``.

    ``async for event in subscription`` takes the events from its buffer. The loop ends when the exchange ended the
    subscription (after an unsubscribe, after a logout, or on its own), and when the client was closed; ``reason`` says
    which. If SessionRevoked or ConnectionLost ended the subscription, the loop raises it after the last event. It
    raises EventOverflow in the place of events that are lost, and DecodeError in the place of an event that cannot be
    read; a new loop continues after these.

    It outlives connections: after a loss of the connection, fastws subscribes again on the next one. Events may have
    been missed in between: the loop raises EventGap in their place, and a new loop continues after it. ``on_gap`` of
    connect() hears of it as well; a subscription with ``on_event`` has only that, before its next event. If the
    exchange refuses to subscribe again, fastws repeats it, with delays up to 30 s. A revoked logon is a loss in this
    sense: the subscription comes back with the logon. A subscription that you signed yourself (``signature=``), or
    whose logon you signed, ends with ConnectionLost, or with SessionRevoked; so do all with
    ``connect(reconnect=False)``.

    When a connection is replaced as planned, its subscriptions move to the new one: ``id`` and ``connection`` change,
    each event comes once, and there is no gap, unless it cannot be proven that none is missing (docs/gaps.md). A
    subscription that you signed yourself stays on the old connection until that ends.

    A loop that you leave by ``break`` loses no event: the next loop continues where it stopped. Only one task may take
    the events: a second one that waits for them gets a RuntimeError. ``async with subscription`` unsubscribes at its
    end. A subscription without ``on_event`` is also unsubscribed when nothing refers to it any more.
    """

    def __init__(
        self,
        client: Requester,
        loop: asyncio.AbstractEventLoop | None,
        session: Session,
        stream: Stream,
        api_key: str | None,
        drop: Callable[[Stream], None],
        own: bool = True,
    ) -> None:
        self._drop = drop
        self._client = client
        self._own = own
        self._session = session
        self._loop = loop
        self._stream = stream
        self._api_key = api_key

    def __repr__(self) -> str:
        state = self._stream.reason or ("active" if self.connection >= 0 else "not on a connection")
        key = self._api_key or ""
        return f"<fastws.Subscription {self.id} of {key[:4]}…{key[-4:]} {state}>"

    def __del__(self) -> None:
        # Python may call this in any thread, and after the loop was closed
        stream = getattr(self, "_stream", None)
        if stream is not None and self.active and stream.on_event is None and self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(
                    _end_unreferenced, self._client, self._session, stream, self._drop
                )

    # ------------------------------------------------------------------------------------------- properties

    @property
    def id(self) -> int:
        """The exchange's ``subscriptionId``, which each connection gives anew; -1 while no connection carries it."""
        return self._stream.id

    @property
    def connection(self) -> int:
        """The number of the connection that carries it, from 1; -1 while none does."""
        return self._stream.connection

    @property
    def api_key(self) -> str | None:
        """The API key that subscribed, which stands for the account; None if it is unknown."""
        return self._api_key

    @property
    def own(self) -> bool:
        """Whether it is of the client's own account; False if another key subscribed, as by ``signer=``."""
        return self._own

    @property
    def client(self) -> Requester:
        """The client that it belongs to."""
        return self._client

    @property
    def on_event(self) -> Callable[[UserDataEvent], object] | None:
        """The callback that gets the events; None if they go to a buffer."""
        return self._stream.on_event  # type: ignore[no-any-return]

    @property
    def active(self) -> bool:
        """Whether more events may come, on this connection or a later one. Buffered ones can be taken even if not."""
        return self._stream.subscribed_at > 0 and not self._stream.ended

    @property
    def reason(self) -> str | None:
        """Why it ended: "unsubscribed", "logged out", "ended by the exchange", or why the connection ended."""
        return self._stream.reason

    @property
    def error(self) -> Exception | None:
        """The error at the end of the events: SessionRevoked or ConnectionLost; None for a clean end, and before it."""
        return self._stream.error

    @property
    def seq(self) -> int:
        """The number of the latest event that was taken, among all messages that the client read.

        A reply's ``info.seq`` counts the same messages: the lower number was read first.
        """
        return self._stream.seq

    # ----------------------------------------------------------------------------------------------- ending

    async def unsubscribe(self, *, timeout: float | None = None) -> None:
        """End the subscription, and wait until it has ended. Buffered events can still be taken.

        While no connection carries it, it ends at once: fastws does not subscribe again.

        Args:
            timeout: seconds until the request without a reply ends; None for the client's default.

        Raises:
            ApiError: the exchange refused it. NotSent: the request could not be sent. ConnectionLost, RequestTimeout:
                no reply came.
        """
        if self._stream.active:
            try:
                await _send_unsubscribe(self._client, self._session, self._stream, None, timeout)
            except ApiError as error:
                if error.code != SUBSCRIPTION_INACTIVE:
                    raise
                return
            except ConnectionLost:
                if (
                    self.reason != "unsubscribed"
                ):  # else it ended for the request, which the loss found in flight
                    raise
            await self.wait_closed()
        elif self.active:
            self._drop(self._stream)

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        with contextlib.suppress(ConnectionLost, NotSent):  # it has ended with its connection
            await self.unsubscribe()


class UserDataStreams:
    """Creates the subscriptions of a client, for ``client.user_data_stream_subscribe()``."""

    def __init__(
        self,
        client: Requester,
        session: Session,
        owner: SessionOwner,
        own_key: Signer | None,
        drop: Callable[[Stream], None],
    ) -> None:
        self._drop = drop  # ends a Stream without a connection
        self._client = client
        self._session = session
        self._owner = owner
        self.own_key = own_key

    def subscribe(self, spec: MethodSpec, params: dict[str, Any]) -> Reply[Subscription] | RequestInfo:
        """Send ``userDataStream.subscribe`` or ``userDataStream.subscribe.signature``.

        Args:
            params: the method's parameters, the options that every method has, and ``on_event``, ``buffer`` and
                ``on_overflow``.

        Raises:
            InvalidRequest: one of them is wrong. NotSent: the request cannot be sent now.
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
            own = api_key is None or (self.own_key is not None and api_key == self.own_key.api_key)
        else:
            key = given.get("signer") or self.own_key
            api_key = given.get("apiKey") or (None if key is None else key.api_key)
            own = self.own_key is not None and api_key == self.own_key.api_key
        check_consumer(on_event, buffer, on_overflow)
        loop_guard = self._session.loop_guard
        loop = None if loop_guard is None else loop_guard.loop
        stream = Stream(self._owner, loop, on_event, buffer, on_overflow)
        subscription = Subscription(self._client, loop, self._session, stream, api_key, self._drop, own)
        reply: Reply[Subscription] | RequestInfo = self._session.subscribe(spec, given, subscription)
        return reply


def _end_unreferenced(
    client: Requester, session: Session, stream: Stream, drop: Callable[[Stream], None]
) -> None:
    """End a subscription to which nothing refers, because the exchange allows one subscription for each account."""
    if not stream.active:
        drop(stream)
    else:
        streams_log.warning(
            "subscription %d is no longer referred to, and ended for it",
            stream.id,
            code="subscription-dropped",
        )
        unsubscribe(client, session, stream)


def unsubscribe(client: Requester, session: Session, stream: Stream) -> None:
    """Unsubscribe on the connection that carries a Stream, and do not wait for the reply. A failure is logged."""
    number = stream.id

    def on_reply(result: Any, error: Exception | None) -> None:
        if error is not None and getattr(error, "code", None) != SUBSCRIPTION_INACTIVE:
            streams_log.warning(
                "subscription %d could not be ended: %s", number, error, code="unsubscribe-failed"
            )

    try:
        _send_unsubscribe(client, session, stream, on_reply, None)
    except FastwsError as error:
        on_reply(None, error)


def _send_unsubscribe(
    client: Requester, session: Session, stream: Stream, on_reply: Any, timeout: float | None
) -> Any:
    params = {"subscriptionId": stream.id}
    route = session.route
    if route is None or route.number != stream.connection:
        for carrier in session.connections:
            if carrier.number == stream.connection:
                spec = method_spec("userDataStream.unsubscribe")
                return session.send_to(carrier, spec, params, on_reply, timeout, None, None)
    return client.request("userDataStream.unsubscribe", params, on_reply=on_reply, timeout=timeout)
