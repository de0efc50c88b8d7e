"""Client: the API's methods, and the parts that do the rest.

A Client puts its parts together, and its public methods lead to them. No code of this module runs between a request's
call and its bytes, or between a reply's bytes and its future, but the wrapper's own line.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, overload

from ._common.shown import short, shown
from ._native.brakes import Brakes
from ._native.clock import Clock
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
    """A connection to the exchange, with a method for each method of the API. Made by connect().

    It belongs to the event loop, the thread and the process that opened it: a call from elsewhere raises RuntimeError
    before anything is sent. A connection that is lost stays lost: what is in flight ends at once, ``wait_closed()``
    says why, and connect() makes another client. ``on_event`` and ``on_orphan`` may be changed at any time.
    """

    # The generated wrappers are its one base class: delegating to 55 methods would cost each request a call more, or
    # the signatures that editors and type checkers see.

    def __init__(self, options: Options) -> None:
        signer = options.signer
        clock = Clock()
        self._options = options
        self._firewall = Firewall(options.waf_guard)
        self._firewall.check_prefix(options.client_order_id_prefix)
        self._clock_keeper = ClockKeeper(self, clock, options.time_unit)
        self._brakes = Brakes(
            clock,
            None if signer is None else signer.api_key,
            read_only=options.read_only,
            reserve=options.reserve_weight or 0,
            weigh=weight_of,
        )
        self._handler = SessionHandler(
            self, options, brakes=self._brakes, clock_keeper=self._clock_keeper, firewall=self._firewall
        )
        self._session = self._handler.session
        self._halting = Halting(
            self._handler.question_client,
            self._session,
            self._brakes,
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

        Replies that are still awaited may come for up to ``timeout`` seconds; then what is in flight ends, and the
        connection is closed by handshake, or cut when the exchange does not answer that in time (0.1 s at the
        least). New requests are refused from the moment of the call.
        """
        await self._supervisor.close(timeout)

    async def wait_closed(self) -> str:
        """Wait until the connection is lost or closed; the result says why."""
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
        return self._session.send(
            spec, {} if params is None else dict(params), on_reply, timeout, urgent, signer, False
        )

    def flush(self) -> None:
        """Write the corked requests now, instead of at the end of the event loop's turn."""
        self._session.flush()

    def prepare(self, method: str, /, **params: Any) -> PreparedRequest:
        """Make a request ready, but for the parameters that change.

        ``quote = client.prepare("order.place", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC")``, then
        ``quote(price="52000.00", quantity="0.01")`` as often as you like: it does what ``client.order_place(…)`` does
        with all of them, in less time. What a call gives replaces what is prepared. Its Future is for ``await`` or
        ``asyncio.ensure_future``; ``asyncio.create_task`` refuses it.

        Args:
            method: Binance's name. One that fastws does not know is sent as ``client.request()`` does.
            params: the parameters that stay, by Binance's names; None values are left out. Client order ids cannot be
                fixed: fastws makes a fresh one for each request, or the call gives it.

        Returns:
            A callable, which takes parameters and the options ``on_reply``, ``timeout``, ``urgent`` and ``signer``.

        Raises:
            InvalidRequest: a name or a value is wrong. What is missing is told by the call.
        """
        prepared = PreparedRequest(self._session.send_prepared, method, params)
        for name in method_spec(method).free_texts:
            self._firewall.check(method, name, params.get(name))
        return prepared

    def batch(self) -> Batch:
        """``with client.batch():`` writes what is requested inside in one write at its end.

        An exception inside sends nothing: the requests end as NotSent, and the exception goes on. Nested batches join
        the outer one; ``urgent`` and ``flush()`` wait for the end. More than ``max_output`` bytes are refused as
        NotSent.

        Raises:
            RuntimeError: the block spanned an ``await`` at which other code ran (its requests end as NotSent), or
                it runs in another thread than the client's. NotConnected: the client is not open.
        """
        return Batch(self._session)

    # ---------------------------------------------------------------------------------------------------- brakes

    def halt(self, timeout: float = 30.0, *, symbols: Iterable[str] = ()) -> asyncio.Future[HaltReport]:
        """Place no more orders, cancel those that are open, and say what is left.

        From the moment of the call, requests that place orders are refused as Halted, until ``resume()``; those that
        wait to be written are given up. Then, in the background, whether or not this is awaited: all open orders of the
        symbols that this client placed orders for are cancelled (``openOrders.cancelAll``: also those that others
        placed for the same account), at once and again when all placements in flight are answered; the exchange is
        asked what is open; and placements that got no answer are looked for. Where this client placed no order and none
        is named, as after a loss of the connection, what is open is told in ``left``, and not cancelled. A halt that is
        under way is joined, and ends by its own timeout (more ``symbols`` are cancelled after it, with the timeout of
        this call). Cancels go on working, as do amendments.

        Args:
            timeout: seconds for all of it; what is not known by then is in the report. Placements in flight are waited
                for until 2 s before the end, or half the timeout, so that there is time to cancel once more.
            symbols: more symbols to cancel, of the client's own account.

        Returns:
            A Future of a HaltReport; its ``clean`` says whether nothing is left. No error of the exchange or of the
            connection is raised: they are in ``errors``.

        Raises:
            InvalidRequest: an argument is wrong; nothing is halted.
        """
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
            raise InvalidRequest(f"timeout: expected seconds above 0, got {shown(timeout)}")
        return self._halting.start(float(min(timeout, 1e9)), symbols)

    def resume(self) -> None:
        """Place orders again, after ``halt()``.

        Raises:
            RuntimeError: the halt is under way; await it first.
        """
        if self._halting.task is not None and not self._halting.task.done():
            raise RuntimeError("client.halt() is under way: await it before client.resume()")
        self._brakes.halt(False)

    @property
    def halted(self) -> bool:
        """Whether requests that place orders are refused, since ``halt()``."""
        return self._brakes.halted

    @property
    def read_only(self) -> bool:
        """Whether trading requests are refused, by ``connect(read_only=True)``."""
        return self._brakes.read_only

    @property
    def limits(self) -> list[RateLimit]:
        """The rate limits, as the latest replies showed them: those of the address, and of the client's account."""
        return rate_limits(self._brakes)

    def limits_of(self, signer: Signer) -> list[RateLimit]:
        """The rate limits of the account of another key, which signed requests by ``signer=``."""
        account = self._brakes.own_account(signer, None)
        return self.limits if account is None else rate_limits(self._brakes, account)

    # ----------------------------------------------------------------------------------------------------- clock

    @property
    def clock(self) -> Clock:
        """What is known of the exchange's time: ``offset``, ``uncertainty`` (microseconds), ``age`` (seconds)."""
        return self._clock_keeper.clock

    async def sync_time(self, samples: int = 8) -> Clock:
        """Measure the exchange's time, and correct timestamps by it from then on.

        Timestamps then come from the monotonic clock, so setting this machine's clock does not change them. It is done
        again in the background with ``connect(sync_every=…)``.

        Args:
            samples: how many ``time`` requests, one after the other; the quickest ones count.

        Returns:
            ``client.clock``.

        Raises:
            FastwsError: a request failed; what was known before is kept.
        """
        return await self._clock_keeper.measure(samples)

    @property
    def __resolver__(self) -> Resolver:
        """For ``ExecutionUnknown.resolve(client=…)``."""
        return self._handler.resolver

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
        """The symbols and their filters, once ``await client.symbols.load()`` has loaded them; see
        fastws.trading.symbols.
        """
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
