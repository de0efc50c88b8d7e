"""A bare connection for ``python -m fastws verify``: it keeps each message, each ping and the end, as they came.

The client itself swallows what is to be observed here: the notice of the end of a subscription, what comes behind it,
and the payloads of pings.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import picows

from ..errors import FastwsError
from ..signing import Signer

__all__ = ["Event", "Reply", "Stop", "Wire"]

_KEY_CODES = (-1022, -2014, -2015)
_REFUSALS = {418: ": this address is banned", 429: ": too many connections or requests"}
_CONNECT_WITHIN = 10.0
_CLOSE_WITHIN = 1.0
_QUIET_WITHIN = 20.0


class Stop(FastwsError):
    """The run cannot go on; the text says why."""


class Event(NamedTuple):
    """An event: when it came (seconds of the event loop), the id of its subscription (None without one), itself."""

    at: float
    subscription: int | None
    event: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.event.get("e"))


class Reply(NamedTuple):
    """A reply: when it came, its status, its result or the code and the text of its error."""

    at: float
    status: int
    result: Any
    code: int
    text: str

    @property
    def ok(self) -> bool:
        return self.status == 200

    def __str__(self) -> str:
        return "accepted" if self.ok else f"{self.code} ({self.text})"


class Wire(picows.WSListener):
    """One connection.

    Attributes:
        name: "A" or "B", for texts.
        offset_ms: the exchange's time minus this machine's, in milliseconds; requests are signed with it.
        logged_on: whether requests need no signature of their own.
        events: all events, in their order.
        pings: the payloads of the exchange's pings, each with this machine's time in milliseconds.
        ended: how it ended; "" while it is open.
        ended_at, close_code: when, and with which code of a close frame, or None.
        timeout: seconds to wait for a reply.
    """

    def __init__(self, name: str, signer: Signer, timeout: float) -> None:
        super().__init__()
        self.name = name
        self.offset_ms = 0
        self.logged_on = False
        self.events: list[Event] = []
        self.pings: list[tuple[bytes, int]] = []
        self.ended = ""
        self.ended_at = 0.0
        self.close_code: int | None = None
        self._signer = signer
        self.timeout = timeout
        self._transport: picows.WSTransport | None = None
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._replies: dict[int, asyncio.Future[Reply]] = {}
        self._last_id = 0
        self._news = asyncio.Event()

    async def connect(self, url: str, context: ssl.SSLContext | None) -> None:
        """Connect to ``url``.

        Raises:
            Stop: the connection failed, or was refused.
        """
        if context is None and url.startswith("wss:"):
            context = ssl.create_default_context()
        try:
            opening = picows.ws_connect(
                lambda: self,
                url,
                ssl_context=context,
                enable_auto_pong=False,
                max_redirects=0,
                use_aiofastnet=False,
            )
            await asyncio.wait_for(opening, _CONNECT_WITHIN)
        except picows.WSInvalidStatusError as error:
            status = 0 if error.response is None else int(error.response.status)
            hint = _REFUSALS.get(status, "")
            raise Stop(
                f"cannot connect to {url}: it refused the connection with HTTP {status}{hint}"
            ) from None
        except (OSError, picows.WSError, asyncio.TimeoutError) as error:
            reason = "no answer in time" if isinstance(error, asyncio.TimeoutError) else error
            raise Stop(f"cannot connect to {url}: {reason}") from None
        if self._transport is None:
            raise Stop(f"cannot connect to {url}: the connection was lost at once")

    async def close(self) -> None:
        """End the connection, and wait for the end."""
        if self._transport is not None:
            self._transport.send_close(picows.WSCloseCode.OK)
            await self.end(_CLOSE_WITHIN)
        if self._transport is not None:
            self._transport.disconnect(False)
            await self.end(_CLOSE_WITHIN)

    # Requests

    def send(self, method: str, signed: bool = False, **params: Any) -> asyncio.Future[Reply]:
        """Send a request; the Future has its reply.

        Raises:
            Stop: the connection has ended.
        """
        if self._transport is None:
            raise Stop(f"connection {self.name} was lost: {self.ended or 'it is not open'}")
        if signed:
            params["timestamp"] = time.time_ns() // 1_000_000 + self.offset_ms
            if not self.logged_on:
                params["apiKey"] = self._signer.api_key
                params["signature"] = self._signer.sign(self._signer.payload(params))
        self._last_id += 1
        request = {"id": self._last_id, "method": method, "params": params}
        reply = self._replies[self._last_id] = self._loop.create_future()
        self._transport.send(picows.WSMsgType.TEXT, json.dumps(request).encode())
        return reply

    async def reply_to(self, method: str, reply: asyncio.Future[Reply]) -> Reply:
        """Await the reply to a request that was sent.

        Raises:
            Stop: the connection was lost, there was no reply in time, the address is banned, a rate limit is reached.
        """
        try:
            answer = await asyncio.wait_for(reply, self.timeout)
        except asyncio.TimeoutError:
            raise Stop(f"{method} got no reply in {self.timeout:g} s on connection {self.name}") from None
        if answer.status == 418:
            raise Stop(f"this address is banned: {method} was answered with 418 ({answer.text})")
        if answer.status == 429:
            raise Stop(f"a rate limit is reached: {method} was answered with {answer}")
        return answer

    async def ask(self, method: str, signed: bool = False, **params: Any) -> Reply:
        """Send a request and await its reply, which may be an error.

        Raises:
            Stop: as ``reply_to``.
        """
        return await self.reply_to(method, self.send(method, signed, **params))

    async def result(self, method: str, signed: bool = False, **params: Any) -> Any:
        """The result of a request.

        Raises:
            Stop: as ``reply_to``; or the request was refused.
        """
        answer = await self.ask(method, signed, **params)
        if answer.ok:
            return answer.result
        needs = ""
        if answer.code in _KEY_CODES:
            needs = "; the key must be valid here and have the permissions TRADE, USER_DATA and USER_STREAM"
        raise Stop(f"{method} was refused with {answer}{needs}")

    async def log_on(self) -> None:
        """Log on with the key; one that cannot log on signs each request.

        Raises:
            Stop: as ``result``.
        """
        if self._signer.can_logon:
            await self.result("session.logon", signed=True)
            self.logged_on = True

    def subscribe(self) -> asyncio.Future[Reply]:
        """Send the request that subscribes to the account of the key."""
        if self.logged_on:
            return self.send("userDataStream.subscribe")
        return self.send("userDataStream.subscribe.signature", signed=True)

    # Waiting

    async def until(self, condition: Callable[[], bool], within: float) -> bool:
        """Wait until ``condition()`` holds, for ``within`` seconds at most. Whether it holds at the end."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._until(condition), within)
        return condition()

    async def end(self, within: float) -> None:
        """Wait until it has ended, for ``within`` seconds at most."""
        await self.until(lambda: False, within)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition() and not self.ended:
            self._news.clear()
            await self._news.wait()

    async def quiet(self, seconds: float) -> None:
        """Wait until there was no event for ``seconds``.

        Raises:
            Stop: there are always events.
        """
        began = self._loop.time()
        while not self.ended:
            last = max(began, self.events[-1].at if self.events else began)
            left = last + seconds - self._loop.time()
            if left <= 0:
                return
            if last - began > _QUIET_WITHIN:
                raise Stop("events come without a pause: nobody else may trade with the account meanwhile")
            await asyncio.sleep(left)

    # picows callbacks

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        payload = frame.get_payload_as_bytes()
        if kind == picows.WSMsgType.PING:
            self.pings.append((payload, time.time_ns() // 1_000_000))
            transport.send_pong(payload)
        elif kind == picows.WSMsgType.CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if payload else None
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif kind in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY, picows.WSMsgType.CONTINUATION):
            self._parts.append(payload)
            if frame.fin:
                message, self._parts = b"".join(self._parts), []
                self._take(message)
        self._news.set()

    def _take(self, message: bytes) -> None:
        now = self._loop.time()
        try:
            text = json.loads(message)
            if "event" in text:
                self.events.append(Event(now, text.get("subscriptionId"), dict(text["event"])))
                return
            reply = self._replies.pop(text.get("id"), None)
            error = text.get("error") or {}
            answer = Reply(
                now, text["status"], text.get("result"), error.get("code", 0), error.get("msg", "")
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return  # it is neither a reply nor an event, so it says nothing about a reading
        if reply is not None and not reply.done():
            reply.set_result(answer)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._transport = None
        code = self.close_code
        self.ended = (
            "it ended without a close frame" if code is None else f"the exchange closed it with {code}"
        )
        self.ended_at = self._loop.time()
        lost = Stop(f"connection {self.name} was lost: {self.ended}")
        waiting, self._replies = self._replies, {}
        for reply in waiting.values():
            if not reply.done():
                reply.set_exception(lost)
                reply.exception()  # a reply that nobody awaits is no error
        self._news.set()
