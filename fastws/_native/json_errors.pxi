# The text of an error code, and the position in the document; see json.pyx.


_REASONS = {
    TOO_DEEP: f"nested more than {MAX_DEPTH} deep",
    SURROGATE: "a lone surrogate",
    NUMBER: "not a number of JSON",
    TOO_LARGE: "a number out of range",
    SYNTAX: "not JSON",
    NOT_OBJECT: "not an object",
    REPEATED: "a second result, error or event",
    STATUS: "a status that is no number of three digits",
}


cdef PyObject* _fail(Decoder decoder, int code) noexcept:
    if decoder.code == 0:
        decoder.code = code
    return NULL


cdef PyObject* _fail_utf8(Decoder decoder) noexcept:
    PyErr_Clear()
    return _fail(decoder, UTF8_ERROR)


cdef object _error(Decoder decoder, int code):
    """The JsonError of a code. The position is that of json.loads, or our own where json.loads does not fail."""
    cdef bytes data
    if code == MEMORY:
        return MemoryError()
    data = PyBytes_FromStringAndSize(<const char*>decoder.text, decoder.size)
    decoder.stack_size = 0
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        return JsonError("not UTF-8", exc.start)
    try:
        json.loads(text)
    except json.JSONDecodeError as exc:
        return JsonError(exc.msg, len(text[: exc.pos].encode()))
    except (ValueError, RecursionError):
        pass
    position = decoder.marks[min(max(decoder.at, 1) - 1, decoder.count - 1)] if decoder.count else 0
    return JsonError(_REASONS.get(code, "not a message"), position)
