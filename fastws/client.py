"""``Client``: the public methods, which call the parts of the client.

Between the call of a request and its bytes, and between the bytes of a reply and its Future, none of this module's code
runs, but for the one line of the wrapper.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, overload

from ._common.shown import short, shown
from ._native.clock import Clock
from ._native.limiter import RateLimiter
from ._native.methods import MethodSpec, method_spec
from ._native.prepared import PreparedRequest
from ._native.waiters import RequestInfo
from .errors import InvalidRequest
from .lifecycle.clock_keeper import ClockKeeper
from .lifecycle.supervisor import Supervisor
from .methods import Methods
from .options import Options
from .session_handler import SessionHandler
from .signing import Signer
from .streams import UserDataStreams
from .trading.batch import Batch
from .trading.firewall import Firewall
from .trading.halt import Halting, HaltReport
from .trading.limits import RateLimit, rate_limits, weight_of
from .trading.resolve import Resolver
from .trading.symbols import Symbols
from .types import OnReply, Reply

__all__ = ["Client"]


class Client(Methods):
    """A connection to the exchange, with one method for each method of the API. connect() makes it.

    A client belongs to the event loop, the thread and the process that opened it. A call from elsewhere raises
    RuntimeError before anything is sent. A client does not reconnect: if its connection is lost, the requests in flight
    end at once, ``wait_closed()`` says why, and connect() makes another client. You may change ``on_event`` and
    ``on_orphan`` at any time.
    """

    # The generated wrappers are its only base class. To delegate to 55 methods would cost each request one call more,
    # or editors and type checkers would not see the signatures.

    def __init__(self, options: Options) -> None:
        signer = options.signer
        clock = Clock()
        self._options = options
        self._firewall = Firewall(options.waf_guard)
        self._firewall.check_prefix(options.client_order_id_prefix)
        self._clock_keeper = ClockKeeper(self, clock, options.time_unit)
        self._limiter = RateLimiter(
            clock,
            None if signer is None else signer.api_key,
            read_only=options.read_only,
            reserve=options.reserve_weight or 0,
            weigh=weight_of,
        )
        self._handler = SessionHandler(
            self, options, limiter=self._limiter, clock_keeper=self._clock_keeper, firewall=self._firewall
        )
        self._session = self._handler.session
        self._halting = Halting(
            self._handler.question_client,
            self._session,
            self._limiter,
            self._handler.unresolved,
            self._handler.failure,
            has_key=signer is not None,
        )
        self._user_data = UserDataStreams(self, self._session, self._handler, signer)
        self._symbols = Symbols(self._session)
        self._supervisor = Supervisor(self, options, self._session, self._clock_keeper)
        self._handler.on_lost = self._supervisor.lost

    def __repr__(self) -> str:
        if getattr(self, "_supervisor", None) is None:
            return "<fastws.Client not built>"
        state = "open" if self.connected else self.close_reason or "not open"
        return f"<fastws.Client {short(self._supervisor.endpoint.url)} {state}>"

    def __del__(self) -> None:
        if getattr(self, "_supervisor", None) is not None and self.connected:
            warnings.warn(
                f"unclosed {self!r}: use `async with`, or `await client.close()`", ResourceWarning, 2, self
            )

    def __reduce__(self) -> Any:
        raise TypeError(
            "a Client cannot be copied or pickled: it is a connection; connect() opens another one"
        )

    # ---------------------------------------------------------------------------------- opening and closing

    def __await__(self) -> Generator[Any, None, Client]:
        return self._open().__await__()

    async def __aenter__(self) -> Client:
        if self.connected and self._supervisor.is_at_home():  # async with await connect(…)
            return self
        return await self._open()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _open(self) -> Client:
        await self._supervisor.open()
        return self

    async def close(self, timeout: float = 2.0) -> None:
        """Close the connection.

        New requests are refused from now on. It waits up to ``timeout`` seconds for replies that are still awaited;
        then the requests in flight end. It closes the connection by WebSocket's close handshake, and aborts it if the
        exchange does not answer in the rest of the timeout (at least 0.1 s).
        """
        await self._supervisor.close(timeout)

    async def wait_closed(self) -> str:
        """Wait until the connection is lost or closed; the result says why.

        Raises:
            NotConnected: the client was never opened.
        """
        return await self._supervisor.wait_closed()

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
        """Send any method with any parameters, including methods that fastws does not know.

        When this returns, the request is encoded, signed and handed to the transport. ``await`` the Future, or pass it
        to ``asyncio.ensure_future``. Do not pass it to ``asyncio.create_task``, which accepts only coroutines: it
        raises, but the request is already sent.

        Args:
            method: Binance's name, e.g. "order.place".
            params: parameters by Binance's names; None values are left out.
            on_reply: called as ``on_reply(result, error)`` inside the read callback; there is no Future then.
            timeout: seconds until the request without a reply ends; None for the client's default.
            urgent: whether the request is written at once, after all corked requests. None: only cancels are.
            signer: sign this request with another key (made by load_signer()).

        Returns:
            A Future of the result; its ``info`` is the RequestInfo. With ``on_reply``, the RequestInfo itself.

        Raises:
            InvalidRequest: the name or a parameter is wrong. NotSent, NotConnected: the request cannot be sent now.
        """
        spec: MethodSpec = method_spec(method)
        return self._session.send(
            spec, {} if params is None else dict(params), on_reply, timeout, urgent, signer, False
        )

    def flush(self) -> None:
        """Write the corked requests now, and not at the end of the event loop's turn."""
        self._session.flush()

    def prepare(self, method: str, /, **params: Any) -> PreparedRequest:
        """Encode a request in advance, except for the parameters that change.

        ``quote = client.prepare("order.place", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC")``
        prepares it; each ``quote(price="52000.00", quantity="0.01")`` sends it. The call does the same as
        ``client.order_place(…)`` with all these parameters, in less time. Parameters of the call replace prepared ones.
        ``await`` its Future, or pass it to ``asyncio.ensure_future``; ``asyncio.create_task`` does not accept it.

        Args:
            method: Binance's name. A method that fastws does not know is sent as ``client.request()`` sends it.
            params: the parameters that do not change, by Binance's names; None values are left out. Client order ids
                cannot be prepared: fastws generates a new one for each request, or the call gives it.

        Returns:
            A callable, which takes parameters and the options ``on_reply``, ``timeout``, ``urgent`` and ``signer``.

        Raises:
            InvalidRequest: a name or a value is wrong. The call, not prepare(), raises it for a missing parameter.
        """
        prepared = PreparedRequest(self._session.send_prepared, method, params)
        for name in method_spec(method).free_texts:
            self._firewall.check(method, name, params.get(name))
        return prepared

    def batch(self) -> Batch:
        """``with client.batch():`` writes all requests of the block in one write, at the end of the block.

        If the block raises an exception, nothing is sent: its requests end as NotSent, and the exception goes on. A
        batch within a batch is written together with the outer one. ``urgent`` and ``flush()`` have no effect before
        the end. Requests beyond ``max_output`` bytes are refused as NotSent.

        Raises:
            RuntimeError: the block contained an ``await`` at which other code ran (its requests end as NotSent), or the
                block runs in another thread than the client. NotConnected: the client is not open.
        """
        return Batch(self._session)

    # ---------------------------------------------------------------------------------------------------- limiter

    def halt(self, timeout: float = 30.0, *, symbols: Iterable[str] = ()) -> asyncio.Future[HaltReport]:
        """Refuse new placements, cancel all open orders, and report which orders are left.

        From the call on, until ``resume()``, requests that place orders are refused as Halted. Corked ones are given
        up. Cancels and amendments still work. The other steps run in the background, even if you do not await the
        Future:

        - Cancel all open orders of the symbols that this client placed orders for: at once, and again when all
          placements in flight have their replies. (``openOrders.cancelAll`` also cancels orders that other clients of
          the account placed.)
        - Ask the exchange which orders are open.
        - Find out what became of placements without a reply.

        If this client placed no order and you name no symbol, as after a loss of the connection, it cancels nothing,
        and reports the open orders in ``left``.

        A second call during a halt joins it, and ends with the timeout of the first call. If it names more ``symbols``,
        their orders are cancelled afterwards, with the timeout of the second call.

        Args:
            timeout: seconds for all steps; the report says what is unknown when it is over. The wait for placements in
                flight ends 2 s before (or at half of the timeout, if that is later), so that there is time for a second
                cancel.
            symbols: more symbols to cancel, of the client's own account.

        Returns:
            A Future of a HaltReport; its ``clean`` says whether nothing is left. Errors of the exchange and of the
            connection are not raised: they are in ``errors``.

        Raises:
            InvalidRequest: an argument is wrong; nothing is halted.
        """
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
            raise InvalidRequest(f"timeout: expected seconds above 0, got {shown(timeout)}")
        return self._halting.start(float(min(timeout, 1e9)), symbols)

    def resume(self) -> None:
        """Allow new placements again, after ``halt()``.

        Raises:
            RuntimeError: the halt is not finished; await it first.
        """
        if self._halting.task is not None and not self._halting.task.done():
            raise RuntimeError("client.halt() is under way: await it before client.resume()")
        self._limiter.halt(False)

    @property
    def halted(self) -> bool:
        """Whether requests that place orders are refused, because ``halt()`` was called."""
        return self._limiter.halted

    @property
    def read_only(self) -> bool:
        """Whether trading requests are refused, because of ``connect(read_only=True)``."""
        return self._limiter.read_only

    @property
    def limits(self) -> list[RateLimit]:
        """The rate limits of this address and of the client's account, as the latest replies showed them."""
        return rate_limits(self._limiter)

    def limits_of(self, signer: Signer) -> list[RateLimit]:
        """The rate limits of this address and of the account of another key, which signed requests by ``signer=``."""
        account = self._limiter.own_account(signer, None)
        return self.limits if account is None else rate_limits(self._limiter, account)

    # ----------------------------------------------------------------------------------------------------- clock

    @property
    def clock(self) -> Clock:
        """The measured time of the exchange: ``offset`` and ``uncertainty`` in microseconds, ``age`` in seconds."""
        return self._clock_keeper.clock

    async def sync_time(self, samples: int = 8) -> Clock:
        """Measure the exchange's time, and correct the timestamps of requests from now on.

        After it, timestamps come from the monotonic clock, so a change of this machine's clock does not change them.
        ``connect(sync_every=…)`` repeats the measurement in the background.

        Args:
            samples: how many ``time`` requests are sent, one after the other, from 1 to 100; the quicker half counts.

        Returns:
            ``client.clock``.

        Raises:
            InvalidRequest: ``samples`` is wrong. FastwsError: a request failed; the previous measurement is kept.
        """
        return await self._clock_keeper.measure(samples)

    @property
    def __resolver__(self) -> Resolver:
        """For ``ExecutionUnknown.resolve(client=…)``."""
        return self._handler.resolver

    # -------------------------------------------------------------------------------------------- callbacks

    @property
    def on_event(self) -> Callable[[dict[str, Any], int | None], object] | None:
        """Called with (event, subscription id or None) inside the read callback; connect() says for which events."""
        return self._handler.on_event

    @on_event.setter
    def on_event(self, callback: Callable[[dict[str, Any], int | None], object] | None) -> None:
        self._handler.on_event = callback

    @property
    def on_orphan(self) -> Callable[[RequestInfo, Any], object] | None:
        """Called with (request info, outcome) when a request ends after its caller stopped waiting; see connect()."""
        return self._handler.on_orphan

    @on_orphan.setter
    def on_orphan(self, callback: Callable[[RequestInfo, Any], object] | None) -> None:
        self._handler.on_orphan = callback

    # ---------------------------------------------------------------------------------------------- properties

    @property
    def connected(self) -> bool:
        """Whether requests can be sent."""
        return self._session.is_open

    @property
    def logged_on(self) -> bool:
        """Whether the connection is logged on by ``session.logon``."""
        return self._session.route is not None and self._session.route.logged_on

    @property
    def seq(self) -> int:
        """The number of the latest message that was read, or is being read; replies and events carry theirs."""
        return 0 if self._session.route is None else self._session.route.seq

    @property
    def sbe_deprecated(self) -> bool:
        """Whether the exchange calls the SBE schema of the connection deprecated: use a newer one soon."""
        return self._session.route is not None and self._session.route.sbe_deprecated

    @property
    def close_reason(self) -> str | None:
        """Why the connection is not open; None while it is open."""
        return self._session.close_reason

    @property
    def recv_window(self) -> float | None:
        """The default ``recvWindow`` of signed requests in milliseconds; None for the exchange's default (5000)."""
        return self._options.recv_window

    @property
    def client_order_id_prefix(self) -> str:
        """The prefix of the client order ids that fastws generates."""
        return self._options.client_order_id_prefix

    @property
    def in_flight(self) -> int:
        """How many requests have no reply yet. A request that timed out counts until fastws forgets it."""
        return self._session.in_flight_count

    @property
    def symbols(self) -> Symbols:
        """The symbols and their filters, after ``await client.symbols.load()``; see fastws.trading.symbols."""
        return self._symbols

    @property
    def stats(self) -> dict[str, int]:
        """Counters of the connection:

        - ``requests`` sent, ``replies`` received, ``writes`` to the transport;
        - ``messages`` received, and how many of them were ``events``; ``pings`` answered;
        - ``lost_events``: the buffer of their subscription was full;
        - ``unknown_events``: of subscriptions that this client did not make;
        - ``stale`` replies: they came a second time, or too late;
        - ``unknown`` replies: no request had their id;
        - ``orphans``: replies that came after the caller had stopped waiting;
        - ``unreadable`` messages.
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
