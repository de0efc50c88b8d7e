# What a message is refused for; see market_sbe.pyx.


cdef int _at_group(SbeEvents events, str name, int code) noexcept:
    events.group = name
    return code


cdef int _check_symbol(SbeEvents events) noexcept:
    """Whether a symbol beyond ASCII is UTF-8."""
    try:
        _text(events)
    except UnicodeDecodeError:
        return NOT_UTF8
    except MemoryError:
        return 0        # it is said when the event is made
    return 0


cdef object _error(SbeEvents events, int code):
    """The SbeError of a code."""
    if code == UNKNOWN_TEMPLATE:
        return SbeError(f"no template {events.template_id} in the schema of market data streams")
    if code == SHORT_HEADER:
        return SbeError(f"{events.size} bytes are no message: its header has {HEADER}")
    if code == OTHER_SCHEMA:
        return SbeError(f"schema id {read_u16(events.data + 4)}, not {SCHEMA}, that of market data streams")
    if code == SHORT_BLOCK:
        return SbeError(f"a block of {read_u16(events.data)} bytes is shorter than the schema's")
    if code == LONG_BLOCK:
        return SbeError("the message ends within its block")
    if code == NO_GROUP:
        return SbeError("the message ends within the group's header", f"$.{events.group}")
    if code == SHORT_ENTRY:
        return SbeError("its entries are shorter than the schema's", f"$.{events.group}")
    if code == MANY_ENTRIES:
        return SbeError("more entries than the message has bytes for", f"$.{events.group}")
    if code == NO_SYMBOL:
        return SbeError("the message ends within it", f"$.symbol")
    if code == NOT_UTF8:
        return SbeError("not UTF-8", f"$.symbol")
    return SbeError("neither 0 nor 1", f"$.trades[{events.at}].isBuyerMaker")
