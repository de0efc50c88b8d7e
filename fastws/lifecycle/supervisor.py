"""``Supervisor``: decides when a client connects, logs on and gives up. It handles no bytes."""

from __future__ import annotations

import asyncio

import picows

from .._core import Session
from .._native.connection import Connection
from ..errors import ApiError, BadRequest, InvalidRequest, NotConnected
from ..options import Options, choose_local_addr, make_endpoint, make_proxy, make_reader, make_schema
from ..requester import Requester
from .clock_keeper import OUTSIDE_WINDOW, ClockKeeper
from .endpoints import Endpoint
from .opening import Opener, end_attempt
from .schema_choice import refused_schema

__all__ = ["Supervisor"]


class Supervisor:
    """Opens and closes the one connection of a client.

    Attributes:
        endpoint: the address of the exchange.
        loop: the event loop that the client belongs to; None before begin().
    """

    def __init__(
        self, client: Requester, options: Options, session: Session, clock_keeper: ClockKeeper
    ) -> None:
        self._client = client
        self._options = options
        self._session = session
        self._clock_keeper = clock_keeper
        self.endpoint: Endpoint = make_endpoint(options)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._opener = Opener(
            ssl_context=options.ssl_context,
            proxy=make_proxy(options),
            local_addr=choose_local_addr(options.local_addr),
            max_message=options.max_message,
            now_us=clock_keeper.clock.now,
        )
        self._connection: Connection | None = None  # also while its socket is still to be closed
        self._closed: asyncio.Future[str] | None = None
        self._given_up: asyncio.Future[None] | None = None  # close() was called

    def is_at_home(self) -> bool:
        """Whether the client was opened in the event loop that is running."""
        return self.loop is not None and self.loop is _running_loop()

    def begin(self) -> None:
        """Bind the client to the running event loop.

        Raises:
            InvalidRequest: the client was opened before.
        """
        loop = _running_loop()
        if self.loop is not None:
            raise InvalidRequest("this client was opened before; call connect() for another one")
        self.loop = loop
        self._closed = loop.create_future()
        self._given_up = loop.create_future()
        self._session.bind(loop)

    def new_connection(self) -> Connection:
        """A new connection of the session, which is not open yet."""
        return self._session.new_connection(make_reader(self._options))

    async def open(self) -> None:
        """Connect; then measure the exchange's time and log on, if the options say so.

        Raises:
            FastwsError: as connect() documents. No connection stays open.
        """
        self.begin()
        self._connection = self._session.route = await self._connect()
        try:
            if self._options.sync_every is not None:
                await self._clock_keeper.measure()
                self._clock_keeper.start(self._options.sync_every)
            if self._logs_on():
                await self._log_on()
            self._check_given_up()
        except BaseException:
            await self.close()
            raise

    async def close(self, timeout: float = 2.0) -> None:
        """Close the connection, as Client.close() documents, or end the attempt to connect."""
        if self.loop is None or self._given_up is None:
            return
        self._check_home("close")
        if not self._given_up.done():
            self._given_up.set_result(None)
        connection = self._session.route or self._connection
        if connection is None:
            return
        timeout = max(0.0, timeout)  # also turns NaN into 0.0
        deadline = self.loop.time() + timeout
        try:
            drained = self._session.drain()
            if drained is not None:
                await asyncio.wait([drained], timeout=timeout)
            connections = {connection, *self._session.connections}
            for each in connections:
                each.close()
            closing = [asyncio.ensure_future(each.wait_disconnected()) for each in connections]
            _, pending = await asyncio.wait(closing, timeout=max(0.1, deadline - self.loop.time()))
            if pending:
                self._abort_all(connection)
                await asyncio.wait(pending)
            for disconnected in closing:
                disconnected.exception()  # retrieve it: the close reason says the same
        except BaseException:
            self._abort_all(connection)
            raise

    def _abort_all(self, connection: Connection) -> None:
        for each in {connection, *self._session.connections}:
            each.abort()

    async def wait_closed(self) -> str:
        """Wait until the connection is lost or closed; the result says why."""
        if self._closed is None:
            raise NotConnected("the client was never opened")
        if self._closed.done():
            return self._closed.result()
        self._check_home("wait_closed")
        return await asyncio.shield(self._closed)

    def lost(self, connection: Connection, reason: str) -> None:
        """A connection ended; ``reason`` says why. Without another one, the client is closed."""
        if self._session.connections:
            return
        self._clock_keeper.stop()
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(reason)

    def _check_home(self, what: str) -> None:
        assert self._session.loop_guard is not None
        self._session.loop_guard.check(what, "asyncio.run_coroutine_threadsafe")

    # ----------------------------------------------------------------------------------------------- connecting

    async def _connect(self) -> Connection:
        assert self._given_up is not None
        connection = self.new_connection()
        url, timeout = self.endpoint.url, self._options.connect_timeout
        attempt = asyncio.ensure_future(self._opener.open(url, connection))
        try:
            await asyncio.wait(
                (attempt, self._given_up), timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            self._check_given_up()
            if not attempt.done():
                raise self._opener.timed_out(url, timeout)
            attempt.result()
        except BaseException as exc:
            connection.abandon()
            await end_attempt(attempt)
            schema = make_schema(self._options)
            if schema is not None and isinstance(exc, BadRequest) and exc.status == 400:
                raise await refused_schema(schema, exc, self._serves) from None
            raise
        return connection

    async def _serves(self, schema_id: int, version: int) -> bool:
        """Whether the exchange accepts a connection that asks for this version of a schema."""
        schema = make_schema(self._options)
        assert schema is not None
        url = self.endpoint.url.replace(f"sbeSchemaVersion={schema.version}", f"sbeSchemaVersion={version}")
        try:
            transport = await self._opener.open(url, picows.WSListener())
        except ApiError:
            return False
        transport.disconnect(False)
        return True

    def _check_given_up(self) -> None:
        if self._given_up is not None and self._given_up.done():
            raise NotConnected("the client was closed while it was opening")

    # ------------------------------------------------------------------------------------------------- the logon

    def _logs_on(self) -> bool:
        """Whether the connection should be logged on."""
        signer = self._options.signer
        return self._options.logon == "auto" and signer is not None and signer.can_logon

    async def _log_on(self) -> None:
        """Send session.logon. If the exchange refuses the timestamp, measure its time and try once more."""
        try:
            await self._client.request("session.logon")
        except BadRequest as error:
            if error.code != OUTSIDE_WINDOW:
                raise
            await self._clock_keeper.correct()
            await self._client.request("session.logon")


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "fastws needs asyncio, and no asyncio event loop runs here: use fastws.run(main()) or asyncio.run(main());"
            ' trio has a loop of its own, and so has anyio with it (use backend="asyncio")'
        ) from None
