# Messages that cannot be read, or that name no request; and the end of requests without a reply. Included by
# connection.pyx.

cdef int _unreadable(
    Connection connection, bytes data, object error, Envelope* env, int64_t now
) except -1:
    """A message whose envelope cannot be read. If it can only be the reply to one request, that request ends."""
    cdef RequestInfo info = None
    connection.unreadable += 1
    try:
        if not connection._binary:
            data.decode()
    except UnicodeDecodeError:
        connection.fail(WSCloseCode.INVALID_TEXT, f"a text message that is not UTF-8: {masked(data)}")
        return 0
    if env.id_kind == ID_INT:
        info = connection.waiters.find(env.id)
    elif env.id_kind != ID_OTHER and env.payload != PAYLOAD_EVENT and env.subscription < 0:
        info = _only_sent(connection)
    if info is None or not info.sent:
        connection.session.owner.warn("unreadable-message", f"a message that cannot be read: {error}: {masked(data)}")
        if env.id_kind == ID_ABSENT:    # it may be an event
            connection.router.unreadable(error, env.subscription, connection.session.seq, now)
        return 0
    info.received_at = now
    info.seq = connection.session.seq
    connection.release(info)
    return connection.deliver(info, None, connection.session.owner.failure(info, error, True))


cdef int _without_id(Connection connection, Envelope* env, bytes data, int64_t now) except -1:
    """A message with `id: null`, with none, or with one that is no integer."""
    cdef RequestInfo info
    if env.id_kind != ID_NULL or env.payload != PAYLOAD_ERROR:
        connection.unknown += 1
        connection.session.owner.warn("unmatched-message", f"a message that answers no request: {masked(data)}")
        return 0
    try:
        payload = connection._payload(env, SHAPE_FIELDS)
    except DecodeError as exc:
        return _unreadable(connection, data, exc, env, now)
    error = api_error(env.status, payload) if env.status >= 400 else contradiction(env.status, payload, True, False)
    if env.status == 401:
        connection.logged_on = False
        connection.logon_signer = None
    info = _only_sent(connection)
    if env.status == 401:
        ids = [] if info is not None and info.on_logon else [
            info.id for info in connection.waiters.all() if info.on_logon and info.sent
        ]
        connection.session.owner.revoked(connection, error, ids)     # before the request ends: its callback sees it
        connection.router.revoked(error)
    info = _only_sent(connection)
    if info is not None and (env.status != 401 or info.on_logon):
        info.received_at = now
        info.seq = connection.session.seq
        connection.release(info)
        return connection.deliver(info, None, connection.session.owner.failure(info, error, False))
    if env.status != 401:
        if env.status >= 400:
            connection.session.owner.apply_refusal(error, None)
        connection.session.owner.warn(
            "unmatched-refusal", f"the exchange refused a request without saying which: {error}"
        )
    return 0


cdef RequestInfo _only_sent(Connection connection):
    """The only request in flight that was sent, for a message without an id; None if there are several, or none."""
    cdef RequestInfo info
    if connection.waiters.count - connection.cork.count == 1:
        for info in connection.waiters.all():
            if info.sent:
                return info
    return None


cdef object unanswered(RequestInfo info, object cause, object sender):
    """The error of a trading request that was sent, and gets no reply.

    It is what SessionOwner.failure() makes of a ConnectionLost or a RequestTimeout, without a call for each of
    thousands of requests. ``sender``: that of the owner, which was told of the request by left_open().
    """
    # as ExecutionUnknown.of_request() makes it: its __new__ is that of BaseException, which keeps the tuple
    error = (<PyTypeObject*>ExecutionUnknown).tp_new(ExecutionUnknown, (cause, info, sender), NULL)
    Py_INCREF(cause)
    PyException_SetCause(error, cause)
    return error


cdef int end_requests(Connection connection, list infos) except -1:
    """End these requests of a connection that is lost."""
    cdef RequestInfo info
    cdef MethodSpec spec = None
    cdef object sender = connection.session.owner.sender
    cdef list unknown = [info for info in infos if info.spec.trading and info.sent and info.state == WAITING]
    if unknown:
        connection.session.owner.left_open(unknown)
    for info in infos:
        if not connection.release(info) or info.state != WAITING:
            continue        # its waiter got RequestTimeout already, or gets it right now
        if not info.sent:
            error = NotConnected(f"{info.spec.name} was not sent: {connection.close_reason}")
            connection.deliver(info, None, connection.session.owner.failure(info, error, False))
            continue
        if info.spec is not spec:
            spec = info.spec
            text = f"no reply to {spec.name}: {connection.close_reason}"
            cause = ConnectionLost(text)
        if spec.trading:
            error = unanswered(info, cause, sender)
        else:
            error = PyObject_CallOneArg(ConnectionLost, text)
            PyObject_SetAttr(error, "info", info)
        connection.deliver(info, None, error)
    return 0
