"""``GapRecovery``: carries out ``client.recover_gap()``; gap_asking.py has the questions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from .._common.log import streams_log
from .._common.shown import shown
from ..errors import InvalidRequest, RequestTimeout
from ..gaps import Gap, Recovery, checked_symbols
from ..signing import Signer
from .accounts import Accounts, key_digest, same
from .gap_asking import GapAsking, TimeOver
from .question_client import QuestionClient
from .weight_turns import WeightTurns

__all__ = ["GapRecovery"]


class OpenGapLike(Protocol):
    """A gap that refuses placements until it is closed; see streams/open_gaps.py."""

    account: str | None
    signer: Signer | None
    gap: Gap | None
    trade_ids: dict[str, int]
    recovery: Recovery | None
    recovered_symbols: frozenset[str]


class OpenGapsLike(Protocol):
    """The gaps that nobody has looked into yet."""

    def told(self) -> list[Any]: ...

    def close(self, opened: Any) -> None: ...

    def symbols_of(self, account: str | None) -> tuple[str, ...]: ...


class GapRecovery:
    """Carries out ``client.recover_gap()``.

    Args:
        client: sends the questions.
        signers: the keys of other accounts that the client has used.
    """

    def __init__(
        self,
        client: QuestionClient,
        turns: WeightTurns,
        accounts: Accounts,
        gaps: OpenGapsLike,
        signers: Callable[[], Iterable[Signer]],
    ) -> None:
        self._client = client
        self._turns = turns
        self._accounts = accounts
        self._gaps = gaps
        self._signers = signers
        self._locks: dict[str | None, asyncio.Lock] = {}  # by the digest of the account's key

    async def recover(self, gap: Gap, symbols: Iterable[str], timeout: float) -> Recovery:
        """Ask what happened in a gap, as Client.recover_gap() documents."""
        if not isinstance(gap, Gap):
            raise InvalidRequest(f"gap: expected a Gap, got {shown(gap)}")
        more = checked_symbols(symbols)
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
            raise InvalidRequest(f"timeout: expected seconds above 0, got {shown(timeout)}")
        deadline = time.monotonic() + min(float(timeout), 1e9)
        signer = await self._signer_of(gap, deadline)
        digest = self._accounts.own_digest if signer is None else key_digest(signer.api_key)
        lock = self._locks.setdefault(digest, asyncio.Lock())
        if not await _acquired(lock, deadline - time.monotonic()):
            return Recovery(missing=["everything: another recover_gap() of this account took all the time"])
        try:
            return await self._recover(gap, more, signer, digest, deadline)
        finally:
            lock.release()

    async def _recover(
        self, gap: Gap, more: set[str], signer: Signer | None, digest: str | None, deadline: float
    ) -> Recovery:
        mine = [opened for opened in self._gaps.told() if self._is_of(opened, digest)]
        for opened in mine:
            if opened.gap == gap and opened.recovery is not None and more <= opened.recovered_symbols:
                self._gaps.close(opened)
                known: Recovery = opened.recovery
                return known
        start, end, overlapping = _union(gap, mine)
        symbols = {*gap.symbols, *more}.union(*(opened.gap.symbols for opened in overlapping))
        if gap.open_ended:
            symbols.update(self._gaps.symbols_of(None if signer is None else signer.api_key))
        asking = GapAsking(self._client, self._turns, signer, deadline)
        trade_ids: dict[str, int] = {}
        for opened in overlapping:
            for symbol, number in opened.trade_ids.items():
                trade_ids[symbol] = min(number, trade_ids.get(symbol, number))
        recovery = await asking.run(start, None if gap.open_ended else end, symbols, trade_ids)
        if recovery.complete:
            for opened in overlapping:
                opened.recovery, opened.recovered_symbols = recovery, frozenset(symbols)
                if opened.gap == gap:
                    self._gaps.close(opened)
            streams_log.info("a gap is recovered: %s", gap)
        else:
            streams_log.warning(
                "a gap is not recovered: %s; missing: %s",
                gap,
                "; ".join(recovery.missing),
                code="gap-not-recovered",
                reason=gap.reason,
            )
        return recovery

    def _is_of(self, opened: OpenGapLike, digest: str | None) -> bool:
        theirs, uid = self._accounts.identity(opened.account)
        return same(theirs, uid, digest, self._accounts.uid_of(digest))

    async def _signer_of(self, gap: Gap, deadline: float) -> Signer | None:
        """The key to ask with; None for the client's own.

        Raises:
            InvalidRequest: the gap is of an account that the client has no key of.
        """
        for opened in self._gaps.told():
            if opened.gap == gap:
                signer: Signer | None = opened.signer
                return signer
        if gap.account is None:
            if self._accounts.own_digest is None:
                raise InvalidRequest("a gap is of an account, and this client has no key")
            return None
        if gap.account != self._accounts.own_digest:
            for each in self._signers():
                if key_digest(each.api_key) == gap.account:
                    return each

        async def ask() -> Any:
            asking = GapAsking(self._client, self._turns, None, deadline)
            try:
                await asking.ask_time()
                return await asking.ask("account.status", {})
            except TimeOver:
                raise RequestTimeout("account.status was not answered within the timeout") from None

        await self._accounts.refuse_others("the gap", gap.account, gap.uid, ask)
        return None


async def _acquired(lock: asyncio.Lock, seconds: float) -> bool:
    """Acquire a lock in time. asyncio.wait_for() could lose a cancel up to Python 3.11."""
    acquiring = asyncio.ensure_future(lock.acquire())
    try:
        await asyncio.wait([acquiring], timeout=max(0.0, seconds))
    except BaseException:
        if not acquiring.cancel():
            lock.release()
        raise
    return acquiring.done() or not acquiring.cancel()


def _union(gap: Gap, opened: list[Any]) -> tuple[int, int, list[Any]]:
    """The span of a gap and of all that overlap with it; and these, itself included if it is open."""
    start, end = gap.start, gap.end
    found: list[Any] = []
    left = list(opened)
    while True:
        near = [each for each in left if each.gap.start <= end and each.gap.end >= start]
        if not near:
            return start, end, found
        found += near
        left = [each for each in left if each not in near]
        start = min(start, *(each.gap.start for each in near))
        end = max(end, *(each.gap.end for each in near))
