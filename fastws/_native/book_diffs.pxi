# Diffs that wait, as Python objects; integers of different exponents. Included by book_core.pyx.

def _following(list kept, update_id):
    """Of these diffs, those that follow this update id one upon the other."""
    found = []
    for diff in sorted(kept, key=_ids):
        if diff[1] > update_id:
            if diff[0] > update_id + 1:
                break
            found.append(diff)
            update_id = diff[1]
    return found


def _ids(diff):
    return diff[:2]


cdef bint _same(
    BookSide side, int64_t price, int64_t quantity, const Top* top, int price_exponent, int quantity_exponent
) except -1:
    """Whether this is the best level of the side."""
    cdef Py_ssize_t best = side.count - 1
    if best < 0:
        return quantity == 0
    if top.price_exponent == price_exponent and top.quantity_exponent == quantity_exponent:
        return side.levels[best].price == price and side.levels[best].quantity == quantity
    return (
        _equal(side.levels[best].price, price_exponent, price, top.price_exponent)
        and _equal(side.levels[best].quantity, quantity_exponent, quantity, top.quantity_exponent)
    )


def _equal(a, int a_exponent, b, int b_exponent):
    least = min(a_exponent, b_exponent)
    return a * 10 ** (a_exponent - least) == b * 10 ** (b_exponent - least)


cdef int64_t _power(int digits) noexcept:
    """10 ** digits; 1 for less than none, 0 if 64 bits do not hold it."""
    cdef int64_t power = 1
    if digits > 18:
        return 0
    while digits > 0:
        power *= 10
        digits -= 1
    return power


cdef bint _rows_fit(const Rows* rows, int64_t price_factor, int64_t quantity_factor) noexcept:
    """Whether the products are within 64 bits."""
    cdef Py_ssize_t i
    for i in range(rows.count):
        if row_price(rows, i) > INT64_MAX // price_factor or row_quantity(rows, i) > INT64_MAX // quantity_factor:
            return False
    return True


cdef bytes _rows_of(const Rows* rows):
    """The prices and quantities, 16 bytes a level."""
    cdef bytes made
    cdef Py_ssize_t i
    if rows.stride == 16:
        return (<const char*>rows.first)[: rows.count * 16]
    made = bytes(rows.count * 16)
    for i in range(rows.count):
        memcpy(PyBytes_AS_STRING(made) + i * 16, rows.first + i * rows.stride, 16)
    return made


def _packed(levels):
    return b"".join([number.to_bytes(8, "little", signed=True) for level in levels for number in level])
