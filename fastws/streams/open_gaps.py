"""``OpenGaps``: the gaps of a client that nobody has looked into yet, and their hold on placements."""

from __future__ import annotations

from collections.abc import Callable

from .._native.limiter import RateLimiter
from ..gaps import Gap, GapOpen, Recovery
from ..holds import PlacementHold
from ..owner import SessionOwner
from ..signing import Signer

__all__ = ["Identity", "OpenGap", "OpenGaps"]

# The digest of the key of an account and the account's uid, as far as they are known. The argument is the API key, or
# None for the client's own account.
Identity = Callable[[str | None], tuple[str | None, int | None]]


_LATEST = 10**16  # microseconds: in the year 2286
_REMEMBERED = 100  # gaps that refuse nothing, so that nobody needs to close them


class OpenGap:
    """A gap in the events of one account, from the loss of its subscription until somebody closes it.

    Attributes:
        account: the API key of the account; None for the client's own.
        signer: its key; None for the client's own.
        reason: why events were missed.
        gap: what was told; None before the subscription is back.
        refusal: why the exchange refuses to subscribe again; None if it does not.
        trade_ids: by symbol, the id of a trade that an event showed before the gap.
        recovery: what an asking for another gap, which overlaps this one, has found; or None.
        recovered_symbols: the symbols that it asked for.
    """

    def __init__(self, account: str | None, signer: Signer | None, reason: str, identity: Identity) -> None:
        self.account = account
        self.signer = signer
        self.reason = reason
        self.gap: Gap | None = None
        self.refusal: Exception | None = None
        self.trade_ids: dict[str, int] = {}
        self.recovery: Recovery | None = None
        self.recovered_symbols: frozenset[str] = frozenset()
        self._identity = identity
        self.hold = PlacementHold(self._error, self._holds)

    def _holds(self, account: str | None) -> bool:
        if account == self.account:
            return True
        uid = self._identity(self.account)[1]
        return uid is not None and self._identity(account)[1] == uid

    def _error(self, method: str) -> GapOpen:
        if self.gap is not None:
            return GapOpen(
                f"{method} was not sent: user data events of this account are missing {self.gap}."
                " `await client.recover_gap(error.gap)` asks the exchange what happened;"
                " `error.gap.accept()` goes on without knowing it",
                self.gap,
            )
        refusal = "" if self.refusal is None else f"; the exchange refused to subscribe again: {self.refusal}"
        return GapOpen(
            f"{method} was not sent: the user data stream of this account is not back since it was lost"
            f" ({self.reason}{refusal}). When it is, on_gap and EventGap tell the gap: then"
            " `await client.recover_gap(gap)` asks the exchange what happened, and `gap.accept()` goes on without"
            " knowing it. `await subscription.unsubscribe()` gives the stream up"
        )


class OpenGaps:
    """The open gaps of a client.

    Args:
        holds: whether an open gap refuses the placements of its account (``after_gap="hold"``).

    Attributes:
        count: how many gaps were told.
        on_gap: the user's callback, or None.
    """

    def __init__(
        self, owner: SessionOwner, limiter: RateLimiter, identity: Identity, *, holds: bool = True
    ) -> None:
        self._owner = owner
        self._limiter = limiter
        self._identity = identity
        self._keeps_holds = holds
        self._open: list[OpenGap] = []
        self.count = 0
        self.on_gap: Callable[[Gap], object] | None = None

    def open(self, account: str | None, signer: Signer | None, reason: str) -> OpenGap:
        """A subscription of this account was lost: refuse its placements from now on."""
        opened = OpenGap(account, signer, reason, self._identity)
        self._open.append(opened)
        if self._keeps_holds:
            self._limiter.hold(opened.hold)
        elif len(self._open) > _REMEMBERED:
            del self._open[0]
        return opened

    def complete(self, opened: OpenGap, start: int, end: int) -> Gap:
        """The subscription is back: the gap has an end. tell() tells it."""
        digest, uid = self._identity(opened.account)
        end = max(1, min(end, _LATEST))  # the exchange's times may be absurd
        gap = Gap(digest, max(1, min(start, end)), end, opened.reason, self.symbols_of(opened.account), uid)
        object.__setattr__(gap, "_accept", lambda: self.close(opened))
        opened.gap = gap
        self.count += 1
        return gap

    def tell(self, gap: Gap) -> None:
        """Call the user's ``on_gap``."""
        if self.on_gap is not None:
            self._owner.call("on_gap", self.on_gap, gap)

    def close(self, opened: OpenGap) -> None:
        """Allow the placements that this gap refuses; nothing happens if it is closed."""
        if opened in self._open:
            self._open.remove(opened)
            self._limiter.release(opened.hold)

    def close_all(self) -> None:
        """The client is closed."""
        for opened in list(self._open):
            self.close(opened)

    def told(self) -> list[OpenGap]:
        """The open gaps that have an end, the oldest first."""
        return [opened for opened in self._open if opened.gap is not None]

    def symbols_of(self, account: str | None) -> tuple[str, ...]:
        """The symbols that the client placed orders for on an account; None is its own."""
        used = self._limiter.used_symbols()
        return tuple(
            sorted({symbol for signer, symbol in used if self._limiter.own_account(signer, None) == account})
        )
