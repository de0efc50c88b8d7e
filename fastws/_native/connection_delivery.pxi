# How a result reaches its future or its callback; and what is rare about it. Included by connection.pyx.

from asyncio import Future, InvalidStateError

cdef extern from *:
    """
    /* set_result() of CPython's own Future, called as C: its arguments by position, or with the class in front. */
    static PyTypeObject *fastws_future = NULL;
    static PyCFunction fastws_set_by_one = NULL;
    static PyCMethod fastws_set_by_class = NULL;

    static void fastws_find_set_result(PyObject *future, PyObject *method) {
        PyMethodDef *found;
        if (!PyType_Check(future) || !Py_IS_TYPE(method, &PyMethodDescr_Type)) {
            return;     /* a Future written in Python */
        }
        found = ((PyMethodDescrObject *)method)->d_method;
        if (found->ml_flags == METH_O) {
            fastws_set_by_one = found->ml_meth;
        } else if (found->ml_flags == (METH_METHOD | METH_FASTCALL | METH_KEYWORDS)) {
            fastws_set_by_class = (PyCMethod)(void (*)(void))found->ml_meth;
        } else {
            return;
        }
        fastws_future = (PyTypeObject *)Py_NewRef(future);
    }

    #define fastws_has_own_set_result(future) Py_IS_TYPE(future, fastws_future)

    static PyObject *fastws_set_result(PyObject *future, PyObject *result) {
        return fastws_set_by_one ? fastws_set_by_one(future, result)
                                 : fastws_set_by_class(future, fastws_future, &result, 1, NULL);
    }

    static PyObject *fastws_call_two(PyObject *callable, PyObject *first, PyObject *second) {
        PyObject *arguments[3] = {NULL, first, second};     /* the first is room for a bound method's self */
        return PyObject_Vectorcall(callable, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    """
    void fastws_find_set_result(object future, object method) noexcept
    bint fastws_has_own_set_result(object future) noexcept
    PyObject* fastws_set_result(object future, object result) noexcept
    PyObject* fastws_call_two(object callable, object first, object second) noexcept

# A function that returns a new object, or NULL with an exception set: so the caller needs no try, which costs time
# even where nothing is raised.
ctypedef PyObject* (*_Decoding)(Connection connection, Envelope* env, RequestInfo info) noexcept

fastws_find_set_result(Future, Future.set_result)


cdef object _decoded(Connection connection, Envelope* env, RequestInfo info):
    """The result or error of a reply; DecodeError if it cannot be read."""
    if connection.session.views and info.spec.trading and env.payload == PAYLOAD_RESULT:
        # it counts as a success from here on, so a View that is read later must find it whole
        if connection._binary:
            connection._responses.check_whole(env)
        else:
            connection._decoder.check_whole(env)
    return connection._payload(env, info.spec.shape) if info.entries is None else connection._entries(env, info)


cdef object _decoded_event(Connection connection, Envelope* env, RequestInfo info):
    """An event, which is a dict; DecodeError if it cannot be read. There is no request: ``info`` is None."""
    event = connection._payload(env, SHAPE_FIELDS)
    if not PyDict_CheckExact(event):
        raise DecodeError("an event is an object")
    return event


# ------------------------------------------------------------------------------------------------------ cold

cdef int _raised() except -1:
    """Raise the exception that is set."""
    return -1


cdef int _undecodable(Connection connection, RequestInfo info) except -1:
    """_decoded() has set an exception: the request ends in it if it is a DecodeError."""
    try:
        _raised()
    except DecodeError as exc:
        connection.release(info)
        return connection.deliver(info, None, connection.session.owner.failure(info, exc, True))
    return 0


cdef int _unreadable_event(
    Connection connection, Envelope* env, const char* data, Py_ssize_t size, int64_t now
) except -1:
    """_decoded_event() has set an exception: if it is a DecodeError, the stream is told."""
    try:
        _raised()
    except DecodeError as exc:
        connection.unreadable += 1
        connection.session.owner.warn(
            "unreadable-event", f"an event that cannot be read: {exc}: {masked(data[:size])}"
        )
        return connection.router.unreadable(exc, env.subscription, connection.session.seq, now)
    return 0


cdef int _callback_raised(Connection connection, RequestInfo info) except -1:
    """A callback has set an exception, which is reported: picows, and the loops over requests, must go on."""
    try:
        _raised()
    except BaseException as exc:
        connection.session.owner.report(f"on_reply of {info.spec.name} raised an exception", exc)
    return 0


cdef int _refuse_coroutine(Connection connection, RequestInfo info, object coroutine) except -1:
    coroutine.close()
    connection.session.owner.report(
        f"on_reply of {info.spec.name} did nothing",
        TypeError("on_reply must be a plain function: it is called, nobody would await its coroutine"),
    )
    return 0


cdef int _not_taken(Connection connection, RequestInfo info, object result) except -1:
    """set_result() has set an exception: the future is done, or calling its callbacks later has failed."""
    if not PyErr_ExceptionMatches(InvalidStateError):
        return -1
    PyErr_Clear()
    return _orphan(connection, info, result)


cdef int _orphan(Connection connection, RequestInfo info, object outcome) except -1:
    """Give the outcome of a request whose waiter has given up to the owner."""
    info.outcome = outcome
    connection.orphans += 1
    connection.session.owner.orphan(info, outcome)
    return 0


cdef bint _is_abandoned(Connection connection, RequestInfo info, object future) except -1:
    """Whether nobody can read this future, which has no other reference: then the owner gets the outcome."""
    if not info.spec.trading or not info.sent:
        return False
    own = connection.session._on_request_end
    for callback, _ in future._callbacks or ():
        if type(callback) is not type(own) or callback != own:      # a user's may define any __eq__
            return False
    return True
