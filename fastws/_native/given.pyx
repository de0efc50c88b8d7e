# cython: language_level=3
"""What the caller of a request gave: parameters by their number in the table, and options, found in one pass.

In: a dict of parameters, or the names and values of a call with keywords. Out: a Given, which the session and the
encoder read; it is filled by the inline functions of given.pxd. Here is what few requests need: dicts.
Memory: a Given is on the C stack, and owns nothing.
Failure: none of its own; InvalidRequest for what can be no name of a parameter.
"""

from cpython.dict cimport PyDict_SetItem
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM

from .methods cimport BY_BIT, MAX_PARAMS, OPTION_SPECS, OPTIONS, MethodSpec, ParamSpec, find_name, unknown_param


cdef dict given_dict(const Given* given):
    """The parameters as the caller gave them; the caller's own dict, if it was one."""
    cdef Py_ssize_t i
    cdef dict found
    if given.params != NULL:
        return <dict>given.params
    found = {}
    if given.names == NULL:
        return found
    for i in range(PyTuple_GET_SIZE(<object>given.names)):
        if i == given.option_at[0] or i == given.option_at[1] or i == given.option_at[2] or i == given.option_at[3]:
            continue
        if given.source[i] == <PyObject*>None:
            name = <object>PyTuple_GET_ITEM(<object>given.names, i)
            if given.leaves_none or name in OPTION_SPECS:
                continue
        PyDict_SetItem(found, <object>PyTuple_GET_ITEM(<object>given.names, i), <object>given.source[i])
    return found


cdef dict named_params(tuple names, tuple values, bint leaves_none):
    """The same from what given_values() kept."""
    return {
        name: value for name, value in zip(names, values)
        if value is not None or not (leaves_none or name in OPTION_SPECS)
    }


cdef tuple given_values(const Given* given):
    """The values of `names`, to be kept: None in place of an option."""
    cdef Py_ssize_t size = PyTuple_GET_SIZE(<object>given.names)
    cdef Py_ssize_t i
    cdef int option
    cdef tuple values = PyTuple_New(size)
    for i in range(size):
        Py_INCREF(<object>given.source[i])
        PyTuple_SET_ITEM(values, i, <object>given.source[i])
    for option in range(OPTIONS):
        if given.option_at[option] >= 0:
            Py_DECREF(<object>given.options[option])
            Py_INCREF(None)
            PyTuple_SET_ITEM(values, given.option_at[option], None)
    return values


cdef dict all_given(const Given* given):
    """given_dict() and what was added since scan(); a new dict."""
    cdef dict found = dict(given_dict(given))
    cdef int i
    for i in range(given.scanned, given.count):
        found[(<ParamSpec>BY_BIT[given.bits[i]]).name] = <object>given.values[given.bits[i]]
    return found


cdef list unlisted_params(const Given* given, MethodSpec method):
    """[(ParamSpec, value), …] of the names that the table does not know."""
    cdef PyObject* spec
    cdef list found = []
    for name, value in given_dict(given).items():
        if value is None:
            continue
        spec = find_name(name)
        if spec == NULL or (<ParamSpec>spec).bit >= MAX_PARAMS:
            found.append((unknown_param(method, name), value))
    return found
