"""``Connector``: makes one attempt to open a connection, as far as requests of the user can be sent.

It connects, measures the exchange's time if it must, logs on, and subscribes, in that order. After a failure or a
cancel, no socket stays open for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeAlias, cast

import picows

from ..errors import ApiError, BadRequest, ConnectionLost, FastwsError, LocallyLimited, NotConnected
from ..option_checks import choose_local_addr, make_proxy
from ..requester import Requester
from .answers import judge
from .clock_keeper import ClockKeeper
from .endpoints import Endpoint
from .logon import Logon
from .opening import Opener, end_attempt
from .parts import C, LiveConnection, LiveOptions, LiveSession, Target
from .shared import Gates
from .socket_options import check_socket_options
from .subscriptions import Subscriptions

__all__ = ["Connector", "disconnected"]

Prepare: TypeAlias = Callable[[Requester, C], Awaitable[None]]

# In seconds: how long a connection whose opening failed may take for the close handshake.
_FAREWELL = 0.5


class Connector(Generic[C]):
    """Opens connections for a Supervisor.

    Args:
        on_end: called with a connection whose opening failed, and whose socket may not be closed yet, and the reason.

    Attributes:
        endpoint: the address of the exchange.
        opener: opens sockets.
        logon: how new connections are logged on.
        turn: counts the attempts, so that the ports take turns.
    """

    def __init__(
        self,
        options: LiveOptions,
        target: Target[C],
        session: LiveSession[C],
        clock_keeper: ClockKeeper,
        subscriptions: Subscriptions[C],
        gates: Gates,
        on_end: Callable[[C, str], None],
    ) -> None:
        self._options = options
        self._target = target
        self._session = session
        self._clock_keeper = clock_keeper
        self._subscriptions = subscriptions
        self._share = gates.share
        self._on_end = on_end
        self._explains = True  # a refusal is explained
        self.turn = 0
        self.endpoint: Endpoint = target.endpoint
        self.logon = Logon(clock_keeper, gates, wanted=target.logs_on)
        self.opener = Opener(
            ssl_context=options.ssl_context,
            proxy=make_proxy(options),
            local_addr=choose_local_addr(options.local_addr),
            socket_options=check_socket_options(options.socket_options),
            max_message=options.max_message,
            headers=target.headers,
            unacknowledged=options.probe_interval + options.probe_timeout,
            now_us=clock_keeper.clock.now,
        )

    def new_connection(self) -> C:
        """A new connection of the session, which is not open yet."""
        return self._target.new_connection()

    def requester(self, connection: C) -> Requester:
        """Sends fastws' own requests on this connection."""
        timeout = min(self._options.timeout, self._options.connect_timeout)
        return self._target.requester(connection, timeout)

    async def open_next(self, prepare: Prepare[C] | None = None) -> C:
        """Open a connection to the port whose turn it is.

        ``prepare`` logs it on and subscribes, in place of prepare().
        """
        self._explains = False
        return await self._open(self._urls()[0], prepare or self.prepare)

    async def open_first(self) -> C:
        """Open the first connection of a client: try each port once, unless the answer of one is for all."""
        gate = self._share.closed_gate()
        if gate is not None:
            raise LocallyLimited(f"not connected: {gate.why}", gate.until_us)
        fault: FastwsError | None = None
        for url in self._urls():
            try:
                return await self._open(url, self.prepare)
            except FastwsError as error:
                fault = error
                if judge(error, self._clock_keeper.clock.now()) != ("failed", 0.0):
                    break
        assert fault is not None
        raise fault

    def _urls(self) -> list[str]:
        """The URLs of all ports, the next one first."""
        ports = self.endpoint.turn
        turn = self.turn % len(ports)
        return [self.endpoint.at_port(port).url for port in (*ports[turn:], *ports[:turn])]

    async def prepare(self, requester: Requester, connection: C) -> None:
        """Log a new connection on, and subscribe there."""
        await self.logon.match(requester, connection)  # it may have been made as a successor
        await self._subscriptions.restore(requester, connection)

    async def _open(self, url: str, prepare: Prepare[C]) -> C:
        """Open a connection as far as requests of the user can be sent."""
        options = self._options
        connection = await self._connect(url)
        try:
            requester = self.requester(connection)
            if options.sync_every is not None and not self._clock_keeper.clock.synced:
                await self._clock_keeper.measure(requester=requester)
            await prepare(requester, connection)
            if connection.close_reason is not None:
                raise ConnectionLost(f"the connection ended while it was opening: {connection.close_reason}")
            if self.logon.is_missing(connection):
                raise ConnectionLost("the exchange revoked the logon while the connection was opening")
        except FastwsError as error:
            self._on_end(connection, str(error))
            # picows ends a connection before it says why
            ending = isinstance(error, NotConnected) and not connection.is_open
            if not ending:
                connection.close()
            await disconnected([connection], _FAREWELL)
            connection.abort()
            if ending:
                raise NotConnected(
                    f"the connection to {url} ended while it was opening: {connection.close_reason}"
                ) from error
            raise
        except BaseException:
            self._on_end(connection, "the attempt was cancelled")
            connection.abort()
            raise
        return connection

    async def _connect(self, url: str) -> C:
        connection = self.new_connection()
        timeout = self._options.connect_timeout
        self._share.attempted()
        self._session.note("attempts")
        attempt = asyncio.ensure_future(self.opener.open(url, cast(picows.WSListener, connection)))
        try:
            await asyncio.wait([attempt], timeout=timeout)
            if not attempt.done():
                raise self.opener.timed_out(url, timeout)
            attempt.result()
        except BaseException as exc:
            connection.abandon()
            await end_attempt(attempt)
            if isinstance(exc, BadRequest) and exc.status == 400 and self._explains:
                raise await self._target.explain(exc, self._serves) from None
            raise
        return connection

    async def _serves(self, url: str) -> bool:
        """Whether the exchange accepts a connection to this URL."""
        self._share.attempted()
        self._session.note("attempts")
        try:
            transport = await self.opener.open(url, picows.WSListener())
        except ApiError:
            return False
        transport.disconnect(False)
        return True


async def disconnected(connections: Iterable[LiveConnection], timeout: float | None) -> None:
    """Wait until the sockets of the connections are closed."""
    closing = [asyncio.ensure_future(each.wait_disconnected()) for each in connections]
    if not closing:
        return
    try:
        await asyncio.wait(closing, timeout=timeout)
    finally:
        for disconnected in closing:
            if not disconnected.done():
                disconnected.cancel()
            elif not disconnected.cancelled():
                disconnected.exception()  # retrieve it: the close reason says the same
