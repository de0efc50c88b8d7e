"""Handles what a client's session reports: creates the errors, calls the user's callbacks, and logs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from ._common.log import connection_log, logger, resolve_log, streams_log
from ._common.reports import call_back, report_to_loop
from ._common.shown import shown
from ._core import Session
from ._native.connection import Connection
from ._native.limiter import RateLimiter
from ._native.streams import Stream
from ._native.waiters import RequestInfo
from .errors import ApiError, FastwsError
from .lifecycle.clock_keeper import ClockKeeper
from .lifecycle.shared import Gates, learn_account
from .options import Options, make_schema
from .outcomes import Sender, outcome_of
from .owner import EndsRevoked, SessionOwner
from .requester import Requester
from .signing import Signer
from .streams import OpenGaps, Subscription, SubscriptionKeeper, unsubscribe
from .trading.accounts import Accounts
from .trading.evidence import Evidence
from .trading.firewall import Firewall
from .trading.limits import apply_refusal
from .trading.named_orders import NamedOrders
from .trading.question_client import QuestionClient
from .trading.records import Records
from .trading.resolve import Resolver
from .trading.unresolved import Unresolved
from .trading.weight_turns import WeightTurns

__all__ = ["SessionHandler"]

# In seconds: how long a request that relied on a revoked logon still waits for its own reply.
REVOKED_GRACE = 0.5


class SessionHandler(SessionOwner):
    """The owner of a client's session.

    Attributes:
        session: the session.
        on_event, on_orphan: the user's callbacks, or None.
        on_lost: called with the connection and the reason when a connection ended.
        on_left: called with the connection when nothing is left on the one that is being left.
        on_shutdown_notice: called with the number of a connection that the exchange will shut down soon.
        wait_open: waits until requests can be sent, at most so many seconds.
        keeper: carries user data streams over connections, and has the gaps between.
        on_logon, on_revoked: called as logon_changed() and revoked().
        unresolved: the requests of unknown outcome.
        accounts: which account a key belongs to.
        question_client: asks the exchange about orders, for an account.
        turns: which of fastws' own questions goes first when weight is short.
        resolver: carries out ``ExecutionUnknown.resolve()``.
    """

    sender: Sender

    def __init__(
        self,
        client: Requester,
        options: Options,
        *,
        limiter: RateLimiter,
        gates: Gates,
        clock_keeper: ClockKeeper,
        firewall: Firewall,
    ) -> None:
        self._client = client
        self._options = options
        self._own_signer = options.signer
        self._limiter = limiter
        self._gates = gates
        self._clock_keeper = clock_keeper
        self._firewall = firewall
        self.on_event = options.on_event
        self.on_orphan = options.on_orphan
        self.on_lost: Callable[[Connection, str], object] = lambda connection, reason: None
        self.on_left: Callable[[Connection], object] = lambda connection: None
        self.on_shutdown_notice: Callable[[int], object] = lambda connection_number: None
        self.wait_open: Callable[[float | None], Awaitable[None]]
        self.on_logon: Callable[[Connection, bool, Signer | None, bool, str | None], object] = lambda *logon: (
            None
        )
        self.on_revoked: Callable[[EndsRevoked, ApiError], object] = lambda connection, error: None
        self._revoking: dict[int, list[asyncio.TimerHandle]] = {}  # by the number of their connection
        self.session = Session(
            self,
            limiter,
            clock_keeper.clock,
            numbers=options.numbers,
            signer=options.signer,
            timeout=options.timeout,
            recv_window=options.recv_window,
            cork=options.cork,
            max_message=options.max_message,
            max_output=options.max_output,
            views=options.results == "view",
            search_texts=firewall.guards,
            id_prefix=options.client_order_id_prefix,
        )
        self.session.event_unit = 1 if options.time_unit == "us" else 1000
        self.session.set_probes(options.probe_interval, options.probe_timeout, options.stall_after)
        self.accounts = Accounts(None if options.signer is None else options.signer.api_key)
        self.session.records = Records(self.accounts, options.recv_window)
        gaps = OpenGaps(self, limiter, self.accounts.identity, holds=options.after_gap == "hold")
        gaps.on_gap = options.on_gap
        self.keeper = SubscriptionKeeper(
            client, self.session, clock_keeper.clock, self.accounts.identity, gaps
        )
        self._evidence = Evidence(self.session)
        self.unresolved = Unresolved(self._evidence)
        self.question_client = QuestionClient(
            client,
            clock_keeper.clock,
            self._signer_for,
            self._wait_open,
            options.timeout,
            options.client_order_id_prefix,
            options.database_lag,
        )
        self.turns = WeightTurns(limiter)
        self.resolver = Resolver(
            self.question_client,
            limiter,
            self.turns,
            self._evidence,
            NamedOrders(self.session),
            self.unresolved,
            self.accounts,
        )
        own_key = None if options.signer is None else options.signer.api_key
        self.sender = Sender(options.recv_window, own_key, self.resolver)

    def _signer_for(self, signer: Signer | None) -> Signer | None:
        """The ``signer`` of a request for the account of the key ``signer``; None stands for the client's own key.

        The client's own key has to be named if another key is logged on.
        """
        connection = self.session.route
        other_key_is_logged_on = connection is not None and connection.logon_signer is not None
        return self._own_signer if signer is None and other_key_is_logged_on else signer

    def use_key(self, signer: Signer) -> None:
        """Make another key of the same account the client's own."""
        self._own_signer = signer
        self.session.set_signer(signer)
        self._limiter.set_own_key(signer.api_key)
        self._gates.own_key = self.accounts.own_key = signer.api_key
        self.sender = replace(self.sender, own_key=signer.api_key)

    def signers(self) -> list[Signer]:
        """The keys of other accounts that the client has used."""
        used = {signer for signer, _ in self._limiter.used_symbols() if signer is not None}
        return [*used, *self.keeper.signers()]

    async def _wait_open(self) -> None:
        """Wait until requests can be sent; NotConnected if they never can be again."""
        await self.wait_open(None)

    def _loop(self) -> asyncio.AbstractEventLoop:
        assert self.session.loop_guard is not None
        return self.session.loop_guard.loop

    # ------------------------------------------------------------------------------------------------- outcome

    def failure(self, info: RequestInfo, cause: FastwsError, may_be_executed: bool) -> FastwsError:
        cause.info = info
        if isinstance(cause, ApiError):
            try:
                self.apply_refusal(cause, info)
            except Exception as exc:  # the request must end, even if the refusal cannot be handled
                self.report("a refusal could not be applied", exc)
        error = outcome_of(info, cause, may_be_executed, self.sender)
        if error is not cause:
            self.unresolved.add(info)
        return error

    def left_open(self, infos: list[RequestInfo]) -> None:
        self.unresolved.add_all(infos)

    def orphan(self, info: RequestInfo, outcome: Any) -> None:
        if info.trading:
            self.resolver.wake(info)
        if isinstance(outcome, Stream):
            return  # of a request of fastws itself; see unclaimed()
        if self.on_orphan is not None:
            self.call("on_orphan", self.on_orphan, info, outcome)
        elif info.trading:
            resolve_log.warning(
                "nobody awaits %s%s any more: it %s; to get its outcome, give connect() an on_orphan",
                info.method,
                f" as {shown(info.client_order_id)}" if info.client_order_id else "",
                f"ended in: {outcome}" if isinstance(outcome, FastwsError) else "succeeded",
                code="nobody-awaits",
            )

    def evidence(self, entries: list[tuple[Any, Any, int, bool]]) -> None:
        self._evidence.add(entries)

    def evidence_kept(self) -> None:
        self._evidence.search_soon()

    # --------------------------------------------------------------------------------------------------- event

    def event(self, event: Any, subscription: int | None) -> None:
        if self.on_event is not None:
            self.call("on_event", self.on_event, event, subscription)

    def shutdown_notice(self, connection_number: int) -> None:
        connection_log.warning(
            "the exchange will shut connection %d down soon",
            connection_number,
            code="server-shutdown",
            connection=connection_number,
        )
        self.on_shutdown_notice(connection_number)

    def subscribed(self, stream: Stream, info: RequestInfo) -> None:
        self.keeper.subscribed(stream, info)

    def stream_ended(self, stream: Stream) -> None:
        self.keeper.ended(stream)
        self.session.check_left()

    def overflowed(self, stream: Stream, close: bool) -> None:
        streams_log.warning(
            "events of subscription %d are lost: its consumer left %d of them in the buffer%s",
            stream.id,
            stream.limit,
            "; it is ended" if close else "",
            code="events-lost",
        )
        if close:
            unsubscribe(self._client, self.session, stream)

    def unclaimed(self, subscription: Subscription | Stream) -> None:
        if isinstance(subscription, Stream):
            return  # fastws subscribed again, and the answer came late: the Stream has its events now
        if self.on_orphan is None:  # otherwise the callback gets the Subscription, and may use it
            unsubscribe(self._client, self.session, subscription._stream)

    # -------------------------------------------------------------------------------------------------- report

    def report(self, message: str, exception: BaseException | None) -> None:
        report_to_loop(self._loop(), self._client, message, exception)

    def warn(self, code: str, message: str) -> None:
        # hide what may be a key
        logger.warning("%s", re.sub(r"[A-Za-z0-9+/]{32,}={0,2}", "…", message), code=code)

    def call(self, name: str, callback: Callable[..., object], *args: object) -> None:
        call_back(self.report, name, callback, *args)

    def firewall_word(self, method: str, name: str, text: str, word: str) -> None:
        self._firewall.report(method, name, text, word)

    def deprecated(self) -> None:
        schema = make_schema(self._options)
        assert schema is not None
        logger.warning(
            "the exchange calls the SBE schema %d:%d deprecated: update fastws, or give connect() a newer schema",
            schema.id,
            schema.version,
            code="schema-deprecated",
        )

    # ---------------------------------------------------------------------------------------------------- life

    def apply_refusal(self, error: ApiError, info: RequestInfo | None) -> None:
        apply_refusal(self._limiter, self._clock_keeper.clock, error, info, self._gates.close)
        self._clock_keeper.apply_refusal(error)

    def logon_changed(
        self,
        connection: Connection,
        logged_on: bool,
        signer: Signer | None,
        by_caller: bool,
        api_key: str | None,
    ) -> None:
        self.on_logon(connection, logged_on, signer, by_caller, api_key)

    def revoked(self, connection: EndsRevoked, error: ApiError, ids: list[int]) -> None:
        """Give the requests that relied on the logon REVOKED_GRACE seconds more to get their replies."""
        connection_log.warning(
            "the logon was revoked: %s",
            error,
            code="logon-revoked",
            connection=connection.number,
            reason=str(error),
        )
        if ids:
            timer = self._loop().call_later(REVOKED_GRACE, connection.end_revoked, ids, error)
            self._revoking.setdefault(connection.number, []).append(timer)
        self.on_revoked(connection, error)

    def account_shown(self, info: RequestInfo, result: Any) -> None:
        self.accounts.learn(info.account, result)
        key = self.accounts.own_key if info.account is None else info.account
        uid = self.accounts.identity(info.account)[1]
        if key is not None and uid is not None:
            learn_account(key, uid)

    def lost(self, connection: Connection, reason: str) -> None:
        for timer in self._revoking.pop(connection.number, ()):
            timer.cancel()
        self.on_lost(connection, reason)

    def left(self, connection: Connection) -> None:
        self.on_left(connection)
