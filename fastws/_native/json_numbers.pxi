# Numbers, and the texts of decimals; see json.pyx.


# -------------------------------------------------------------------------------------------------- hot

cdef inline const uint8_t* _digits(const uint8_t* text, const uint8_t* last, uint64_t* number) noexcept nogil:
    """Read digits, and append them to a number; return what follows them.

    They end at `last`, or, where it is NULL, at a byte that is no digit. Eight bytes are read at a time. The number
    wraps if it has more than 19 digits.
    """
    cdef uint64_t word, other
    cdef Py_ssize_t count
    while True:
        word = fastws_first_byte_lowest(_word(text))
        other = word ^ (LOW_BITS * 0x30)
        other = (((other & ~HIGH_BITS) + LOW_BITS * 0x76) | other) & HIGH_BITS      # bytes that are no digits
        count = 8 if other == 0 else fastws_lowest_bit(other) >> 3
        if last != NULL and count > last - text:
            count = last - text
        if count == 0:
            return text
        number[0] = number[0] * TENS[count] + eight_digits_value(word << (64 - 8 * count))
        text += count
        if count < 8:
            return text


cdef inline bint _common(const uint8_t* text, Py_ssize_t size, uint64_t* number) noexcept nogil:
    """The digits of a decimal with eight digits behind the point and up to eight before it, as Binance writes most."""
    cdef uint64_t whole, fraction, others
    cdef uint64_t zeros = LOW_BITS * 0x30
    if not 10 <= size <= 17 or text[size - 9] != c".":
        return False
    whole = fastws_first_byte_lowest(_word(text)) ^ zeros
    whole <<= 8 * (17 - size)
    fraction = fastws_first_byte_lowest(_word(text + size - 8)) ^ zeros
    others = (whole | (whole + LOW_BITS * 0x76) | fraction | (fraction + LOW_BITS * 0x76)) & HIGH_BITS
    number[0] = eight_digits_value(whole) * 100000000 + eight_digits_value(fraction)
    return others == 0


cdef inline bint _double(uint64_t mantissa, int64_t exponent, double* number) noexcept nogil:
    """A mantissa of up to 19 digits times a power of ten, correctly rounded; False if that takes all digits."""
    # Clinger's fast path: both are exact as doubles, so one operation rounds correctly.
    if mantissa <= <uint64_t>1 << 53 and -22 <= exponent <= 22:
        number[0] = <double>mantissa / POWERS[-exponent] if exponent < 0 else <double>mantissa * POWERS[exponent]
        return True
    return fastws_double(mantissa, exponent, number)


cdef inline bint _usual_integer(const uint8_t* text, uint64_t* number) noexcept nogil:
    """Read an integer of one to fifteen digits with `,`, `}` or `]` behind it; False for anything else."""
    cdef uint64_t word, other
    cdef Py_ssize_t count
    cdef uint8_t first = text[0]
    cdef uint8_t second = text[1]
    number[0] = 0
    if second == c"," or second == c"}":
        number[0] = first - c"0"
        return c"0" <= first <= c"9"
    if not c"1" <= first <= c"9":
        return False
    word = fastws_first_byte_lowest(_word(text)) ^ (LOW_BITS * 0x30)
    other = (word | (word + LOW_BITS * 0x76)) & HIGH_BITS
    if other == 0:
        number[0] = eight_digits_value(word)
        text += 8
        word = fastws_first_byte_lowest(_word(text)) ^ (LOW_BITS * 0x30)
        other = (word | (word + LOW_BITS * 0x76)) & HIGH_BITS
        if other == 0:
            return False
    count = fastws_lowest_bit(other) >> 3
    if count:
        number[0] = number[0] * TENS[count] + eight_digits_value(word << (64 - 8 * count))
    return text[count] == c"," or text[count] == c"}" or text[count] == c"]"


cdef PyObject* _number(Decoder decoder, uint32_t start) noexcept:
    cdef:
        const uint8_t* text = decoder.text + start
        const uint8_t* last = decoder.text + decoder.size
        const uint8_t* p = text
        const uint8_t* digits
        uint64_t mantissa = 0
        Py_ssize_t count, fraction = 0
        int64_t exponent = 0
        bint negative = text[0] == c"-"
        bint real = False
        bint down
        double number = 0
    if last - text > 16 and _usual_integer(text, &mantissa):
        return PyLong_FromLongLong(<int64_t>mantissa)
    mantissa = 0
    p += negative
    digits = p
    if p < last and c"0" <= p[0] <= c"9" and not c"0" <= p[1] <= c"9":
        mantissa = p[0] - c"0"
        p += 1
    else:
        p = _digits(p, last, &mantissa)
    count = p - digits
    if count == 0 or (digits[0] == c"0" and count > 1):
        return _fail(decoder, NUMBER)
    if p < last and p[0] == c".":
        real = True
        digits = p + 1
        p = _digits(digits, last, &mantissa)
        fraction = p - digits
        if fraction == 0:
            return _fail(decoder, NUMBER)
    if p < last and (p[0] == c"e" or p[0] == c"E"):
        real = True
        p += 1
        down = p < last and p[0] == c"-"
        if p < last and (p[0] == c"-" or p[0] == c"+"):
            p += 1
        digits = p
        while p < last and c"0" <= p[0] <= c"9":
            if exponent < 100000:
                exponent = exponent * 10 + (p[0] - c"0")
            p += 1
        if p == digits:
            return _fail(decoder, NUMBER)
        if down:
            exponent = -exponent
    if not _ends(decoder, <uint32_t>(p - decoder.text)):
        return _fail(decoder, NUMBER)
    if not real:
        if count <= 18:
            return PyLong_FromLongLong(-<int64_t>mantissa if negative else <int64_t>mantissa)
        return _slow_number(decoder, text, p - text, False)
    if count + fraction <= 19 and _double(mantissa, exponent - fraction, &number):
        return PyFloat_FromDouble(-number if negative else number)
    return _slow_number(decoder, text, p - text, True)


cdef PyObject* _decimal(Decoder decoder, const uint8_t* text, Py_ssize_t size) noexcept:
    """The number of the text of a decimal; a text that is not one, or out of range, stays a str.

    The byte behind the text is no digit, and eight bytes there can be read.
    """
    cdef:
        const uint8_t* last = text + size
        const uint8_t* p = text
        const uint8_t* digits
        uint64_t mantissa = 0
        Py_ssize_t count, fraction = 0
        bint negative = size > 0 and text[0] == c"-"
        double number = 0
        PyObject* made
        PyObject* converted
    if decoder.numbers == NUMBERS_FLOAT and _common(text, size, &mantissa) and mantissa <= <uint64_t>1 << 53:
        return PyFloat_FromDouble(<double>mantissa / 1e8)
    mantissa = 0
    p += negative
    digits = p
    p = _digits(p, NULL, &mantissa)
    count = p - digits
    if count and p < last and p[0] == c".":
        digits = p + 1
        p = _digits(digits, NULL, &mantissa)
        fraction = p - digits
        if fraction == 0:
            count = 0
    if count == 0 or p != last:
        return _odd_decimal(decoder, text, size, count and _is_exponent(p, last))
    if decoder.numbers == NUMBERS_FLOAT:
        if count + fraction <= 19 and _double(mantissa, -fraction, &number):
            return PyFloat_FromDouble(-number if negative else number)
        return _odd_decimal(decoder, text, size, True)
    made = _long_string(decoder, text, size)
    if made == NULL:
        return NULL
    converted = PyObject_CallOneArg(<PyObject*>_Decimal, made)
    Py_DECREF(made)
    if converted == NULL:
        PyErr_Clear()
        return _fail(decoder, NUMBER)
    return converted


# ------------------------------------------------------------------------------------------------- cold

cdef PyObject* _slow_number(Decoder decoder, const uint8_t* text, Py_ssize_t size, bint real) noexcept:
    """Convert a number whose grammar was checked, with Python's own functions, which need a NUL behind it."""
    cdef char* copy = <char*>PyMem_Malloc(size + 1)
    cdef PyObject* made = NULL
    cdef double number
    if copy == NULL:
        return _fail(decoder, MEMORY)
    memcpy(copy, text, size)
    copy[size] = 0
    if real:
        number = PyOS_string_to_double(copy, NULL, NULL)
        if not isinf(number) and PyErr_Occurred() == NULL:
            made = PyFloat_FromDouble(number)
    else:
        made = PyLong_FromString(copy, NULL, 10)
    PyMem_Free(copy)
    if made == NULL:
        PyErr_Clear()
        return _fail(decoder, TOO_LARGE)
    return made


cdef PyObject* _odd_decimal(Decoder decoder, const uint8_t* text, Py_ssize_t size, bint is_decimal) noexcept:
    """A decimal with an exponent, many digits or escapes; or a text that is no decimal, which stays a str."""
    cdef PyObject* made = _string(decoder, text, size)
    cdef object number
    if made == NULL or not (is_decimal or memchr(text, c"\\", size) != NULL):
        return made
    try:
        if not is_decimal and not _is_decimal(<object>made):
            return made
        number = _number_of(decoder, <object>made)
    except MemoryError:
        Py_DECREF(made)
        return _fail(decoder, MEMORY)
    Py_DECREF(made)
    return _new(<PyObject*>number)


cdef object _number_of(Decoder decoder, str text):
    """The number of a decimal's text; the text itself if the number is out of range."""
    if decoder.numbers == NUMBERS_FLOAT:
        number = float(text)
        return text if isinf(number) else number
    try:
        number = _Decimal(text)
    except ArithmeticError:
        return text
    return number if number.is_finite() else text   # NaN, if the decimal context does not raise


cdef bint _is_exponent(const uint8_t* text, const uint8_t* last) noexcept:
    if text == last or text[0] | 0x20 != c"e":
        return False
    text += 1
    if text < last and (text[0] == c"-" or text[0] == c"+"):
        text += 1
    if text == last:
        return False
    while text < last and c"0" <= text[0] <= c"9":
        text += 1
    return text == last
