# cython: language_level=3
"""Which requests stay on a connection that is being left, so that the exchange gets them behind what they build on.

While a client changes from one connection to another, its requests go to the new one. The exchange may execute them
before what is unanswered on the old one: a cancel before the order that it cancels. So a trading request goes to the
old connection while a trading request of its symbol is unanswered there. This ends when a time is over, or as soon as
the oldest of the unanswered requests is OLD; from then on only these go there: a request that names an order (or an
order list) which an unanswered request of the symbol names, and a placement while an openOrders.cancelAll of the symbol
is unanswered.

In: SessionHandover calls add() for the unanswered trading requests of the old connection, and for each that follows
them. Out: holds() says where a request belongs.
Memory: it owns references to RequestInfos that have ended, until they are met or the old connection is gone.
Failure: none of its own. A request that timed out does not count.
"""

cimport cython
from cpython.dict cimport PyDict_GetItemWithError
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check, PyUnicode_CheckExact
from libc.stdint cimport int64_t

from .clock cimport monotonic_ns
from .methods cimport CANCEL, CREATE, MethodSpec
from .waiters cimport WAITING, RequestInfo

from .._common.index import index_of

cdef int64_t OLD = 250000000    # ns: an unanswered request of this age shows that the old connection is slow


@cython.final
cdef class SymbolRequests:
    """See the declaration."""

    def __cinit__(self):
        self.infos = []
        self.cancel_alls = []
        self.names = {}

    cdef int add(self, RequestInfo info) except -1:
        self.infos.append(info)
        if info.spec.role == CANCEL and not info.spec.own_ids:
            self.cancel_alls.append(info)
        return 0

    cdef bint names_one(self, MethodSpec spec, dict params, dict fixed) except -1:
        """Whether a request with these parameters names an order that an unanswered request names."""
        cdef RequestInfo info
        while self.named < len(self.infos):
            info = self.infos[self.named]
            self.named += 1
            if info.state == WAITING:
                self._walk(info.spec, info.given_params(), info.fixed, info)
        return self._walk(spec, params, fixed, None)

    cdef bint _walk(self, MethodSpec spec, dict params, dict fixed, RequestInfo info) except -1:
        """Take each name of an order or a list in the parameters of a request; see _take()."""
        cdef PyObject* value
        cdef str name
        for name in spec.own_ids:
            value = _given(params, fixed, name)
            if value != NULL and self._take(_text(<object>value), info):
                return True
        for name in spec.free_texts:
            value = _given(params, fixed, name)
            if value != NULL and self._take(_text(<object>value), info):
                return True
        for name in spec.order_numbers:
            value = _given(params, fixed, name)
            if value == NULL:
                continue
            number = _number(<object>value)
            if name == "orderListId" and number is not None:
                number = (name, number)     # an order may have the same number
            if self._take(number, info):
                return True
        return False

    cdef bint _take(self, object name, RequestInfo info) except -1:
        """Without `info`: whether an unanswered request has this name. Else keep `info`, which has it; False."""
        cdef PyObject* found
        cdef object held
        if name is None:
            return False
        found = PyDict_GetItemWithError(self.names, name)
        if found == NULL:
            if info is not None:
                self.names[name] = info
            return False
        held = <object>found
        if type(held) is list:
            if info is None:
                return _any_waits(<list>held)
            (<list>held).append(info)
        elif info is None:
            return (<RequestInfo>held).state == WAITING
        elif held is not info:
            self.names[name] = [held, info]
        return False


@cython.final
cdef class Stickiness:
    """See the module's docstring. ``until``: when the time of all requests is over, monotonic ns."""

    def __cinit__(self, int64_t until):
        self._until = until
        self._infos = []
        self._symbols = {}

    cdef int add(self, RequestInfo info) except -1:
        """Remember a trading request on the old connection; in the order in which they were made."""
        cdef object symbol = _symbol(info.given_params(), info.fixed)
        if symbol is not None:
            found = self._symbols.get(symbol)
            if found is None:
                found = self._symbols[symbol] = SymbolRequests()
            (<SymbolRequests>found).add(info)
        self._infos.append(info)
        return 0

    cdef bint holds(self, MethodSpec spec, dict params, dict fixed) except -1:
        """Whether a trading request belongs on the old connection. ``fixed``: of its prepared request, or None."""
        cdef object symbol = _symbol(params, fixed)
        cdef PyObject* found
        cdef SymbolRequests requests
        if symbol is None:
            return False
        found = PyDict_GetItemWithError(self._symbols, symbol)
        if found == NULL:
            return False
        requests = <SymbolRequests>found
        if not _any_waits(requests.infos):
            self._symbols.pop(symbol, None)
            return False
        if self._until and self._all_follow():
            return True
        requests.named = min(requests.named, len(requests.infos))
        return (
            (spec.role == CREATE and _any_waits(requests.cancel_alls))
            or requests.names_one(spec, params, fixed)
        )

    cdef bint _all_follow(self) except -1:
        """Whether it is still the time in which all requests of a symbol follow its unanswered ones."""
        cdef RequestInfo oldest
        cdef int64_t now = monotonic_ns()
        while self._first < len(self._infos):
            oldest = self._infos[self._first]
            if oldest.state == WAITING:
                if now < self._until and now - oldest.queued_at < OLD:
                    return True
                break
            self._first += 1
            self._infos[self._first - 1] = None     # last: a finalizer that sends a request may come here as well
        self._until = 0
        return False


cdef inline object _symbol(dict params, dict fixed):
    """The symbol of a request; None for one without, which the exchange refuses."""
    cdef PyObject* value = _given(params, fixed, "symbol")
    return None if value == NULL else _text(<object>value)


cdef inline PyObject* _given(dict params, dict fixed, str name) except? NULL:
    """A parameter of a request, given with the call or fixed by its prepared request; NULL if it has none."""
    cdef PyObject* value = PyDict_GetItemWithError(params, name)
    if (value == NULL or value == <PyObject*>None) and fixed is not None:
        value = PyDict_GetItemWithError(fixed, name)
    return NULL if value == <PyObject*>None else value


cdef inline object _text(object value):
    """A text as a plain str; None for other values."""
    if PyUnicode_CheckExact(value):
        return value
    return str.__str__(value) if PyUnicode_Check(value) else None


cdef object _number(object value):
    """The number of an order or a list, as the encoder would write it; None where it refuses the value."""
    if PyLong_CheckExact(value):
        return value
    if not PyUnicode_Check(value):
        return index_of(value)
    try:
        return int(str.__str__(value))
    except ValueError:
        return None


cdef bint _any_waits(list infos) except -1:
    """Whether one of these requests is unanswered and did not time out; those at the end that are not are taken off."""
    cdef RequestInfo info
    while infos:
        info = infos[len(infos) - 1]
        if info.state == WAITING:
            return True
        infos.pop()
    return False
