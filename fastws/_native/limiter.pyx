# cython: language_level=3
"""The rate limiter: refuses requests before they are made (read-only, a hold, a closed gate), and keeps rate limits.

In: the session calls check() while `checks` is not 0, and store() with the rate limits in replies; trading/limits.py
reads refusals and calls close_gate(); hold() takes what refuses placements, such as a halt (holds.py).
Out: ReadOnly, LocallyLimited, the error of a hold; rows() for ``client.limits``.
Memory: rows are C structs; a gate is a tuple. One RateLimiter serves all connections of a client.
Failure: none of its own. Only time opens a gate: the first request after its end removes it.

A gate refuses (web-socket-api.md, Rate limits): "banned" each request; "weight" all requests but cancels; "orders" the
requests that place orders for that account. The reserve of weight refuses reads.
"""

cimport cython
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from .clock cimport Clock, monotonic_ns
from .envelope cimport MAX_LIMITS, RateLimit
from .methods cimport CANCEL, CREATE, READ, MethodSpec
from .prepared cimport Template

from ..errors import LocallyLimited, ReadOnly

cdef enum:
    READ_ONLY = 1
    HELD = 2
    GATED = 4
    RESERVED = 8

    LONGEST_WINDOW = 31 * 86400     # seconds

LIMIT_KINDS = {"R": "REQUEST_WEIGHT", "O": "ORDERS", "A": "RAW_REQUESTS", "C": "CONNECTIONS"}
LIMIT_INTERVALS = {"S": "SECOND", "M": "MINUTE", "H": "HOUR", "D": "DAY"}


# -------------------------------------------------------------------------------------------------- hot

@cython.final
cdef class LimitRows:
    """The latest rate limits that replies showed."""

    cdef int store(self, const RateLimit* limit, int64_t now) except -1:
        cdef LimitRow* row
        cdef int i
        for i in range(self.count):
            row = &self.rows[i]
            if (
                row.limit.kind == limit.kind and row.limit.interval == limit.interval
                and row.limit.interval_num == limit.interval_num
            ):
                row.limit = limit[0]
                row.read_at = now
                return 0
        if self.count < MAX_LIMITS:
            self.rows[self.count].limit = limit[0]
            self.rows[self.count].read_at = now
            self.count += 1
        return 0


@cython.final
cdef class RateLimiter:
    """See the module's docstring. ``own_key``: the client's API key; ``reserve``: weight that reads
    must leave; ``weigh(method, params)``: the weight of a read."""

    def __cinit__(self, Clock clock not None, str own_key, *, bint read_only=False, int64_t reserve=0, weigh=None):
        self._clock = clock
        self.own_key = own_key
        self._own = LimitRows()
        self._others = {}
        self._orders = {}
        self.holds = ()
        self._used = set()
        self._unreachable = set()
        self._reserve = reserve
        self._weigh = weigh
        self.read_only = read_only
        self._update_checks()

    cdef int store(self, const RateLimit* limits, int count, object account, int64_t now) except -1:
        """Keep the rate limits of a reply, read at ``now`` (monotonic ns). ``account`` is None for the client's own."""
        cdef int i
        cdef LimitRows others
        if account is None:
            for i in range(count):
                self._own.store(&limits[i], now)
            return 0
        others = self._others.get(account)
        if others is None:
            if len(self._others) >= 1000:
                self._others.clear()
            others = self._others[account] = LimitRows()
        for i in range(count):
            (others if limits[i].kind == c"O" else self._own).store(&limits[i], now)
        return 0

    cdef int note_symbol(self, PyObject* symbol, Template template, object signer, object account) except -1:
        """Remember the symbol of a request that places orders, for halt(); NULL if the template fixes it."""
        if symbol == NULL and template is not None:
            symbol = PyDict_GetItem(template.fixed, "symbol")
        if symbol == NULL or symbol == <PyObject*>None:
            return 0
        if signer is None:
            if account is not None:     # the caller signed it with a key that is not the client's
                self._unreachable.add(<object>symbol)
                return 0
            if symbol == <PyObject*>self.last_symbol:
                return 0
            self.last_symbol = <object>symbol
        self._used.add((signer, <object>symbol))
        return 0

    # ------------------------------------------------------------------------------------------------- cold

    cdef int check(self, MethodSpec spec, dict params, Template template, object signer, int64_t pending) except -1:
        """Raise ReadOnly, the error of a hold, or LocallyLimited for a request that must not be sent now.

        Returns the weight of a read if there is a reserve, else 0. ``pending`` is the weight of the reads in flight.
        """
        if self.checks & READ_ONLY and (spec.trading or not spec.known):
            what = "" if spec.known else ", which fastws does not know to be harmless,"
            raise ReadOnly(f"{spec.name}{what} was not sent: the client is read-only")
        if self.checks & (HELD | GATED) and template is not None:
            params = {**template.fixed, **params}
            template = None
        if self.checks & HELD:
            account = self.account(signer, params.get("apiKey"))
            for hold in self.holds:
                if hold.refuses(spec, params, account):
                    raise hold.error(spec.name)
        if self.checks & GATED:
            self._gate(spec, params, self.account(signer, params.get("apiKey")))
        if self.checks & RESERVED and spec.role == READ:
            if template is not None:
                params = {**template.fixed, **params}
            return self._reserved(spec, params, pending)
        return 0

    cdef object account(self, object signer, object api_key):
        """The account that a request is for: None for that of the client's key, else an API key.

        ``api_key``: the parameter ``apiKey`` of the request, or None.
        """
        key = getattr(signer, "api_key", None) if signer is not None else api_key
        # the encoder refuses a key that is no str
        return None if key == self.own_key or not isinstance(key, str) else key

    cdef int _gate(self, MethodSpec spec, dict params, object account) except -1:
        cdef tuple gate
        if self._banned is not None and not self._open_again(self._banned):
            _refuse(spec, self._banned)
        self._banned = None
        if self._weight is not None and self._open_again(self._weight):
            self._weight = None
        if self._weight is not None and spec.role != CANCEL:
            _refuse(spec, self._weight)
        for key, gate in list(self._orders.items()):
            if self._open_again(gate):
                del self._orders[key]
        if spec.role == CREATE and account in self._orders:
            # the exchange still does the cancel of such a cancelReplace
            if params.get("orderRateLimitExceededMode") != "CANCEL_ONLY":
                _refuse(spec, self._orders[account])
        self._update_checks()
        return 0

    cdef bint _open_again(self, tuple gate) except -1:
        return monotonic_ns() >= <int64_t>gate[0]

    cdef int _reserved(self, MethodSpec spec, dict params, int64_t pending) except -1:
        cdef int64_t weight = self._weigh(spec.name, params)
        cdef tuple short = self._too_short(weight, pending)
        if short is not None:
            _refuse(spec, short)
        return <int>weight

    cdef tuple _too_short(self, int64_t weight, int64_t pending):
        """The gate that the reserve of weight is for a read of this weight; None if enough is left."""
        cdef int64_t base = self._clock.base_now()
        cdef int64_t now = monotonic_ns() // 1000 + base
        cdef int64_t window, count, end
        cdef LimitRow* row
        cdef int i
        for i in range(self._own.count):
            row = &self._own.rows[i]
            window = _length(&row.limit)
            if row.limit.kind != c"R" or window == 0:
                continue
            count = _bounded(row.limit.count) if (row.read_at // 1000 + base) // window == now // window else 0
            if count + pending + weight > _bounded(row.limit.limit) - self._reserve:
                end = (now // window + 1) * window
                return (
                    (end - base) * 1000, end,
                    f"{count} of {row.limit.limit} weight is used, {pending} is on its way, and"
                    f" {self._reserve} is kept (reserve_weight)",
                )
        return None

    cdef int _update_checks(self) except -1:
        """Set `checks` to what requests must be checked for now."""
        self.checks = (
            (READ_ONLY if self.read_only else 0) | (HELD if self.holds else 0) | (RESERVED if self._reserve else 0)
            | (GATED if self._banned is not None or self._weight is not None or self._orders else 0)
        )
        return 0

    def hold(self, hold, *, bint first=False):
        """Refuse what this hold refuses, from now on. ``first``: its error comes before those of the other holds."""
        others = tuple([other for other in self.holds if other is not hold])
        self.holds = (hold, *others) if first else (*others, hold)
        self._update_checks()

    def release(self, hold):
        """End a hold; nothing happens if it has ended."""
        self.holds = tuple([other for other in self.holds if other is not hold])
        self._update_checks()

    def close_gate(self, str which, int64_t microseconds, int64_t until_us, str why, account=None):
        """Close a gate for some microseconds; a gate that is closed for longer already stays as it is.

        Args:
            which: "banned", "weight" or "orders".
            until_us: when the gate opens, in microseconds of the exchange's time; for the text of the exception.
            why: the reason, for the text of the exception.
            account: for "orders", the account, as own_account() gives it.
        """
        cdef int64_t now = monotonic_ns()
        cdef int64_t until = now + max(0, microseconds) * 1000
        cdef tuple old = {"banned": self._banned, "weight": self._weight}.get(which, self._orders.get(account))
        cdef tuple gate
        if old is not None and <int64_t>old[0] >= until:
            return
        gate = (until, until_us, why)
        if which == "banned":
            self._banned = gate
        elif which == "weight":
            self._weight = gate
        else:
            self._orders[account] = gate
        self._update_checks()

    def read_delay(self, int64_t weight):
        """The seconds until a read of this weight may be sent; 0 if it may be sent now."""
        cdef int64_t until = 0
        cdef tuple gate
        for gate in (self._banned, self._weight, self._too_short(weight, 0) if self._reserve else None):
            if gate is not None:
                until = max(until, <int64_t>gate[0])
        return max(0, until - monotonic_ns()) / 1e9

    def set_own_key(self, str own_key not None):
        """The client has another API key of the same account from now on."""
        self.own_key = own_key
        gate = self._orders.pop(own_key, None)
        if gate is not None:
            self._orders[None] = max(gate, self._orders.get(None, gate))

    def own_account(self, signer, params):
        """The account of a request: None for that of the client's key, else an API key."""
        return self.account(signer, params or {})

    def used_symbols(self):
        """The (Signer or None, symbol) of all requests that may have placed orders."""
        return set(self._used)

    def unreachable_symbols(self):
        """The symbols of orders that the caller signed with another key: this client cannot cancel them."""
        return set(self._unreachable)

    def rows(self, account=None):
        """The latest rate limits: (type, interval, intervalNum, limit, count, end of the window).

        The end is in microseconds of the exchange's time; None if the window is not known. The count of a window that
        has ended is 0. ``account``: an API key other than the client's.
        """
        cdef LimitRows rows = self._own if account is None else self._others.get(account)
        cdef int64_t base = self._clock.base_now()
        cdef int64_t now = monotonic_ns() // 1000 + base
        cdef int64_t window
        cdef LimitRow* row
        cdef int i
        found = []
        for i in range(0 if rows is None else rows.count):
            row = &rows.rows[i]
            window = _length(&row.limit)
            current = window == 0 or (row.read_at // 1000 + base) // window == now // window
            found.append((
                LIMIT_KINDS.get(chr(row.limit.kind & 0xFF), "UNKNOWN"),
                LIMIT_INTERVALS.get(chr(row.limit.interval & 0xFF), "UNKNOWN"),
                row.limit.interval_num, row.limit.limit, row.limit.count if current else 0,
                (now // window + 1) * window if window else None,
            ))
        return found


cdef int64_t _length(RateLimit* limit) except -1:
    """The length of a window in microseconds; 0 if its interval is unknown or impossible."""
    cdef int64_t seconds = {c"S": 1, c"M": 60, c"H": 3600, c"D": 86400}.get(limit.interval, 0)
    seconds *= max(0, limit.interval_num)
    return seconds * 1000000 if seconds <= LONGEST_WINDOW else 0


cdef inline int64_t _bounded(int64_t number) noexcept:
    """A count or a limit, bounded so that additions do not overflow."""
    return max(0, min(number, <int64_t>1 << 60))


cdef int _refuse(MethodSpec spec, tuple gate) except -1:
    raise LocallyLimited(f"{spec.name} was not sent: {gate[2]}", gate[1])
