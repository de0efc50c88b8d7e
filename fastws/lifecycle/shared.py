"""What the clients of this process share: attempts to connect, bans, gates of rate limits, and who tries to connect.

The exchange counts connections and weight by source address, and new orders by account (web-socket-api.md, IP limits
and Unfilled Order Count). So a client that is refused speaks for all that have the same source address, or the same
account. A Share is for one source address and one host. On this machine each server is an exchange of its own, so there
its ports are part of it.

If a host cannot be reached for CROWD_AFTER seconds, one client tries at a time. When it succeeds, the others follow,
spread over FOLLOW_WITHIN seconds.

Clients may live in different threads: a lock guards what they share, and a client is woken in its own event loop.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from .._common.log import connection_log
from .._native.limiter import RateLimiter

__all__ = [
    "Gate",
    "Gates",
    "Member",
    "Share",
    "forget_all",
    "learn_account",
    "share_of",
    "use_for_market_data",
]

WINDOW = 300.0  # seconds: the exchange counts the connections of 5 minutes
CROWD_AFTER = 60.0
FOLLOW_WITHIN = 5.0
# In seconds: a client that tries for all, and has not tried for so long, does so no longer; and failures that are so
# old say nothing.
STALE_AFTER = 120.0
# In seconds: how far apart clients begin to replace connections whose end the exchange announced, and the longest that
# one waits for its turn.
ROTATE_EVERY = 0.1
ROTATE_WITHIN = 5.0
_MOST = 1000  # shares, accounts

clock: Callable[[], float] = time.monotonic  # seconds; tests replace it
_lock = threading.RLock()


class Gate(NamedTuple):
    """A closed gate: until when by this module's clock, the same in microseconds of the exchange's time, and why."""

    until: float
    until_us: int
    why: str


class Member(Protocol):
    """A client that wants to connect."""

    def wake(self, delay: float) -> None:
        """Make the next attempt after ``delay`` seconds. It may be called in any thread."""


class Share:
    """What the clients with one source address share about one host.

    Attributes:
        counted: whether attempts count for the budget.
        trier: the client that tries for all; None if each one tries for itself.
    """

    def __init__(self, *, counted: bool) -> None:
        self.counted = counted
        self.trier: Member | None = None
        self._attempts: deque[float] = deque()
        self._gates: dict[str, Gate] = {}
        self._members: weakref.WeakSet[Gates] = weakref.WeakSet()
        self._failing_since: float | None = None
        self._failed_at = 0.0
        self._tried_at = 0.0
        self._rotated_at = 0.0
        self._followers: deque[Member] = deque()

    # ------------------------------------------------------------------------------------------------------- budget

    def attempted(self) -> None:
        """An attempt is made now."""
        if not self.counted:
            return
        with _lock:
            self._attempts.append(clock())
            self._drop_old()

    def wait_for_budget(self, budget: int) -> float:
        """Seconds until an attempt keeps within ``budget`` attempts in 5 minutes."""
        with _lock:
            self._drop_old()
            if not self.counted or len(self._attempts) < budget:
                return 0.0
            return max(0.0, self._attempts[-budget] + WINDOW - clock())

    def _drop_old(self) -> None:
        oldest = clock() - WINDOW
        while self._attempts and self._attempts[0] <= oldest:
            self._attempts.popleft()

    # -------------------------------------------------------------------------------------------------------- gates

    def closed_gate(self) -> Gate | None:
        """The gate that forbids an attempt now, and is closed the longest: a ban, or used up weight."""
        with _lock:
            closed = [gate for gate in self._gates.values() if gate.until > clock()]
        return max(closed, default=None)

    # ----------------------------------------------------------------------------------------------------- who tries

    def failed(self) -> None:
        """The host could not be reached."""
        with _lock:
            now = clock()
            if self._failing_since is None or now - self._failed_at > STALE_AFTER:
                self._failing_since = now
            self._failed_at = now

    def succeeded(self, spread: Callable[[float, float], float]) -> None:
        """A client is open: the others follow. ``spread`` gives a random number between two numbers."""
        with _lock:
            self._failing_since = None
            self.trier = None
            followers, self._followers = self._followers, deque()
        for member in followers:
            member.wake(spread(0.0, FOLLOW_WITHIN))

    def may_try(self, member: Member) -> bool:
        """Whether this client may try now. If not, it is woken when it may."""
        with _lock:
            now = clock()
            since = self._failing_since
            if since is None or now - since < CROWD_AFTER or now - self._failed_at > STALE_AFTER:
                return True
            stale = now - self._tried_at > STALE_AFTER
            if self.trier is None or self.trier is member or stale:
                self.trier, self._tried_at = member, now
                self._remove(member)
                return True
            if member not in self._followers:
                self._followers.append(member)
            return False

    def turn_to_rotate(self) -> float:
        """Seconds until this client may replace a connection: one notice may concern all clients at once."""
        with _lock:
            now = clock()
            self._rotated_at = min(max(now, self._rotated_at + ROTATE_EVERY), now + ROTATE_WITHIN)
            return self._rotated_at - now

    def pass_on(self, member: Member, delay: float) -> bool:
        """The attempt of the client that tries for all has failed: another one tries next, after ``delay`` seconds.

        Returns False if there is no other one.
        """
        with _lock:
            if self.trier is not member or not self._followers:
                return False
            other = self._followers.popleft()
            self.trier, self._tried_at = other, clock() + delay
            self._followers.append(member)
        other.wake(delay)
        return True

    def leave(self, member: Member) -> None:
        """This client does not want to connect any more."""
        with _lock:
            self._remove(member)
            if self.trier is not member:
                return
            self.trier = None
            other = self._followers.popleft() if self._followers else None
            if other is not None:
                self.trier, self._tried_at = other, clock()
        if other is not None:
            other.wake(0.0)

    def _remove(self, member: Member) -> None:
        if member in self._followers:
            self._followers.remove(member)


class Gates:
    """Closes gates for a client and for the others that the same refusal concerns.

    Args:
        own_key: the API key of the client, or None.
    """

    def __init__(self, share: Share, limiter: RateLimiter, own_key: str | None) -> None:
        self.share = share
        self.limiter = limiter
        self.own_key = own_key

    def join(self) -> None:
        """Close the gates that are closed for the others, and take part from now on."""
        with _lock:
            self.share._members.add(self)
            _clients.add(self)
            shared_key = self.own_key is not None and self.own_key in _market_keys
            for which, gate in self.share._gates.items():
                self._close(which, gate, None)
            for key, gate in _orders.items():
                if self.own_key is not None and _same_account(key, self.own_key):
                    self._close("orders", gate, None)
        if shared_key:
            _warn_of_key()

    def leave(self) -> None:
        """Take part no longer."""
        with _lock:
            self.share._members.discard(self)
            _clients.discard(self)

    def close(
        self, which: str, microseconds: int, until_us: int, why: str, account: str | None = None
    ) -> None:
        """As RateLimiter.close_gate(), for all clients that it concerns."""
        gate = Gate(clock() + max(0, microseconds) / 1e6, until_us, why)
        with _lock:
            if which != "orders":
                _keep_longest(self.share._gates, which, gate)
                for each in {*self.share._members, self}:
                    each._close(which, gate, None)
                return
            self._close(which, gate, account)
            key = self.own_key if account is None else account
            if key is None:
                return
            _keep_longest(_orders, key, gate)
            for each in set(_clients):
                if each.own_key is not None and _same_account(key, each.own_key):
                    each._close(which, gate, None)
                elif each is not self:
                    each._close(which, gate, key)

    def _close(self, which: str, gate: Gate, account: str | None) -> None:
        left = gate.until - clock()
        if left > 0:
            self.limiter.close_gate(which, int(left * 1e6), gate.until_us, gate.why, account)


_shares: OrderedDict[tuple[object, ...], Share] = OrderedDict()
_orders: dict[str, Gate] = {}  # by API key
_uids: dict[str, int] = {}  # of accounts, by API key
_clients: weakref.WeakSet[Gates] = weakref.WeakSet()
_market_keys: set[str] = set()  # of the sessions of market data


def share_of(source: str, host: str, ports: tuple[int, ...], *, loopback: bool) -> Share:
    """What the clients with this source address share about this host.

    Args:
        source: the address that the exchange sees: of ``local_addr``, or the proxy; "" for the default one.
        ports: of a host on this machine.
    """
    key = (source, host, ports) if loopback else (source, host)
    with _lock:
        share = _shares.get(key)
        if share is None:
            if len(_shares) >= _MOST:
                _shares.popitem(last=False)
            share = _shares[key] = Share(counted=not loopback)
        return share


def learn_account(api_key: str, uid: int) -> None:
    """The account with this uid has this API key."""
    with _lock:
        if len(_uids) >= _MOST:
            _uids.clear()
        _uids[api_key] = uid


def use_for_market_data(api_key: str) -> None:
    """A session of market data uses this key: warn, once, if a client of the process trades with it."""
    with _lock:
        if api_key in _market_keys:
            return
        _market_keys.add(api_key)
        traded = any(each.own_key == api_key for each in _clients)
    if traded:
        _warn_of_key()


def _warn_of_key() -> None:
    connection_log.warning(
        "market data is read with the API key of a client that trades: a key without permissions is enough for it, and"
        " need not be protected as that one",
        code="market-data-key",
    )


def forget_all() -> None:
    """Begin anew, as in a process without clients."""
    global _lock
    _lock = threading.RLock()  # in the child of a fork, the lock may be held by a thread that is not there
    _shares.clear()
    _orders.clear()
    _uids.clear()
    _clients.clear()
    _market_keys.clear()


def _same_account(key: str, other: str) -> bool:
    uid = _uids.get(key)
    return key == other or (uid is not None and uid == _uids.get(other))


def _keep_longest(gates: dict[str, Gate], which: str, gate: Gate) -> None:
    now = clock()
    for old in [name for name, each in gates.items() if each.until <= now]:
        del gates[old]
    if which not in gates or gates[which].until < gate.until:
        gates[which] = gate


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_all)
