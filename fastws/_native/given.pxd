# What the caller of a request gave: parameters by their number in the table, and options, found in one pass.
from cpython.dict cimport PyDict_Next
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t

from .methods cimport (
    ADDRESSES, BY_ADDRESS, MAX_PARAMS, ON_REPLY, OPTIONS, SIGNER, TIMEOUT, URGENT, MethodSpec, ParamSpec, find_name,
)


cdef struct Given:
    # All objects are borrowed, until the request is made. One of the two is set, or none:
    PyObject* names             # a tuple of names, of parameters and options, whose values are in `source`
    PyObject* const* source
    PyObject* params            # a dict of parameters
    bint leaves_none            # a parameter that is None counts as not given, also for given_dict()
    PyObject* options[OPTIONS]  # by their numbers, or NULL; scan() takes them out of `names`

    # Set by scan(). What is None is not given.
    int option_at[OPTIONS]      # their places in `names`, or -1
    bint unlisted               # there are names that the table does not know
    uint64_t mask[3]            # the parameters, by bit
    int scanned                 # how many of the parameters that follow come from the caller: the first ones
    int count
    uint8_t bits[MAX_PARAMS]    # the parameters, in the order in which they were given
    PyObject* values[MAX_PARAMS]  # by bit; only of those in `mask`


cdef inline void give_dict(Given* given, dict params) noexcept:
    """Parameters from a dict, without options."""
    cdef int i
    given.names = NULL
    given.params = <PyObject*>params
    given.leaves_none = False
    for i in range(OPTIONS):
        given.options[i] = NULL


cdef inline void give_names(Given* given, PyObject* names, PyObject* const* source, bint leaves_none) noexcept:
    """Parameters and options from a call with keywords."""
    cdef int i
    given.names = names
    given.source = source
    given.params = NULL
    given.leaves_none = leaves_none
    for i in range(OPTIONS):
        given.options[i] = NULL


cdef inline int scan(Given* given) except -1:
    """Look each name up in the table, once."""
    cdef Py_ssize_t i
    cdef Py_ssize_t position = 0
    cdef PyObject* name
    cdef PyObject* value
    given.mask[0] = given.mask[1] = given.mask[2] = 0
    given.count = given.scanned = 0
    given.unlisted = False
    for i in range(OPTIONS):
        given.option_at[i] = -1
    if given.names != NULL:
        for i in range(PyTuple_GET_SIZE(<object>given.names)):
            _scan_one(given, <PyObject*>PyTuple_GET_ITEM(<object>given.names, i), given.source[i], i)
    elif given.params != NULL:
        while PyDict_Next(<object>given.params, &position, &name, &value):
            _scan_one(given, name, value, -1)
    given.scanned = given.count
    return 0


cdef inline int _scan_one(Given* given, PyObject* name, PyObject* value, Py_ssize_t at) except -1:
    """`at`: the place in `names`; -1 where there are no options."""
    cdef PyObject* spec
    cdef int bit
    if value == <PyObject*>None:
        return 0
    spec = BY_ADDRESS[(<size_t>name >> 4) % ADDRESSES]
    if spec == NULL or name != <PyObject*>(<ParamSpec>spec).name:
        spec = find_name(<object>name)
    if spec != NULL:
        bit = (<ParamSpec>spec).bit
        if bit < MAX_PARAMS:
            # two names can be one parameter (a subclass of str with an __eq__ of its own): `bits` must not overflow
            if not is_given(given, bit):
                give(given, bit, value)
            else:
                given.values[bit] = value
            return 0
        if at >= 0:
            given.options[bit - MAX_PARAMS] = value
            given.option_at[bit - MAX_PARAMS] = <int>at
            return 0
    given.unlisted = True
    return 0


cdef inline bint is_given(const Given* given, int bit) noexcept:
    return given.mask[bit >> 6] >> (bit & 63) & 1


cdef inline PyObject* given_value(const Given* given, ParamSpec param) noexcept:
    """The value of a parameter; NULL if it is not given."""
    return given.values[param.bit] if is_given(given, param.bit) else NULL


cdef inline void give(Given* given, int bit, PyObject* value) noexcept:
    """Add a parameter that is not given. scan() forgets it."""
    given.mask[bit >> 6] |= (<uint64_t>1) << (bit & 63)
    given.values[bit] = value
    given.bits[given.count] = <uint8_t>bit
    given.count += 1


cdef inline object object_or_none(PyObject* found):
    """A borrowed object; None for NULL."""
    return None if found == NULL else <object>found


cdef inline object given_option(const Given* given, int option):
    """An option; None if it is not given."""
    return object_or_none(given.options[option])


cdef dict given_dict(const Given* given)
cdef dict all_given(const Given* given)
cdef tuple given_values(const Given* given)
cdef dict named_params(tuple names, tuple values, bint leaves_none)
cdef list unlisted_params(const Given* given, MethodSpec method)
