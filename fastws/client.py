"""``Client``: the public methods, which call the parts of the client.

Between the call of a request and its bytes, and between the bytes of a reply and its Future, none of this module's code
runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from typing import Any, Literal

from ._common.shown import short, shown
from ._native.clock import Clock
from ._native.latency import KINDS_OF
from ._native.limiter import RateLimiter
from ._native.waiters import RequestInfo
from .client_trading import ClientTrading
from .errors import FastwsError, InvalidRequest
from .gaps import Gap
from .latency import Latency
from .lifecycle.api_target import ApiTarget
from .lifecycle.clock_keeper import ClockKeeper
from .lifecycle.shared import Gates
from .lifecycle.supervisor import Supervisor
from .lifecycle.table import OPEN
from .lifecycle.transports import describe
from .option_checks import check_callback, checked_timeout
from .options import Options, make_share
from .rekey import Rekeying
from .session_handler import SessionHandler
from .signing import Signer
from .streams import UserDataStreams
from .trading.firewall import Firewall
from .trading.gap_recovery import GapRecovery
from .trading.halt import Halting
from .trading.halt import Parts as HaltParts
from .trading.limits import weight_of
from .trading.symbols import Symbols
from .transport_info import TransportInfo

__all__ = ["Client"]


class Client(ClientTrading):
    """A connection to the exchange, with one method for each method of the API. connect() makes it.

    A client belongs to the event loop, the thread and the process that opened it. A call from elsewhere raises
    RuntimeError before anything is sent. If its connection is lost, the requests in flight end at once, and the client
    connects again; until then, requests raise NotConnected, and ``await client.wait_open()`` waits.
    ``connect(reconnect=False)`` makes a client whose lost connection stays lost. You may change ``on_event``,
    ``on_orphan``, ``on_gap`` and ``on_state`` at any time.
    """

    # Its methods come from a chain of base classes. To delegate to the 55 methods would cost each request one call
    # more, or editors and type checkers would not see the signatures.

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
        gates = Gates(make_share(options), self._limiter, None if signer is None else signer.api_key)
        self._handler = SessionHandler(
            self,
            options,
            limiter=self._limiter,
            gates=gates,
            clock_keeper=self._clock_keeper,
            firewall=self._firewall,
        )
        self._session = self._handler.session
        self._user_data = UserDataStreams(
            self, self._session, self._handler, signer, self._handler.keeper.drop
        )
        self._symbols = Symbols(self._session)
        self._supervisor = Supervisor(
            options,
            ApiTarget(options, self._session),
            self._session,
            self._handler,
            self._clock_keeper,
            gates,
            self._handler.keeper,
        )
        self._halting = Halting(
            HaltParts(
                self._handler.question_client,
                self._session,
                self._limiter,
                self._handler.unresolved,
                self._handler.failure,
                self._handler.turns,
                self._supervisor.wait_open,
                has_key=signer is not None,
                probe_within=options.stall_after or options.probe_timeout,
            )
        )
        self._gap_recovery = GapRecovery(
            self._handler.question_client,
            self._handler.turns,
            self._handler.accounts,
            self._handler.keeper.gaps,
            self._handler.signers,
        )
        self._rekeying = Rekeying(
            self,
            self._handler.accounts,
            self._supervisor.connector.logon,
            signer,
            automatic=options.logon == "auto",
            use=self._use_key,
        )
        self._handler.on_lost = self._supervisor.lost
        self._handler.wait_open = self._supervisor.wait_open
        self._supervisor.on_closed = self._handler.resolver.closed
        self._handler.on_logon = self._supervisor.logon_changed
        self._handler.on_revoked = self._supervisor.revoked
        self._handler.on_left = self._supervisor.rotation.left
        self._handler.on_shutdown_notice = self._supervisor.notice

    def __repr__(self) -> str:
        if getattr(self, "_supervisor", None) is None:
            return "<fastws.Client not built>"
        state = "open" if self.connected else self.close_reason or "not open"
        if self.state in ("connecting", "waiting", "rotating", "draining"):
            state = self.state
        return f"<fastws.Client {short(self._supervisor.connector.endpoint.url)} {state}>"

    def __del__(self) -> None:
        if getattr(self, "_supervisor", None) is not None and self.state not in ("new", "closed"):
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
        if self._supervisor.is_at_home() and self.state in (*OPEN, "connecting", "waiting"):
            return self  # async with await …
        return await self._open()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _open(self) -> Client:
        await self._supervisor.open()
        return self

    async def close(self, timeout: float = 2.0) -> None:
        """Close the client, for good.

        New requests are refused from now on. It waits up to ``timeout`` seconds for replies that are still awaited;
        then the requests in flight end. It closes the connection by WebSocket's close handshake, and aborts it if the
        exchange does not answer in the rest of the timeout (at least 0.1 s). An attempt to connect ends at once.

        Raises:
            InvalidRequest: ``timeout`` is no number; nothing was closed.
        """
        if not isinstance(timeout, (int, float)):
            raise InvalidRequest(f"timeout: expected seconds, got {shown(timeout)}")
        await self._supervisor.close(timeout)

    async def wait_closed(self) -> str:
        """Wait until the client is closed for good; the result says why.

        A lost connection closes it only with ``connect(reconnect=False)``.

        Raises:
            NotConnected: the client was never opened.
        """
        return await self._supervisor.wait_closed()

    async def wait_open(self, timeout: float | None = None) -> None:
        """Wait until requests can be sent.

        Args:
            timeout: seconds; None waits without limit.

        Raises:
            TimeoutError: the client is not open after ``timeout`` seconds.
            NotConnected: the client is closed for good, or was never opened.
            InvalidRequest: ``timeout`` is wrong.
        """
        await self._supervisor.wait_open(checked_timeout(timeout))

    async def rotate(self) -> None:
        """Replace the connection by a new one, as after ``connect(rotate_after=)``; no request and no event is lost.

        The new connection is opened, logged on and subscribed first. Then it takes the requests, and the old one brings
        its last replies and events. It returns when the old one is closed, after at most ``connect(drain_timeout=)``.
        If a rotation is under way, it waits for that one; if the new connection is in use already, for another one
        behind it. To cancel it does not stop the rotation. If it fails, the old connection stays in use, and the next
        attempt is made when one is due.

        Raises:
            NotConnected: there is no connection, no other one could be opened, or the client was closed meanwhile.
            ApiError: the exchange refused the new connection, its logon or a subscription.
            LocallyLimited: a ban, used up weight or ``connect(connect_budget=)`` forbids the attempt now.
            ConnectionLost, RequestTimeout, DecodeError: the new connection was lost, or gave no answer.
        """
        await self._supervisor.rotate()

    async def rekey(self, signer: Signer) -> None:
        """Use another API key of the same account from now on, without an end of the connection.

        Requests are signed with it, and the connection logs on with it, if it was logged on with the old key. It is
        compared by ``uid`` with the old key's account, for which each of the two asks ``account.status`` (weight 20)
        where its uid is not known. A key that the exchange has revoked cannot ask: ``await client.account_status()``
        once at the start, and it can be replaced as well.

        Args:
            signer: what load_signer() returns.

        Raises:
            InvalidRequest: the key is of another account, or it cannot be shown that it is of the same; it cannot log
                on, and the client is logged on; or this client has no key. Nothing has changed.
            ApiError, NotSent: a question or the logon was refused. Nothing has changed.
            ConnectionLost, RequestTimeout: no answer came. If it was that to the logon, the new key is in use, and logs
                on the next connection.
        """
        await self._rekeying.rekey(signer)

    def _use_key(self, signer: Signer) -> None:
        self._handler.use_key(signer)
        self._user_data.own_key = signer

    # -------------------------------------------------------------------------------------------- callbacks

    @property
    def on_event(self) -> Callable[[dict[str, Any], int | None], object] | None:
        """Called with (event, subscription id or None) inside the read callback; connect() says for which events."""
        return self._handler.on_event

    @on_event.setter
    def on_event(self, callback: Callable[[dict[str, Any], int | None], object] | None) -> None:
        check_callback("on_event", callback)
        self._handler.on_event = callback

    @property
    def on_orphan(self) -> Callable[[RequestInfo, Any], object] | None:
        """Called with (request info, outcome) when a request ends after its caller stopped waiting; see connect()."""
        return self._handler.on_orphan

    @on_orphan.setter
    def on_orphan(self, callback: Callable[[RequestInfo, Any], object] | None) -> None:
        check_callback("on_orphan", callback)
        self._handler.on_orphan = callback

    @property
    def on_gap(self) -> Callable[[Gap], object] | None:
        """Called with each gap in the user data events, before the next event of its subscription; see connect()."""
        return self._handler.keeper.gaps.on_gap

    @on_gap.setter
    def on_gap(self, callback: Callable[[Gap], object] | None) -> None:
        check_callback("on_gap", callback)
        self._handler.keeper.gaps.on_gap = callback

    @property
    def on_state(self) -> Callable[[str, str, str], object] | None:
        """Called with (old state, new state, reason) at each step of the client; see connect()."""
        return self._supervisor.on_state

    @on_state.setter
    def on_state(self, callback: Callable[[str, str, str], object] | None) -> None:
        check_callback("on_state", callback)
        self._supervisor.on_state = callback

    # ---------------------------------------------------------------------------------------------- properties

    @property
    def state(self) -> str:
        """What the client does: "new", "connecting", "waiting", "open", "rotating", "draining", "closing" or "closed".

        Requests can be sent while it is "open", "rotating" or "draining".
        """
        return self._supervisor.state

    @property
    def error(self) -> FastwsError | None:
        """Why the client is closed for good; None before that."""
        return self._supervisor.error

    @property
    def connection(self) -> int:
        """The number of the connection that carries the requests, counted from 1; 0 while there is none."""
        route = self._session.route
        return route.number if route is not None and self.state in OPEN else 0

    @property
    def transport_info(self) -> TransportInfo | None:
        """How the bytes of the connection that carries the requests travel; None while there is no connection.

        Each access asks the system anew, by a few system calls.

        Raises:
            RuntimeError: the call comes from another event loop, thread or process than the client's.
        """
        route = self._session.route
        if route is None or not route.is_open or self.state not in OPEN:
            return None
        assert self._session.loop_guard is not None
        self._session.loop_guard.check("transport_info")
        return describe(route.transport, self._supervisor.connector.opener.refused_options(route))

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
        """The number of the latest message that was read, or is being read; replies and events carry theirs.

        It counts the messages of all connections of the client, in the order in which they were read.
        """
        return self._session.seq

    @property
    def sbe_deprecated(self) -> bool:
        """Whether the exchange calls the SBE schema of the connection deprecated: use a newer one soon."""
        return self._session.route is not None and self._session.route.sbe_deprecated

    @property
    def close_reason(self) -> str | None:
        """Why requests cannot be sent; None while they can be."""
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
        """Counters, which are sums over all connections of the client:

        - ``requests`` sent, ``replies`` received, ``writes`` to the transport;
        - ``messages`` received, and how many of them were ``events``; ``pings`` answered;
        - ``lost_events``: the buffer of their subscription was full;
        - ``unknown_events``: of subscriptions that this client did not make;
        - ``stale`` replies: they came a second time, or too late;
        - ``unknown`` replies: no request had their id;
        - ``orphans``: replies that came after the caller had stopped waiting;
        - ``unreadable`` messages;
        - ``attempts`` to connect, ``connects``: how many of them succeeded, ``losses`` of a connection in use;
        - ``rotations``: connections that were replaced while they were in use;
        - ``gaps`` in user data streams that were told;
        - ``held_events``: of a new connection, held until the one that it replaces had brought all of its own;
        - ``merged_events``: both connections brought them, and they were delivered once; ``merge_mismatch``: how many
          of these differed in a field.
        """
        keeper = self._handler.keeper
        merged = keeper.handovers.counts
        return self._session.counters() | {
            "gaps": keeper.gaps.count,
            "held_events": merged.held,
            "merged_events": merged.merged,
            "merge_mismatch": merged.mismatches,
        }

    def latency(self, kind: Literal["place", "cancel", "read", "event"] = "place") -> Latency:
        """How long replies and events took, since the client was made and over all its connections.

        Of a request it is the time from handing its bytes to the transport to reading its reply, be it a result or an
        error; requests that fastws sends by itself count as well. Requests without a reply do not count.

        Of an event it is the time from the exchange's event time ``E`` to reading it, by the measured time of the
        exchange (``client.clock``). Events that come before the first measurement do not count. ``E`` is cut to
        milliseconds unless ``time_unit="us"``, and ``client.clock.uncertainty`` is in it as well.

        Args:
            kind: "place": requests that place or amend orders; "cancel": requests that cancel orders; "read":
                requests that change nothing, without logons and subscriptions; "event": events.

        Raises:
            InvalidRequest: ``kind`` is none of these.
        """
        kinds = KINDS_OF.get(kind) if isinstance(kind, str) else None
        if kinds is None:
            raise InvalidRequest(f"kind: expected one of {', '.join(map(repr, KINDS_OF))}, got {shown(kind)}")
        return Latency(*self._session.latency(*kinds))
