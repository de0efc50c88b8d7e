# Values of parameters -> their texts in JSON and in the signature payload; wrong values are refused. See request.pyx.

cdef enum:
    MAX_EXPONENT = 1000     # of a Decimal: its text has as many digits


# -------------------------------------------------------------------------------------------------- hot

cdef int _sign_text(Encoder encoder, bytes text) except -1:
    cdef Buffer payload = encoder.payload
    cdef Py_ssize_t size = PyBytes_GET_SIZE(text)
    payload.reserve(size)
    memcpy(payload.data + payload.size, PyBytes_AS_STRING(text), size)
    payload.size += size
    return 0


cdef int _raw(Encoder encoder, const char* text, Py_ssize_t size, bint quoted, bint signed) except -1:
    """Write a text that needs no escape."""
    cdef Buffer out = encoder.out
    cdef Buffer payload = encoder.payload
    cdef char* to
    out.reserve(size + 2)
    to = out.data + out.size
    if quoted:
        to[0] = c'"'
        to += 1
    memcpy(to, text, size)
    to += size
    if quoted:
        to[0] = c'"'
        to += 1
    out.size = to - out.data
    if signed:
        payload.reserve(size)
        memcpy(payload.data + payload.size, text, size)
        payload.size += size
    return 0


cdef int _text(Encoder encoder, ParamSpec param, object value, bint signed) except -1:
    """Write a str, quoted. It is escaped in the JSON text, and not in the signature payload."""
    cdef:
        Py_ssize_t size = 0
        Py_ssize_t i
        const char* text = _utf8(param, value, &size)
        Buffer out = encoder.out
        Buffer payload = encoder.payload
        uint8_t* to
        uint8_t need
    out.reserve(2 * size + 2)
    to = <uint8_t*>out.data + out.size
    to[0] = c'"'
    to += 1
    for i in range(size):
        need = fastws_escape[<uint8_t>text[i]]
        if need:
            if need == 2:
                _refuse_control(param, value)
            to[0] = c"\\"
            to += 1
        to[0] = <uint8_t>text[i]
        to += 1
    to[0] = c'"'
    out.size = <char*>to + 1 - out.data
    if signed:
        payload.reserve(size)
        memcpy(payload.data + payload.size, text, size)
        payload.size += size
    return 0


cdef int _integer(Encoder encoder, ParamSpec param, object value, bint signed) except -1:
    cdef int overflow = 0
    cdef long long number = PyLong_AsLongLongAndOverflow(value, &overflow)
    cdef char digits[24]
    cdef bytes text
    if overflow:
        text = _long_text(param, value)
        return _raw(encoder, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), False, signed)
    return _raw(encoder, digits, put_digits(digits, number), False, signed)


cdef inline const char* _utf8(ParamSpec param, object value, Py_ssize_t* size) except NULL:
    """The UTF-8 bytes of a str; they live as long as it does."""
    cdef const char* text
    if PyUnicode_IS_COMPACT_ASCII(value):
        size[0] = PyUnicode_GET_LENGTH(value)
        return <const char*>PyUnicode_DATA(value)
    text = PyUnicode_AsUTF8AndSize(value, size)
    if text == NULL:
        PyErr_Clear()
        raise InvalidRequest(
            f"{param.name}: {_shown(param, value)} holds a lone surrogate, which no UTF-8 text can"
        )
    return text


# ------------------------------------------------------------------------------------------------- cold

cdef int _other(Encoder encoder, ParamSpec param, object value, bint signed) except -1:
    """Write a value that is not of the plainest type of its parameter."""
    cdef int kind = param.kind
    cdef bytes text
    cdef Py_ssize_t size = 0
    cdef const char* data
    if kind == DECIMAL and PyUnicode_Check(value):
        data = _utf8(param, value, &size)
        if not _is_decimal(data, size):
            _refuse_value(param, value)
        return _raw(encoder, data, size, True, signed)
    if PyBool_Check(value):
        if kind != BOOLEAN and kind != ANY:
            _refuse_value(param, value)
        text = b"true" if value else b"false"
        return _raw(encoder, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), False, signed)
    if PyIndex_Check(value) and not PyLong_Check(value) and kind != TEXT and kind != BOOLEAN and kind != LIST:
        value = _integer_of(value)
    if PyLong_Check(value) and (kind == INTEGER or kind == ANY):
        return _integer(encoder, param, value, signed)
    if kind == LIST or (kind == ANY and (PyList_Check(value) or PyTuple_Check(value))):
        return _list(encoder, param, value, signed)
    text = _number_text(param, value)
    return _raw(
        encoder, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text),
        kind == DECIMAL or (kind == ANY and isinstance(value, Decimal)), signed
    )


cdef int _list(Encoder encoder, ParamSpec param, object value, bint signed) except -1:
    """Write an array of texts; its JSON text is signed."""
    cdef Buffer out = encoder.out
    cdef Buffer payload = encoder.payload
    cdef Py_ssize_t start = out.size
    cdef Py_ssize_t size
    if not PyList_Check(value) and not PyTuple_Check(value):
        _refuse_value(param, value)
    out.reserve(1)
    out.data[out.size] = c"["
    out.size += 1
    for item in value:
        if PyUnicode_Check(item):
            _text(encoder, param, item, False)
        elif param.kind == ANY and index_of(item) is not None:
            _integer(encoder, param, index_of(item), False)
        else:
            _refuse_value(param, value)
        out.reserve(1)
        out.data[out.size] = c","
        out.size += 1
    out.reserve(1)
    if out.data[out.size - 1] == c",":
        out.size -= 1
    out.data[out.size] = c"]"
    out.size += 1
    if signed:
        size = out.size - start
        payload.reserve(size)
        memcpy(payload.data + payload.size, out.data + start, size)
        payload.size += size
    return 0


cdef object _integer_of(object value):
    """The int of a value with __index__, such as numpy's integers; the value itself if it has none."""
    found = index_of(value)
    return value if found is None else found


cdef bytes _long_text(ParamSpec param, object value):
    try:
        return f"{int(value):d}".encode()
    except ValueError:      # sys.set_int_max_str_digits
        raise InvalidRequest(f"{param.name}: an int of too many digits to be written") from None


cdef bytes _number_text(ParamSpec param, object value):
    """The text of a number for a DECIMAL, WINDOW or unknown parameter: in fixed point, exactly the given number."""
    cdef int kind = param.kind
    if kind == DECIMAL or kind == WINDOW or kind == ANY:
        if PyLong_Check(value) and not PyBool_Check(value):
            return _long_text(param, value)
        if isinstance(value, Decimal) and value.is_finite():
            if not -MAX_EXPONENT <= value.as_tuple().exponent <= MAX_EXPONENT:
                raise InvalidRequest(f"{param.name}: {_shown(param, value)} is too long without an exponent")
            return f"{value:f}".encode()
        if PyFloat_Check(value) and kind != DECIMAL and math.isfinite(value):
            return f"{Decimal(repr(float(value))):f}".encode()
        if kind == WINDOW and PyUnicode_Check(value) and _is_decimal_text(value):
            return value.encode()
    _refuse_value(param, value)


cdef bint _is_decimal(const char* text, Py_ssize_t size) except -1:
    cdef Buffer copy = Buffer(size + 1)
    return copy_decimal(copy.data, text, size)


def _is_decimal_text(text):
    encoded = str.encode(text, "utf-8", "replace")
    return _is_decimal(PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))


def _window_text(value):
    """The text of a recvWindow: milliseconds, above 0, at most 60000, up to three decimals."""
    text = _number_text(WINDOW_SPEC, _integer_of(value)).decode()
    # as a fraction, since rounding a Decimal depends on the decimal context
    if len(text) > 100 or not 0 < Decimal(text) <= 60000 or 1000 % Decimal(text).as_integer_ratio()[1]:
        raise InvalidRequest(
            f"recvWindow: {shown(value)} is no time in milliseconds between 0 and 60000 with at most three decimals"
        )
    return text


_EXPECTED = {
    TEXT: "a str",
    DECIMAL: "a decimal number as str (like '0.01'), int or decimal.Decimal",
    INTEGER: "an int",
    BOOLEAN: "a bool",
    LIST: "a list of str",
    WINDOW: "a number of milliseconds",
    ANY: "a str, int, bool, Decimal, finite float, or a list of str and int",
}


cdef int _refuse_value(ParamSpec param, object value) except -1:
    hint = ""
    if param.kind == DECIMAL and isinstance(value, float):
        hint = "; a float is refused because its text is not what you see: 0.1 + 0.2 is 0.30000000000000004"
        if param.name.endswith("rice"):
            hint += "; client.symbols[symbol].price(x) rounds it and gives the text"
        elif param.name != "quoteOrderQty":
            hint += "; client.symbols[symbol].quantity(x) rounds it and gives the text"
    got = f"{_shown(param, value)} ({type(value).__name__}){hint}"
    raise InvalidRequest(f"{param.name}: expected {_EXPECTED[param.kind]}, got {got}")


cdef int _refuse_control(ParamSpec param, object value) except -1:
    raise InvalidRequest(f"{param.name}: {_shown(param, value)} holds a control character")


cdef str _shown(ParamSpec param, object value):
    """A value as an error text shows it: short; an API key or signature is not shown."""
    if param.name in ("apiKey", "signature"):
        return "a value"
    return shown(value, 80)
