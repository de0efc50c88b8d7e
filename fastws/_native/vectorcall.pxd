# Types whose objects are called by CPython's vectorcall (PEP 590): with the values of the arguments in an array and the
# names of the keywords in a tuple, which the caller's code object keeps. So a call makes neither a frame nor a dict.
# Cython has no way to declare such a type. take_vectorcalls() changes a type that it has made.
from cpython.object cimport PyObject


cdef extern from "Python.h":
    ctypedef PyObject* (*vectorcallfunc)(PyObject* called, PyObject* const* values, size_t flags, PyObject* names)
    Py_ssize_t PyVectorcall_NARGS(size_t flags)
    object PyObject_Vectorcall(object called, PyObject* const* values, size_t flags, PyObject* names)


cdef extern from *:
    """
    /* To be called once, when the module is loaded: before the type has objects. `offset`: where an object has its
       vectorcallfunc. `is_method`: it is a function that a class has as a method, whose type has __get__; then
       `object.method()` is one call with the object in front of the arguments, without a bound method. */
    static void fastws_take_vectorcalls(PyObject *changed, Py_ssize_t offset, int is_method) {
        PyTypeObject *type = (PyTypeObject *)changed;
        type->tp_vectorcall_offset = offset;
        type->tp_call = PyVectorcall_Call;
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        if (is_method)
            type->tp_flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
        PyType_Modified(type);
    }
    """
    void take_vectorcalls "fastws_take_vectorcalls"(PyObject* type, Py_ssize_t offset, bint is_method)
