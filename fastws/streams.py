"""User data streams: the events of an account, as an iterator or by a callback.

``client.user_data_stream_subscribe()`` and ``client.user_data_stream_subscribe_signature()`` give a Subscription. Its
events come from _streams, in the order of the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal, overload

from ._log import logger
from ._methods import method_spec
from ._streams import Stream, check_consumer
from ._waiters import RequestInfo
from .errors import ApiError, ConnectionLost, FastwsError, InvalidRequest, NotSent
from .methods import Methods
from .owner import SessionOwner
from .requester import Requester
from .signing import Signer
from .types import Milliseconds, OnEvent, OnReply, Reply, UserDataEvent

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

    def __init__(self, client: UserDataStreams, stream: Stream, api_key: str | None) -> None:
        self._client = client
        self._stream = stream
        self._api_key = api_key
        self._loop = client._loop

    def __repr__(self) -> str:
        state = "active" if self.active else self._stream.reason or "not subscribed"
        key = self._api_key or ""
        return f"<fastws.Subscription {self.id} of {key[:4]}…{key[-4:]} {state}>"

    def __del__(self) -> None:
        # may run in any thread, and when the loop is closed
        stream = getattr(self, "_stream", None)
        if stream is not None and stream.active and stream.on_event is None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._client._dropped, stream)

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
                await self._client.user_data_stream_unsubscribe(subscriptionId=self.id, timeout=timeout)
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


class UserDataStreams(Methods):
    """The methods of Client that make subscriptions, and what they ask of it."""

    _session: Any
    _signer: Signer | None
    _loop: Any
    _handler: SessionOwner

    @overload  # type: ignore[override]  # what it gives is a Subscription
    def user_data_stream_subscribe(
        self,
        *,
        on_event: OnEvent | None = None,
        buffer: int = 65536,
        on_overflow: OnOverflow = "error",
        returnRateLimits: bool | None = None,
        on_reply: None = None,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> Reply[Subscription]: ...
    @overload
    def user_data_stream_subscribe(
        self,
        *,
        on_event: OnEvent | None = None,
        buffer: int = 65536,
        on_overflow: OnOverflow = "error",
        returnRateLimits: bool | None = None,
        on_reply: OnReply,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> RequestInfo: ...
    def user_data_stream_subscribe(
        self,
        *,
        on_event: OnEvent | None = None,
        buffer: int = 65536,
        on_overflow: OnOverflow = "error",
        returnRateLimits: bool | None = None,
        on_reply: OnReply | None = None,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> Reply[Subscription] | RequestInfo:
        """Receive the events of the account that is logged on.

        It is sent when this returns: ``await`` the Future, or give it to ``asyncio.ensure_future``;
        ``asyncio.create_task`` refuses it.

        Binance's ``userDataStream.subscribe`` (web-socket-api.md); security USER_STREAM; weight 2. It needs a
        connection that is logged on by ``session.logon``, with an Ed25519 key; with another key, use
        ``user_data_stream_subscribe_signature``. The plain result comes from
        ``client.request("userDataStream.subscribe")``; the events go to the client's ``on_event`` then.

        Args:
            on_event: called with each event, in the order of the wire, inside the read callback: it should be short,
                for it holds up what the connection reads next. eventStreamTerminated is the last one. Of an event that
                cannot be read, the event loop's exception handler is told. Without it, events are buffered, for
                ``async for``.
            buffer: events that the buffer may hold.
            on_overflow: of an event that finds the buffer full. "error": the consumer gets an EventOverflow in its
                place. "close": the subscription is ended as well. Or called with (subscription, event), instead of
                both, inside the read callback; where it makes room by ``take_all()``, the event is buffered.
            returnRateLimits, on_reply, timeout, urgent: as of any other method.

        Returns:
            A Future of the Subscription, which exists from the moment its reply is read: no event is lost.

        Raises:
            by the call: InvalidRequest or NotSent; nothing was sent.
            by the Future: ApiError; or ConnectionLost, RequestTimeout, DecodeError: it may be sent again.
            Documented codes of ApiError: -2035 SUBSCRIPTION_ACTIVE (of the account, on this connection), -2042
            MAXIMUM_SUBSCRIPTION_IDS.
        """
        if signer is not None:
            raise InvalidRequest(
                "userDataStream.subscribe is not signed: use user_data_stream_subscribe_signature"
            )
        params = {
            "returnRateLimits": returnRateLimits,
            "on_reply": on_reply,
            "timeout": timeout,
            "urgent": urgent,
        }
        connection = self._session.route
        api_key = None if connection is None else connection.logon_key
        return self._subscribe("userDataStream.subscribe", params, api_key, on_event, buffer, on_overflow)

    @overload  # type: ignore[override]  # what it gives is a Subscription
    def user_data_stream_subscribe_signature(
        self,
        *,
        on_event: OnEvent | None = None,
        buffer: int = 65536,
        on_overflow: OnOverflow = "error",
        apiKey: str | None = None,
        recvWindow: Milliseconds | None = None,
        signature: str | None = None,
        timestamp: int | None = None,
        returnRateLimits: bool | None = None,
        on_reply: None = None,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> Reply[Subscription]: ...
    @overload
    def user_data_stream_subscribe_signature(
        self,
        *,
        on_event: OnEvent | None = None,
        buffer: int = 65536,
        on_overflow: OnOverflow = "error",
        apiKey: str | None = None,
        recvWindow: Milliseconds | None = None,
        signature: str | None = None,
        timestamp: int | None = None,
        returnRateLimits: bool | None = None,
        on_reply: OnReply,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> RequestInfo: ...
    def user_data_stream_subscribe_signature(
        self,
        *,
        on_event: OnEvent | None = None,
        buffer: int = 65536,
        on_overflow: OnOverflow = "error",
        apiKey: str | None = None,
        recvWindow: Milliseconds | None = None,
        signature: str | None = None,
        timestamp: int | None = None,
        returnRateLimits: bool | None = None,
        on_reply: OnReply | None = None,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> Reply[Subscription] | RequestInfo:
        """Receive the events of the account whose key signs.

        It is sent when this returns: ``await`` the Future, or give it to ``asyncio.ensure_future``;
        ``asyncio.create_task`` refuses it.

        Binance's ``userDataStream.subscribe.signature`` (web-socket-api.md); security USER_STREAM; weight 2. The key
        is the client's own, or that of ``signer``. Any kind of key will do, and no logon is needed: one connection may
        follow several accounts.

        Arguments, result and errors are those of ``user_data_stream_subscribe``. Documented codes of ApiError: -1021
        INVALID_TIMESTAMP, -1022 INVALID_SIGNATURE, -2014 BAD_API_KEY_FMT, -2015 REJECTED_MBX_KEY, -2035
        SUBSCRIPTION_ACTIVE, -2042 MAXIMUM_SUBSCRIPTION_IDS.
        """
        params = {
            "apiKey": apiKey,
            "recvWindow": recvWindow,
            "signature": signature,
            "timestamp": timestamp,
            "returnRateLimits": returnRateLimits,
            "on_reply": on_reply,
            "timeout": timeout,
            "urgent": urgent,
            "signer": signer,
        }
        key = signer or self._signer
        api_key = apiKey or (None if key is None else key.api_key)
        return self._subscribe(
            "userDataStream.subscribe.signature", params, api_key, on_event, buffer, on_overflow
        )

    def _subscribe(
        self,
        method: str,
        params: dict[str, Any],
        api_key: str | None,
        on_event: OnEvent | None,
        buffer: int,
        on_overflow: OnOverflow,
    ) -> Reply[Subscription] | RequestInfo:
        check_consumer(on_event, buffer, on_overflow)
        stream = Stream(self._handler, self._loop, on_event, buffer, on_overflow)
        subscription = Subscription(self, stream, api_key)
        given = {name: value for name, value in params.items() if value is not None}
        return self._session.subscribe(method_spec(method), given, subscription)  # type: ignore[no-any-return]

    def _dropped(self, stream: Stream) -> None:
        """Nobody holds a Subscription: it is ended, so that another one of its account can be made."""
        if stream.active:
            logger.warning("subscription %d is no longer referred to, and ended for it", stream.id)
            leave(self, stream.id)  # type: ignore[arg-type]


def leave(client: Requester, subscription_id: int) -> None:
    """Unsubscribe, without anybody who waits for it."""

    def told(result: Any, error: Exception | None) -> None:
        if error is not None and getattr(error, "code", None) != SUBSCRIPTION_INACTIVE:
            logger.warning("subscription %d could not be ended: %s", subscription_id, error)

    try:
        client.request("userDataStream.unsubscribe", {"subscriptionId": subscription_id}, on_reply=told)
    except FastwsError as error:
        told(None, error)
