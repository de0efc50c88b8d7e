# Why a request is refused before it is written. Included by _core.pyx.


cdef int _check_output(Connection connection) except -1:
    cdef Py_ssize_t waiting = connection.output_waiting()
    if waiting > connection.max_output:
        raise NotSent(
            f"not sent: {waiting} bytes wait for the exchange to read them, more than {connection.max_output}"
        )
    return 0


cdef int _refuse_nameless(str method, str name) except -1:
    raise InvalidRequest(
        f"{method}: a request that you sign yourself must carry {name}: fastws cannot add it, and without it"
        " the outcome of the request could not be found"
    )


cdef int _refuse_without_logon(MethodSpec spec, Auth auth) except -1:
    hint = ""
    if spec.effect == SUBSCRIBE:
        hint = "; client.user_data_stream_subscribe_signature() needs none, and takes any key"
        if auth is not None and not auth.signer.can_logon:
            hint = f", which takes no {auth.signer.kind} key: use client.user_data_stream_subscribe_signature()"
    raise InvalidRequest(f"{spec.name} needs a connection that is logged on, by session.logon{hint}")


cdef int _refuse_nested(str method) except -1:
    raise InvalidRequest(f"{method} was requested while another request was being made, by its signer or its values")


cdef int64_t _timeout_ns(object timeout) except? -1:
    try:
        seconds = float(timeout)
    except (TypeError, ValueError):
        seconds = -1.0
    if not seconds > 0:
        raise InvalidRequest(f"timeout: expected seconds above 0, got {shown(timeout)}")
    return <int64_t>(min(seconds, 1e9) * 1e9)
