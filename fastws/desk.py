"""What a trading desk asks of a client beside the methods: prepared requests, batches, brakes, limits, the clock.

The face alone; the work is done in modules of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from ._brakes import Brakes
from ._clock import Clock
from ._core import Session
from ._methods import method_spec
from ._prepared import PreparedRequest
from ._questions import Asker
from ._shown import shown
from .batch import Batch
from .clock import OUTSIDE_WINDOW, ClockKeeper
from .errors import BadRequest, InvalidRequest
from .evidence import Evidence
from .halt import Halting, HaltReport
from .limits import RateLimit, rate_limits, weight_of
from .methods import Methods
from .options import Options
from .resolve import Resolver
from .signing import Signer
from .unresolved import Unresolved
from .waf import Firewall

__all__ = ["Desk"]


class Desk(Methods):
    """The part of Client that is neither the connection nor the API's methods."""

    _session: Session
    _options: Options
    _firewall: Firewall
    _signing: Callable[[Signer | None], Signer | None]

    def _set_up_desk(self) -> None:
        signer = self._options.signer
        self._clock = Clock()
        self._brakes = Brakes(
            self._clock,
            None if signer is None else signer.api_key,
            read_only=self._options.read_only,
            reserve=self._options.reserve_weight or 0,
            weigh=weight_of,
        )
        self._clock_keeper = ClockKeeper(self, self._clock, self._options.time_unit)  # type: ignore[arg-type]
        self._evidence = Evidence(self)  # type: ignore[arg-type]
        self._unresolved = Unresolved(self._evidence)
        asker = Asker(
            self,  # type: ignore[arg-type]
            self._clock,
            self._signing,
            self._options.timeout,
            self._options.client_order_id_prefix,
        )
        self._resolver = Resolver(asker, self._brakes, self._evidence, self._unresolved)
        self._halting = Halting(self)  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------- quick ways out

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
        return self._clock

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

    # ------------------------------------------------------------------------------------------- for the client

    async def _log_on(self) -> None:
        """session.logon; a timestamp that the exchange does not take is corrected, once."""
        try:
            await self.session_logon()
        except BadRequest as error:
            if error.code != OUTSIDE_WINDOW:
                raise
            await self._clock_keeper.correct()
            await self.session_logon()
