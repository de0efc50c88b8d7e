# cython: language_level=3
"""The table of methods and parameters (methods/table.py), in compiled form for the encoder.

In: methods/specs.py calls register_params() and register_method(), once, at import. Out: method_spec() gives a
MethodSpec.
Memory: the table lives as long as the process. A parameter name means the same in each method; parameters are numbered
in alphabetical order, which is the order of a signature payload.
Failure: InvalidRequest with the name of the method or parameter, and a similar name if there is one.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from .envelope cimport SHAPE_FIELDS, SHAPE_KLINES, SHAPE_ONE

import sys

from .._common.shown import LONGEST as _LONGEST
from .._common.shown import near, shown
from ..errors import InvalidRequest

cdef:
    dict _methods = {}          # name -> MethodSpec
    dict PARAMS = {}
    ParamSpec TIMESTAMP = None
    ParamSpec WINDOW_SPEC = None
    ParamSpec API_KEY = None
    ParamSpec SIGNATURE = None
    ParamSpec SYMBOL = None
    ParamSpec SUBSCRIPTION_ID = None
    dict OPTION_SPECS = {}

KINDS = {"TEXT": TEXT, "DECIMAL": DECIMAL, "INTEGER": INTEGER, "BOOLEAN": BOOLEAN, "LIST": LIST, "WINDOW": WINDOW}
EFFECTS = {
    "LOGON": LOGON, "LOGOUT": LOGOUT, "SUBSCRIBE": SUBSCRIBE, "SUBSCRIBE_OTHER": SUBSCRIBE_OTHER,
    "UNSUBSCRIBE": UNSUBSCRIBE, "ACCOUNT": ACCOUNT,
}
ROLES = {"READ": READ, "CREATE": CREATE, "CANCEL": CANCEL, "CHANGE": CHANGE, "SESSION": SESSION}
_ORDER_NUMBERS = ("orderId", "cancelOrderId", "orderListId")
SHAPES = {"FIELDS": SHAPE_FIELDS, "KLINES": SHAPE_KLINES, "ONE": SHAPE_ONE}


cdef class ParamSpec:
    """A parameter in the table: its name and the kind of its value."""


cdef class MethodSpec:
    """A method in the table; made by register_method() or method_spec()."""

    def __repr__(self):
        return f"<MethodSpec {self.name}>"


def register_params(kinds):
    """Add the parameters of the table, once, at import: a mapping of a name to a name in KINDS."""
    cdef ParamSpec spec
    for bit, name in enumerate(sorted(kinds)):
        if bit >= MAX_PARAMS:
            raise ValueError(f"more than {MAX_PARAMS} names of parameters")
        if len(name) > LONGEST_NAME:
            raise ValueError(f"{name}: more than {LONGEST_NAME} characters")
        name = sys.intern(name)
        spec = _make_param(name, KINDS[kinds[name]], bit)
        PARAMS[name] = spec
        BY_ADDRESS[(<size_t><PyObject*>name >> 4) % ADDRESSES] = <PyObject*>spec
        BY_BIT[bit] = <PyObject*>spec
    for option, name in {ON_REPLY: "on_reply", TIMEOUT: "timeout", URGENT: "urgent", SIGNER: "signer"}.items():
        name = sys.intern(name)
        spec = OPTION_SPECS[name] = _make_param(name, ANY, MAX_PARAMS + option)
        BY_ADDRESS[(<size_t><PyObject*>name >> 4) % ADDRESSES] = <PyObject*>spec
    global TIMESTAMP, WINDOW_SPEC, API_KEY, SIGNATURE, SYMBOL, SUBSCRIPTION_ID
    TIMESTAMP = PARAMS["timestamp"]
    WINDOW_SPEC = PARAMS["recvWindow"]
    API_KEY = PARAMS["apiKey"]
    SIGNATURE = PARAMS["signature"]
    SYMBOL = PARAMS["symbol"]
    SUBSCRIPTION_ID = PARAMS["subscriptionId"]


def register_method(
    str name not None, *, params=(), required=(), groups=(), timestamped=False, authorised=False,
    always_signed=False, trading=False, urgent=False, names_orders=False, shape=0, effect=NO_EFFECT, role=READ,
    own_ids=(), own_id=None, free_texts=(), error_is_result=False,
):
    """Add a method of the table; the arguments are the attributes of MethodSpec."""
    spec = _make_method(name)
    spec.params = {param: PARAMS[param] for param in params}
    spec.required = tuple(required)
    if len(groups) > MAX_GROUPS:
        raise ValueError(f"{name}: more than {MAX_GROUPS} groups")
    spec.groups = tuple(groups)
    spec.timestamped = timestamped
    spec.authorised = authorised
    spec.always_signed = always_signed
    spec.trading = trading
    spec.urgent = urgent
    spec.names_orders = names_orders
    spec.shape = shape
    spec.effect = effect
    spec.role = role
    spec.error_is_result = error_is_result
    spec.known = True
    spec.own_id = own_id
    _set_texts(spec, tuple(own_ids), tuple(free_texts))
    spec.order_numbers = tuple([name for name in _ORDER_NUMBERS if name in spec.params])
    _set_mask(spec.allowed_mask, spec.params)
    _set_mask(spec.required_mask, required)
    for names in spec.groups:
        _set_mask(spec.group_masks[spec.group_count], names)
        spec.group_count += 1
    _methods[name] = spec
    return spec


cdef int _set_mask(uint64_t* mask, names) except -1:
    cdef int bit
    mask[0] = mask[1] = mask[2] = 0
    for name in names:
        bit = (<ParamSpec>PARAMS[name]).bit
        mask[bit >> 6] |= (<uint64_t>1) << (bit & 63)
    return 0


cdef int _set_texts(MethodSpec spec, tuple own_ids, tuple free_texts) except -1:
    if len(own_ids) > MAX_TEXTS or len(free_texts) > MAX_TEXTS:
        raise ValueError(f"{spec.name}: more than {MAX_TEXTS} parameters with client order ids")
    spec.own_ids = own_ids
    spec.free_texts = free_texts
    spec.own_count = spec.free_count = 0
    for name in own_ids:
        spec.own_bits[spec.own_count] = (<ParamSpec>PARAMS[name]).bit
        spec.own_count += 1
    for name in free_texts:
        spec.free_bits[spec.free_count] = (<ParamSpec>PARAMS[name]).bit
        spec.free_count += 1
    return 0


cdef MethodSpec _make_method(str name):
    cdef MethodSpec spec = MethodSpec.__new__(MethodSpec)
    spec.name = name
    spec.params = {}
    spec.required = spec.groups = spec.own_ids = spec.free_texts = spec.order_numbers = ()
    spec.head = f',"method":"{name}","params":{{'.encode()
    spec.bare = f',"method":"{name}"}}'.encode()
    return spec


cdef MethodSpec _find_method(str name):
    """The method of that name. A method that the table does not know is sent as it is, with the given parameters.

    A version prefix, as in "v3/order.place", is sent too; the method is otherwise the one without it.
    """
    cdef MethodSpec spec = _methods.get(name)
    cdef MethodSpec known
    if spec is not None:
        return spec
    if not 0 < len(name) <= _LONGEST or not all(c.isascii() and (c.isalnum() or c in "._/-") for c in name):
        raise InvalidRequest(f"{shown(name)} is no name of a method")
    spec = _make_method(name)
    version, _, rest = name.rpartition("/")
    known = _methods.get(rest) if version else None
    if known is not None:
        spec.timestamped = known.timestamped
        spec.authorised = known.authorised
        spec.always_signed = known.always_signed
        spec.trading = known.trading
        spec.urgent = known.urgent
        spec.names_orders = known.names_orders
        spec.shape = known.shape
        spec.effect = known.effect
        spec.role = known.role
        spec.error_is_result = known.error_is_result
        spec.known = True
        spec.own_id = known.own_id
        _set_texts(spec, known.own_ids, known.free_texts)
        spec.order_numbers = known.order_numbers
        spec.params = known.params
    elif rest.startswith("userDataStream.subscribe."):
        spec.effect = SUBSCRIBE_OTHER   # whatever its kind of authorisation, its reply names a subscription
    if len(_methods) < 1000:
        _methods[name] = spec
    return spec


cpdef MethodSpec method_spec(object name):
    """The MethodSpec of a method. ``name`` may be of a subclass of str; InvalidRequest for what cannot be a name."""
    if type(name) is str:
        return _find_method(name)
    if not isinstance(name, str):
        raise InvalidRequest(f"{shown(name)} is no name of a method")
    return _find_method(str.__str__(name))


cdef ParamSpec _make_param(str name, int kind, int bit):
    cdef ParamSpec spec = ParamSpec.__new__(ParamSpec)
    spec.name = name
    spec.kind = kind
    spec.bit = bit
    spec.json_key = f'"{name}":'.encode()
    spec.sign_key = f"&{name}=".encode()
    spec.key_size = len(spec.json_key)
    spec.sign_size = len(spec.sign_key)
    if bit >= 0:
        memcpy(spec.key, PyBytes_AS_STRING(spec.json_key + b'"'), spec.key_size + 1)
        memcpy(spec.sign, PyBytes_AS_STRING(spec.sign_key), spec.sign_size)
    return spec


cdef PyObject* find_name(object name) noexcept:
    """The ParamSpec of a parameter or an option of the table, borrowed; NULL if the table does not know the name."""
    cdef PyObject* spec = PyDict_GetItem(PARAMS, name)
    return spec if spec != NULL else PyDict_GetItem(OPTION_SPECS, name)


cdef ParamSpec unknown_param(MethodSpec method, object name):
    """A ParamSpec for a parameter that the table does not know."""
    if not isinstance(name, str):
        raise InvalidRequest(f"{method.name}: expected parameter names as str, got {shown(name)}")
    if not 0 < len(name) <= _LONGEST or not all(c.isascii() and (c.isalnum() or c in "_-.") for c in name):
        raise InvalidRequest(f"{method.name}: {shown(name)} is no name of a parameter")
    return _make_param(str.__str__(name), ANY, -1)


cdef int refuse_names(MethodSpec method, dict params) except -1:
    """Raise InvalidRequest for parameter names that are unknown or missing."""
    for name in params:
        if name not in method.params and params[name] is not None:
            meant = near(name, method.params)
            hint = "" if meant is None else f"; did you mean {meant!r}?"
            raise InvalidRequest(f"{method.name} takes no parameter {shown(name)}{hint}")
    missing = [name for name in method.required if params.get(name) is None]
    raise InvalidRequest(f"{method.name} needs {' and '.join(map(repr, missing))}")


cdef int refuse_group(MethodSpec method, int group) except -1:
    raise InvalidRequest(f"{method.name} needs {' or '.join(map(repr, method.groups[group]))}")
