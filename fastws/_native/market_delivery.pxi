# How an event reaches its consumers, and what becomes of their exceptions. Included by market_router.pyx.

# A function that returns a new object, or NULL with an exception set: so the caller needs no try, which costs time
# even where nothing is raised.
ctypedef PyObject* (*_Making)(MarketRouter router, bint binary, Py_ssize_t i) noexcept


# The same for what returns -1.
ctypedef int (*_Reading)(
    MarketRouter router, MarketConnection connection, const char* data, Py_ssize_t size, bint binary, int64_t now
) noexcept
ctypedef int (*_OfTop)(MarketSink sink, int tag, const Top* top, int64_t now) noexcept
ctypedef int (*_OfTrade)(MarketSink sink, int tag, const Trade* trade, int64_t now) noexcept
ctypedef int (*_OfDepth)(MarketSink sink, int tag, const Depth* depth, int64_t now) noexcept


cdef int _read(
    MarketRouter router, MarketConnection connection, const char* data, Py_ssize_t size, bint binary, int64_t now
) except -1:
    return router.read(connection, data, size, binary, now)


cdef int _on_top(MarketSink sink, int tag, const Top* top, int64_t now) except -1:
    return sink.on_top(tag, top, now)


cdef int _on_trade(MarketSink sink, int tag, const Trade* trade, int64_t now) except -1:
    return sink.on_trade(tag, trade, now)


cdef int _on_diff(MarketSink sink, int tag, const Depth* depth, int64_t now) except -1:
    return sink.on_diff(tag, depth, now)


cdef int _on_depth(MarketSink sink, int tag, const Depth* depth, int64_t now) except -1:
    return sink.on_depth(tag, depth, now)


cdef int _sink_raised(MarketStream stream) except -1:
    """A sink has set an exception, which is reported: the next sink must get the event too."""
    try:
        _raised()
    except BaseException as exc:
        stream.router.owner.report(f"a consumer of {stream.name} raised an exception", exc)
    return 0


cdef object _make_event(MarketRouter router, bint binary, Py_ssize_t i):
    """The event of the message that is open."""
    return router._sbe.event(i) if binary else router._json.event(i)


cdef int _raised() except -1:
    """Raise the exception that is set."""
    return -1


cdef int _undecodable(MarketRouter router, MarketStream stream, MarketConnection connection, int64_t now) except -1:
    """_make_event() has set an exception: if it is a DecodeError, the consumers get it in the place of the event."""
    cdef MarketEvents events
    try:
        _raised()
    except DecodeError as exc:
        connection.unreadable += 1
        router.owner.warn("unreadable-event", f"an event of {stream.name} cannot be read: {exc}")
        for events in stream.events_to:
            events.put_error(exc, stream.index << 32 | connection.number, now)
    return 0


cdef int _each_sink(
    MarketStream stream, const Top* top, const Trade* trade, const Depth* depth, bint diff, int64_t now
) except -1:
    cdef MarketSink sink
    cdef tuple entry
    cdef int tag
    cdef int code
    for entry in stream.sinks:
        sink = <MarketSink>entry[0]
        tag = entry[1]
        if top != NULL:
            code = (<_OfTop>_on_top)(sink, tag, top, now)
        elif trade != NULL:
            code = (<_OfTrade>_on_trade)(sink, tag, trade, now)
        elif diff:
            code = (<_OfDepth>_on_diff)(sink, tag, depth, now)
        else:
            code = (<_OfDepth>_on_depth)(sink, tag, depth, now)
        if code < 0:
            _sink_raised(stream)
    return 0
