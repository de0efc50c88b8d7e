"""What the lifecycle needs of the sessions and the connections that it keeps up: those of a client, and of market data.

The Supervisor and its parts use only these Protocols, so the same states, attempts, pauses and rotations serve both.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, Protocol, TypeVar

import picows

from .._native.loop_guard import LoopGuard
from ..errors import ApiError, BadRequest
from ..holds import Hold
from ..requester import Requester
from .endpoints import Endpoint
from .handshake import Headers

__all__ = ["C", "LiveConnection", "LiveOptions", "LiveOwner", "LiveSession", "Target"]


class LiveConnection(Protocol):
    """One connection. It is also the picows.WSListener of its socket."""

    @property
    def number(self) -> int:
        """Counted from 1 in the order of opening; 0 before."""

    @property
    def transport(self) -> picows.WSTransport:
        """picows' transport, once it is open."""

    @property
    def close_reason(self) -> str | None:
        """Why it has ended, or is closing."""

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""

    @property
    def is_disconnected(self) -> bool:
        """Whether no socket is open, or any more."""

    @property
    def changing(self) -> bool:
        """Whether a request of the user's is in flight that changes its logon or subscriptions."""

    @property
    def in_flight(self) -> int:
        """Requests without a reply."""

    @property
    def logged_on(self) -> bool:
        """Whether it is logged on."""

    @property
    def logon_key(self) -> str | None:
        """The API key that is logged on."""

    def close(self) -> None:
        """Write a close frame."""

    def abort(self) -> None:
        """End it without a close handshake."""

    def abandon(self) -> None:
        """Give it up, also while its handshake is under way."""

    async def wait_disconnected(self) -> None:
        """Wait until the socket is closed."""


C = TypeVar("C", bound=LiveConnection)


class LiveSession(Protocol[C]):
    """What outlives connections. ``Session`` of _core and ``FeedSession`` of feeds/session.py are such.

    Attributes:
        route: the connection in use.
        down_reason: why there is none.
        keep_streams: whether subscriptions outlive their connection.
    """

    route: C | None
    down_reason: str
    keep_streams: bool

    @property
    def loop_guard(self) -> LoopGuard | None:
        """Knows the event loop, the thread and the process, once the session is bound."""

    @property
    def connections(self) -> Sequence[C]:
        """The connections that have not ended."""

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""

    @property
    def close_reason(self) -> str | None:
        """Why requests cannot be sent."""

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bind it to this event loop, and to the running thread and process."""

    def note(self, name: str) -> None:
        """Count what befalls it: one of "connects", "attempts", "losses", "rotations"."""

    def drain(self) -> asyncio.Future[None] | None:
        """Refuse new requests. The future ends with the last reply that is awaited; None if none is."""

    def switch(self, successor: C, sticky_for: float = 1.0) -> None:
        """Use ``successor`` from now on; the owner hears when nothing is left on the connection before."""

    def stop_draining(self) -> None:
        """The connection before is not waited for any more."""

    def unchanged(self, connection: C) -> asyncio.Future[None]:
        """A future that ends when ``connection.changing`` is False."""

    def give_up_held(self, hold: Hold) -> None:
        """End the requests that are not written yet, and that ``hold`` refuses."""


class LiveOwner(Protocol):
    """The owner of a session: SessionOwner, as far as the lifecycle uses it."""

    def report(self, message: str, exception: BaseException | None) -> None:
        """Something failed that nobody waits for."""

    def call(self, name: str, callback: Callable[..., object], *args: object) -> None:
        """Call a callback of the user, and report the exception that it raises."""

    def apply_refusal(self, error: ApiError, info: None) -> None:
        """Follow a refusal also for later attempts."""


class LiveOptions(Protocol):
    """The options that the lifecycle reads: of ``Options``, and of ``MarketOptions``."""

    @property
    def ssl_context(self) -> ssl.SSLContext | None: ...
    @property
    def proxy(self) -> str | None: ...
    @property
    def local_addr(self) -> str | tuple[str, int] | None: ...
    @property
    def socket_options(self) -> Mapping[str, int] | None: ...
    @property
    def max_message(self) -> int: ...
    @property
    def probe_interval(self) -> float: ...
    @property
    def probe_timeout(self) -> float: ...
    @property
    def timeout(self) -> float: ...
    @property
    def connect_timeout(self) -> float: ...
    @property
    def connect_budget(self) -> int: ...
    @property
    def reconnect(self) -> bool: ...
    @property
    def rotate_after(self) -> float | None: ...
    @property
    def drain_timeout(self) -> float: ...
    @property
    def sync_every(self) -> float | Literal["auto"] | None: ...
    @property
    def on_state(self) -> Callable[[str, str, str], object] | None: ...


class Target(Protocol[C]):
    """Where connections go, and what they are.

    Attributes:
        endpoint: the address of the exchange.
        headers: fields of the handshake's request, beside those of WebSocket.
        logs_on: whether new connections are logged on.
    """

    endpoint: Endpoint
    headers: Headers
    logs_on: bool

    def new_connection(self) -> C:
        """A new connection, which is not open yet."""

    def requester(self, connection: C, timeout: float) -> Requester:
        """Sends fastws' own requests on this connection."""

    async def explain(self, refusal: BadRequest, serves: Callable[[str], Awaitable[bool]]) -> BadRequest:
        """The error for a first handshake that was refused with HTTP 400.

        ``serves`` says whether the exchange accepts a connection to another URL.
        """
