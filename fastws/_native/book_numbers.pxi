# The levels of a snapshot, as str, float or Decimal → integers. Included by book_core.pyx.

cdef bint _parse(object text, int64_t* number) except -1:
    """Read a decimal as the exchange writes it, times 10 ** 8; False if it is of another form, or too long."""
    cdef Py_ssize_t size, i
    cdef const char* data
    cdef uint64_t found = 0
    cdef int digits = 0, decimals = -1
    if type(text) is not str:
        return False
    data = PyUnicode_AsUTF8AndSize(text, &size)
    for i in range(size):
        if c"0" <= data[i] <= c"9":
            found = found * 10 + <uint64_t>(data[i] - c"0")
            digits += 1
            if decimals >= 0:
                decimals += 1
        elif data[i] == c"." and decimals < 0 and digits:
            decimals = 0
        else:
            return False
    if digits == 0 or digits > 18 or decimals > 8:
        return False
    for _ in range(8 - max(decimals, 0)):
        if found > <uint64_t>INT64_MAX // 10:
            return False
        found *= 10
    number[0] = <int64_t>found
    return True


def _integers_of(bids, asks):
    """((price exponent, quantity exponent), bids, asks): the levels as pairs of integers.

    Raises ValueError: a level is no pair of decimals; OverflowError: 64 bits do not hold one.
    """
    cdef int64_t price = 0, quantity = 0
    sides = []
    for levels in (bids, asks):
        made = []
        for level in levels:
            if not (_parse(level[0], &price) and _parse(level[1], &quantity)):
                return _odd_integers_of(bids, asks)
            made.append((price, quantity))
        sides.append(made)
    return (-8, -8), sides[0], sides[1]


def _odd_integers_of(bids, asks):
    """_integers_of() for numbers of any form."""
    try:
        exact = [
            [
                tuple([Decimal(repr(number) if type(number) is float else number) for number in level[:2]])
                for level in levels
            ]
            for levels in (bids, asks)
        ]
    except (InvalidOperation, TypeError, ValueError):
        raise ValueError("a level is no pair of decimals") from None
    exponents = []
    for place in range(2):
        numbers = [level[place] for levels in exact for level in levels]
        if not all([number.is_finite() for number in numbers]):
            raise ValueError("a level is no pair of decimals")
        exponent = min([-8] + [number.as_tuple().exponent for number in numbers])
        if any([_integer(number, exponent) > INT64_MAX for number in numbers]):
            # without zeros at the end
            exponent = min([number.normalize().as_tuple().exponent for number in numbers])
        if any([_integer(number, exponent) > INT64_MAX for number in numbers]):
            raise OverflowError(TOO_LONG)
        exponents.append(exponent)
    bids, asks = [
        [tuple([_integer(number, exponent) for number, exponent in zip(level, exponents)]) for level in levels]
        for levels in exact
    ]
    return tuple(exponents), bids, asks


def _integer(number, int exponent):
    """number / 10 ** exponent, which is whole."""
    sign, digits, own = number.as_tuple()
    found = int("".join(map(str, digits)))
    shift = own - exponent
    found = found * 10 ** shift if shift >= 0 else found // 10 ** -shift
    return -found if sign else found
