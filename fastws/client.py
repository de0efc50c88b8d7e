"""connect() and Client: the thin face over a session.

A Client owns one Session (the connection) and says what happens around it: opening, logging on, closing, and what a
request that got no result ends in. No code of this module runs between a request's call and its bytes, or between a
reply's bytes and its future, but the wrapper's own line.
"""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import InitVar
from typing import Any, ParamSpec, overload

import picows

from ._core import Session
from ._methods import MethodSpec, method_spec
from ._schema_choice import refused_schema
from ._shown import short
from ._waiters import RequestInfo
from .desk import Desk
from .errors import (
    ApiError,
    BadRequest,
    InvalidRequest,
    NotConnected,
)
from .opening import Opener, end_attempt
from .options import (
    Options,
    choose_local_addr,
    make_endpoint,
    make_proxy,
    make_reader,
    make_schema,
    untraced,
)
from .resolve import Resolver
from .session_handler import SessionHandler
from .signing import Signer
from .streams import UserDataStreams
from .symbols import Symbols
from .types import OnReply, Reply
from .waf import Firewall

_P = ParamSpec("_P")


class Client(Desk, UserDataStreams):
    """A connection to the exchange, with a method for each method of the API. Made by connect().

    It belongs to the event loop, the thread and the process that opened it: a call from elsewhere raises RuntimeError
    before anything is sent. A connection that is lost stays lost: what is in flight ends at once, ``wait_closed()``
    says why, and connect() makes another client. ``on_event`` and ``on_orphan`` may be changed at any time.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._firewall = Firewall(options.waf_guard)
        self._firewall.check_prefix(options.client_order_id_prefix)
        self._set_up_desk()
        self._handler: SessionHandler = SessionHandler(
            self,
            options,
            brakes=self._brakes,
            clock_keeper=self._clock_keeper,
            evidence=self._evidence,
            firewall=self._firewall,
            resolver=self._resolver,
            unresolved=self._unresolved,
            on_lost=self._lost,
        )
        self._schema = make_schema(options)
        self._endpoint = make_endpoint(options)
        signer = options.signer
        self._signer = signer
        self._logon = options.logon == "auto" and signer is not None and signer.can_logon
        self._opener = Opener(
            ssl_context=options.ssl_context,
            proxy=make_proxy(options),
            local_addr=choose_local_addr(options.local_addr),
            max_message=options.max_message,
            now_us=self._clock.now,
        )
        self._session = self._make_session()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed: asyncio.Future[str] | None = None
        self._given_up: asyncio.Future[None] | None = None  # close() was called
        self._symbols: Symbols | None = None

    def __repr__(self) -> str:
        endpoint = getattr(self, "_endpoint", None)
        if endpoint is None:
            return "<fastws.Client not built>"
        state = "open" if self.connected else self._session.close_reason or "not open"
        return f"<fastws.Client {short(endpoint.url)} {state}>"

    def __del__(self) -> None:
        if getattr(self, "_session", None) is not None and self.connected:
            warnings.warn(
                f"unclosed {self!r}: use `async with`, or `await client.close()`", ResourceWarning, 2, self
            )

    def __reduce__(self) -> Any:
        raise TypeError(
            "a Client cannot be copied or pickled: it is a connection; connect() opens another one"
        )

    # ---------------------------------------------------------------------------------- opening and closing

    def __await__(self) -> Any:
        return self._open().__await__()

    async def __aenter__(self) -> Client:
        if self.connected and self._loop is _running_loop():  # async with await connect(…)
            return self
        return await self._open()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _open(self) -> Client:
        running = _running_loop()
        if self._loop is not None:
            raise InvalidRequest("this client was opened before; call connect() for another one")
        self._loop = self._handler.loop = running
        self._closed = self._loop.create_future()
        self._given_up = self._loop.create_future()
        self._session.bind(self._loop)
        connection = self._session.new_connection(make_reader(self._options))
        attempt = asyncio.ensure_future(self._opener.open(self._endpoint.url, connection))
        try:
            await asyncio.wait(
                (attempt, self._given_up),
                timeout=self._options.connect_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            self._check_given_up()
            if not attempt.done():
                raise self._opener.timed_out(self._endpoint.url, self._options.connect_timeout)
            attempt.result()
        except BaseException as exc:
            connection.abandon()
            await end_attempt(attempt)
            if self._schema is not None and isinstance(exc, BadRequest) and exc.status == 400:
                raise await refused_schema(self._schema, exc, self._serves) from None
            raise
        self._session.route = connection
        try:
            if self._options.sync_every is not None:
                await self.sync_time()
                self._clock_keeper.start(self._options.sync_every)
            if self._logon:
                await self._log_on()
            self._check_given_up()
        except BaseException:
            await self.close()
            raise
        return self

    def _make_session(self, serial: int = 0) -> Session:
        options = self._options
        return Session(
            self._handler,
            self._brakes,
            self._clock,
            numbers=options.numbers,
            signer=options.signer,
            timeout=options.timeout,
            recv_window=options.recv_window,
            cork=options.cork,
            max_message=options.max_message,
            max_output=options.max_output,
            serial=serial,
            views=options.results == "view",
            guard=self._firewall.guards,
            id_prefix=options.client_order_id_prefix,
        )

    async def _serves(self, schema_id: int, version: int) -> bool:
        """Whether the exchange takes connections that ask for this version of a schema."""
        assert self._schema is not None
        url = self._endpoint.url.replace(
            f"sbeSchemaVersion={self._schema.version}", f"sbeSchemaVersion={version}"
        )
        try:
            transport = await self._opener.open(url, picows.WSListener())
        except ApiError:
            return False
        transport.disconnect(False)
        return True

    def _check_given_up(self) -> None:
        if self._given_up is not None and self._given_up.done():
            raise NotConnected("the client was closed while it was opening")

    async def close(self, timeout: float = 2.0) -> None:
        """Close the connection.

        Replies that are still awaited may come for up to ``timeout`` seconds; then what is in flight ends, and the
        connection is closed by handshake, or cut when the exchange does not answer that in time (0.1 s at the
        least). New requests are refused from the moment of the call.
        """
        if self._loop is None or self._given_up is None:
            return
        self._session.home.check("close", "asyncio.run_coroutine_threadsafe")
        if not self._given_up.done():
            self._given_up.set_result(None)
        connection = self._session.route
        if connection is None:
            return  # an attempt to connect that is under way ends now
        timeout = max(0.0, timeout)  # NaN is 0.0 then
        deadline = self._loop.time() + timeout
        try:
            drained = self._session.drain()
            if drained is not None:
                await asyncio.wait([drained], timeout=timeout)
            connection.close()
            closing = asyncio.ensure_future(connection.wait_disconnected())
            done, _ = await asyncio.wait([closing], timeout=max(0.1, deadline - self._loop.time()))
            if not done:
                connection.abort()
                await asyncio.wait([closing])
            closing.exception()  # what broke the connection is known as its close reason
        except BaseException:
            connection.abort()
            raise

    async def wait_closed(self) -> str:
        """Wait until the connection is lost or closed; the result says why."""
        if self._closed is None:
            raise NotConnected("the client was never opened")
        if self._closed.done():
            return self._closed.result()
        self._session.home.check("wait_closed", "asyncio.run_coroutine_threadsafe")
        return await asyncio.shield(self._closed)

    # --------------------------------------------------------------------------------------------- requests

    @overload
    def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        on_reply: None = None,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> Reply[Any]: ...
    @overload
    def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        on_reply: OnReply,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> RequestInfo: ...
    def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        on_reply: OnReply | None = None,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> Reply[Any] | RequestInfo:
        """Send any method with any parameters, also one that fastws does not know.

        The request is encoded, signed and handed over when this returns. ``await`` the Future, or give it to
        ``asyncio.ensure_future``; ``asyncio.create_task`` wants a coroutine and refuses it, when it is sent already.

        Args:
            method: Binance's name, e.g. "order.place".
            params: parameters by Binance's names; None values are left out.
            on_reply: called as ``on_reply(result, error)`` inside the read callback, instead of a future.
            timeout: seconds; the client's default when None.
            urgent: write at once, with all that is corked before it; cancels are urgent by default.
            signer: sign this one request with another key (made by load_signer()).

        Returns:
            A Future of the result; its ``info`` is the RequestInfo. With ``on_reply``, the RequestInfo itself.

        Raises:
            InvalidRequest: the name or a parameter is wrong. NotSent, NotConnected: it cannot be sent now.
        """
        spec: MethodSpec = method_spec(method)
        return self._session.send(  # type: ignore[no-any-return]
            spec, {} if params is None else dict(params), on_reply, timeout, urgent, signer, False
        )

    def flush(self) -> None:
        """Write the corked requests now, instead of at the end of the event loop's turn."""
        self._session.flush()

    @property
    def __resolver__(self) -> Resolver:
        """For ``ExecutionUnknown.resolve(client=…)``."""
        return self._resolver

    # -------------------------------------------------------------------------------------------- callbacks

    @property
    def on_event(self) -> Callable[[dict[str, Any], int | None], object] | None:
        """Called with (event, subscription id or None), inside the read callback, for what no Subscription takes."""
        return self._handler.on_event

    @on_event.setter
    def on_event(self, callback: Callable[[dict[str, Any], int | None], object] | None) -> None:
        self._handler.on_event = callback

    @property
    def on_orphan(self) -> Callable[[RequestInfo, Any], object] | None:
        """Called with (request info, outcome) when a request comes to its end after its waiter gave up."""
        return self._handler.on_orphan

    @on_orphan.setter
    def on_orphan(self, callback: Callable[[RequestInfo, Any], object] | None) -> None:
        self._handler.on_orphan = callback

    # ---------------------------------------------------------------------------------------------- to look at

    @property
    def connected(self) -> bool:
        """Whether requests can be sent."""
        return self._session.is_open

    @property
    def logged_on(self) -> bool:
        """Whether the connection is authorised by ``session.logon``."""
        return self._session.route is not None and self._session.route.logged_on

    @property
    def seq(self) -> int:
        """The number of the latest message that was read, or is being read; it orders replies and events."""
        return 0 if self._session.route is None else self._session.route.seq

    @property
    def sbe_deprecated(self) -> bool:
        """Whether the exchange said that the session's SBE schema is deprecated: a newer one should be used soon."""
        return self._session.route is not None and self._session.route.sbe_deprecated

    @property
    def close_reason(self) -> str | None:
        """Why the connection is not open (any more); None while it is."""
        return self._session.close_reason

    @property
    def recv_window(self) -> float | None:
        """The default ``recvWindow`` of signed requests, in milliseconds; None for the exchange's (5000)."""
        return self._options.recv_window

    @property
    def client_order_id_prefix(self) -> str:
        """How the client order ids begin that fastws makes."""
        return self._options.client_order_id_prefix

    @property
    def in_flight(self) -> int:
        """Requests without a reply; those that timed out count until they are forgotten."""
        return self._session.in_flight_count

    @property
    def symbols(self) -> Symbols:
        """The symbols and their filters, once ``await client.symbols.load()`` has loaded them; see fastws.symbols."""
        if self._symbols is None:
            self._symbols = Symbols(self)
        return self._symbols

    @property
    def stats(self) -> dict[str, int]:
        """Counters of the connection.

        ``requests`` and ``replies``; ``writes`` to the transport; ``messages`` received, of which ``events``; ``pings``
        answered; ``lost_events``, which no buffer had room for, and ``unknown_events``, of subscriptions that nobody
        here made; ``stale`` replies, which came again or too late; ``unknown`` ones, for ids never sent; ``orphans``,
        which came after their waiter had given up; ``unreadable`` messages.
        """
        connection = self._session.route
        names = (
            "requests",
            "replies",
            "writes",
            "events",
            "pings",
            "stale",
            "unknown",
            "orphans",
            "unreadable",
        )
        if connection is None:
            return dict.fromkeys((*names, "messages", "lost_events", "unknown_events"), 0)
        return {name: getattr(connection, name) for name in names} | {
            "messages": connection.seq,
            "lost_events": connection.router.lost,
            "unknown_events": connection.router.unknown,
        }

    def _signing(self, signer: Signer | None) -> Signer | None:
        """The ``signer`` of a request for the account of that key; None is the client's own, whoever is logged on."""
        connection = self._session.route
        others = connection is not None and connection.logon_signer is not None
        return self._signer if signer is None and others else signer

    def _lost(self, reason: str) -> None:
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(reason)


def _with_options_of(make: Callable[_P, Options]) -> Callable[[Callable[..., Client]], Callable[_P, Client]]:
    """A decorator: the function takes what ``make`` takes, for type checkers and for inspect.signature()."""

    def decorate(function: Callable[..., Client]) -> Callable[_P, Client]:
        signature = inspect.signature(make)
        plain = [
            parameter.replace(annotation=parameter.annotation.type)
            if isinstance(parameter.annotation, InitVar)
            else parameter
            for parameter in signature.parameters.values()
        ]
        made = signature.replace(parameters=plain, return_annotation=Client)
        function.__signature__ = made  # type: ignore[attr-defined]
        function.__annotations__ = {name: each.annotation for name, each in made.parameters.items()}
        function.__annotations__["return"] = Client
        return function

    return decorate


@_with_options_of(Options)
@untraced
def connect(*args: Any, **options: Any) -> Client:
    """A client of the exchange; use it in ``async with``, or await it, and ``close()`` it.

    Args:
        endpoint: "prod", "testnet", "demo", or a URL. There is no default: nobody trades for real by omission.
        api_key: the API key, with ``secret`` or ``private_key``.
        secret: of an HMAC key.
        private_key: a path or PEM bytes, of an RSA or Ed25519 key.
        passphrase: of a private key that is encrypted.
        signer: what load_signer() made, instead of these four.
        port: 443, which is the default, or 9443.
        allow_plaintext: accept a ``ws://`` URL of another machine, on a network that is yours: keys and orders go there
            unencrypted.
        sbe: whether the exchange answers in SBE, its binary format; results are the same as in JSON.
        schema: the SBE schema to ask for; by default the newest one that comes with fastws.
        results: "dict", or "view": a read-only Mapping over the received bytes that decodes a field when it is read.
        numbers: decimals as the exchange's exact texts ("str"), as float ("float"), or as decimal.Decimal ("decimal").
        time_unit: unit of the timestamps in results: "ms" or "us".
        rate_limits: whether replies carry the rate limits, which ``client.limits`` shows.
        recv_window: default ``recvWindow`` of signed requests, in milliseconds (the exchange's default is 5000).
        timeout: seconds until a request without a reply ends. The exchange itself answers -1007 after 10 s.
        connect_timeout: seconds until an attempt to connect ends.
        logon: "auto" authorises the connection by ``session.logon`` when the key is Ed25519; "never" signs each
            request.
        read_only: whether trading requests are refused as ReadOnly, and with them what fastws does not know.
        reserve_weight: request weight of each window that reads must leave for other requests: reads that would
            take it are refused as LocallyLimited, as soon as a reply has shown the limit. None keeps nothing.
        sync_every: seconds between measurements of the exchange's time (``sync_time()``) in the background, from the
            opening on; None measures on demand, and once after the exchange refused a timestamp (-1021).
        cork: whether requests of one turn of the event loop, behind the first, leave in one write.
        waf_guard: what happens to a client order id of yours, or another text that you word, which holds an SQL keyword
            that Binance's firewall may take for an attack (fastws.waf has the list). "warn": it is logged as a warning,
            once for a word; "refuse": the request is refused; "off": it is sent.
        client_order_id_prefix: how the client order ids begin that fastws makes where you give none: up to 23 letters,
            digits, - and _. At least 13 random characters (65 bits) follow, 22 at most.
        max_output: bytes that may wait for the exchange to read them; beyond it requests are refused as not sent, and
            an exchange that pings, and reads nothing, has lost the connection.
        max_message: largest message that is accepted, in bytes.
        ssl_context: for TLS; the default verifies the exchange's certificate.
        proxy: URL of a proxy: http, https, socks4, socks4a, socks5 or socks5h, with user name and password where it
            wants them. The proxy looks up the exchange's name, except with socks4.
        local_addr: the address of this machine to connect from, as "10.0.0.5" or as (address, port); the exchange
            counts weight and connections by address. By default the system chooses.
        on_event: called with (event, subscription id or None), inside the read callback, for each event that no
            Subscription takes: those of the connection itself, such as serverShutdown (id None), those of a
            subscription made by ``request()``, and those of subscriptions that nobody here made.
        on_orphan: called with (request info, outcome) when a request comes to its end after its waiter gave up: its
            result or its error. A timeout is such an error; a reply that comes later is told as well. So is the end
            of a trading request whose Future nobody refers to any more. Without on_orphan, the end of a trading request
            is logged as a warning, with its client order id.

    Raises:
        InvalidRequest: an argument is wrong (InvalidKey: the key).
        NotConnected: no connection could be made: the message says why, and what was waited for.
        ApiError: the exchange refused it (status 4xx or 5xx), or the logon.
        RequestTimeout, ConnectionLost, DecodeError: the logon, or with ``sync_every`` the first measurement, got no
            answer in time, or none that can be read.
    """
    return Client(Options(*args, **options))


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "fastws needs asyncio, and no asyncio event loop runs here: use fastws.run(main()) or asyncio.run(main());"
            ' trio has a loop of its own, and so has anyio with it (use backend="asyncio")'
        ) from None


__all__ = ["Client", "connect"]
