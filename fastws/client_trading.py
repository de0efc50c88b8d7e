"""``ClientTrading``: the methods of a Client about orders as a whole: halting, limits, time, open outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from ._common.shown import shown
from ._native.clock import Clock
from ._native.limiter import RateLimiter
from ._native.methods import method_spec
from ._native.waiters import RequestInfo
from .client_requests import ClientRequests
from .errors import ExecutionUnknown, InvalidRequest
from .gaps import Gap, Recovery
from .holds import may_place
from .lifecycle.clock_keeper import ClockKeeper
from .session_handler import SessionHandler
from .signing import Signer
from .trading.gap_recovery import GapRecovery
from .trading.halt import Halting, HaltReport
from .trading.limits import RateLimit, rate_limits
from .trading.resolve import Resolver, Verdict

__all__ = ["ClientTrading"]


class ClientTrading(ClientRequests):
    """Halts, shows limits and the exchange's time, and finds out what became of requests of unknown outcome."""

    _limiter: RateLimiter
    _clock_keeper: ClockKeeper
    _handler: SessionHandler
    _halting: Halting
    _gap_recovery: GapRecovery

    # ------------------------------------------------------------------------------------------- open outcomes

    async def resolve(
        self,
        unknown: ExecutionUnknown | RequestInfo | Mapping[str, Any],
        *,
        timeout: float | None = None,
        others: Collection[int] = (),
    ) -> Verdict:
        """Find out what became of a trading request of unknown outcome.

        It asks the exchange, and it uses what this client saw: a late reply to the request, its replies to cancels,
        amendments and queries, and its user data events. These are proof if they show the order that the request
        placed, cancelled or amended.

        The exchange can execute a request until its timestamp + recvWindow + 10 s, and queries may show the result
        ``database_lag`` later (an option of connect(), 4 s). Only after that, and a margin of 1 s, a missing order can
        mean NeverExecuted, and only if two rounds of questions 1 s apart agree: about 21 s after a request with a
        recvWindow of 5000.

        All requests that are open share their questions. Rounds of questions are 0, 0.05, 0.2, 0.6 and 2 s after the
        call, at the last moment at which the request can be executed, and then for the proof. A round of more than a
        few requests of a symbol takes a weight of 27, however many they are. Questions wait until the rate limits and
        ``reserve_weight`` let them go, and a question that fails is asked again.

        A client order id that you choose must not be used again within a minute, or two orders cannot be distinguished.

        Args:
            unknown: an ExecutionUnknown; a RequestInfo; or a record, a dict that ``record()`` of one of these made,
                perhaps in another process.
            timeout: seconds for everything: questions, answers, pauses, waits for rate limits. When it is over, an
                unproven outcome is StillOpen. With 0 nothing is asked, and only what the client saw counts. None waits
                until the outcome is decided.
            others: orderIds of orders of the same symbol that other requests placed (for openOrders.cancelAll: that
                later requests placed). They cannot be ``candidates``. An orderId is unique in its symbol only: an id of
                another symbol may rule out the order itself.

        Returns:
            ``Executed(order)``, ``Rejected(…)`` or ``NeverExecuted()`` if it is proven; otherwise ``StillOpen(…)``.

        Raises:
            InvalidRequest: an argument is wrong; a record has a missing field, or a version or a method that fastws
                does not know; or the request is of another account: of another API key, and not of the same uid. (If
                the keys differ, and the record has a uid, account.status is asked for that of this client: weight 20,
                unless a reply to account.status has shown it.)
            NotConnected: the client is closed, or was never opened.
            LocallyLimited: the timeout is over, and a rate limit kept the questions back.
            ApiError, DecodeError: the exchange refused a question, or sent an answer that cannot be read, again and
                again. You may call it again.
        """
        return await self._handler.resolver.resolve(unknown, timeout, others)

    def unknown_placements(self, api_key: str | None = None) -> list[RequestInfo]:
        """The requests that placed orders, ended in ExecutionUnknown, and have no verdict of ``resolve()`` yet.

        The oldest is the first. A request leaves the list with a final verdict, and 130 s after it was written: then it
        can be executed no more. If it placed an order, the events, or ``recover_gap()``, have shown it.

        Args:
            api_key: the key of another account, for the requests with its ``signer=``; None for the client's own.
        """
        own = api_key is None or api_key == self._handler.accounts.own_key
        account = None if own else api_key
        found = self._handler.unresolved.placements()  # amendments are among them
        return [info for info in found if info.account == account and may_place(method_spec(info.method))]

    # --------------------------------------------------------------------------------------------------- gaps

    async def recover_gap(self, gap: Gap, *, symbols: Iterable[str] = (), timeout: float = 30.0) -> Recovery:
        """Ask the exchange what happened in a gap of the user data events.

        It asks for the open orders of all symbols; for the orders and trades of the gap, in each of ``gap.symbols``, of
        ``symbols``, and of the symbols with open orders; for the order lists of the gap; and for the balances. If the
        result is complete, placements are allowed again (unless another gap is open).

        It waits until the exchange's database, which answers some of the questions, shows all of the gap. Questions
        wait for rate limits, and behind those of ``halt()`` and ``resolve()``. A question that a loss of the connection
        interrupts is asked again on the next one. Gaps of one account that overlap are asked once.

        Weight: 120 for the account, and 40 for each symbol and day; 20 more for each symbol and day with orders of
        smart order routing; more for more than 1000 rows.

        Args:
            gap: from EventGap, GapOpen or ``on_gap``; ``Gap.since(…)``; or one that was stored, ``Gap(**stored)``.
            symbols: more symbols to ask for.
            timeout: seconds for everything.

        Returns:
            A Recovery. What could not be asked, as for lack of time, is in its ``missing``; you may call this again.

        Raises:
            InvalidRequest: an argument is wrong, or the gap is of another account: of another API key, and not known to
                have the same uid. FastwsError: account.status, which shows the uid, failed.
        """
        return await self._gap_recovery.recover(gap, symbols, timeout)

    # ---------------------------------------------------------------------------------------------------- limiter

    def halt(
        self,
        timeout: float = 30.0,
        *,
        symbols: Iterable[str] = (),
        orders: Literal["all", "own"] = "all",
    ) -> asyncio.Future[HaltReport]:
        """Refuse new placements, cancel open orders, and report which orders are left.

        From the call on, until ``resume()``, requests that place orders are refused as Halted. Corked ones are given
        up. Cancels and amendments still work. The other steps run in the background, even if you do not await the
        Future:

        - Cancel the open orders of the symbols that this client placed orders for: at once, and again when all
          placements in flight have their replies. ``orders="all"`` also cancels orders that other clients of the
          account placed in these symbols (``openOrders.cancelAll``).
        - Ask the exchange which orders are open.
        - Find out what became of placements without a reply.

        If this client placed no order and you name no symbol, as in a process that has just started, ``orders="all"``
        cancels nothing and reports the open orders in ``left``; ``orders="own"`` cancels its own in all symbols.

        It works in each state of the client: while there is no connection it waits for the next one, and it starts
        again when the connection is lost meanwhile, within ``timeout``.

        A second call during a halt joins it, and ends with the timeout of the first call. If it names more ``symbols``,
        or "all" orders after "own" ones, these are cancelled afterwards, with the timeout of the second call.

        After a signal, a halt ends 1 s before the grace of ``fastws.run()`` does, or sooner in a short grace.

        Args:
            timeout: seconds for all steps; the report says what is unknown when it is over. The wait for placements in
                flight ends 2 s before (or at half of the timeout, if that is later), so that there is time for a second
                cancel.
            symbols: more symbols to cancel, of the client's own account.
            orders: "all", or "own": only the orders whose client order id begins with ``client_order_id_prefix``, which
                the client must have, for an account that several strategies share. The prefix of one strategy must not
                begin another's.

        Returns:
            A Future of a HaltReport; its ``clean`` says whether nothing is left. Errors of the exchange and of the
            connection are not raised: they are in ``errors``.

        Raises:
            InvalidRequest: an argument is wrong; nothing is halted.
        """
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
            raise InvalidRequest(f"timeout: expected seconds above 0, got {shown(timeout)}")
        return self._halting.start(float(min(timeout, 1e9)), symbols, orders)

    def resume(self) -> None:
        """Allow new placements again, after ``halt()``.

        Raises:
            RuntimeError: the halt is not finished; await it first.
        """
        self._halting.resume()

    @property
    def halted(self) -> bool:
        """Whether requests that place orders are refused, because ``halt()`` was called."""
        return self._halting.halted

    @property
    def read_only(self) -> bool:
        """Whether trading requests are refused, because of ``connect(read_only=True)``."""
        return self._limiter.read_only

    @property
    def limits(self) -> list[RateLimit]:
        """The rate limits of this address and of the client's account, as the latest replies showed them."""
        return rate_limits(self._limiter)

    def read_delay(self, weight: int) -> float:
        """Seconds until a read of this weight may be sent, as far as fastws knows; 0.0: now.

        A gate that the exchange closed and ``connect(reserve_weight=)`` count. What the exchange has not reported yet
        does not.
        """
        return self._limiter.read_delay(weight)

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
