# Entries of groups that are arrays of the values of their blocks, such as price levels; see sbe.pyx.


# -------------------------------------------------------------------------------------------------- hot

cdef PyObject* _flat_array(Reader reader, DecodePlan plan, Frame* frame, bint whole) noexcept:
    """An entry that is an array of the values of its block, such as a price level."""
    cdef PyObject* made = PyList_New(plan.count)
    cdef PyObject* value
    cdef int i
    if made == NULL:
        return _fail(reader, None)
    for i in range(plan.count):
        value = _fixed(reader, &plan.ops[i], frame, whole)
        if value == NULL:
            if reader.failure is not None:
                Py_DECREF(made)
                return NULL
            value = _new(<PyObject*>None)
        PyList_SET_ITEM(made, i, value)
    return made


cdef inline PyObject* _level(Reader reader, DecodePlan plan, Frame* frame) noexcept:
    """An entry that is an array of decimals, of which _are_levels() is true."""
    cdef PyObject* made = PyList_New(plan.count)
    cdef PyObject* value
    cdef int64_t mantissa
    cdef int i
    if made == NULL:
        return _fail(reader, None)
    for i in range(plan.count):
        mantissa = read_i64(frame.block + plan.ops[i].offset)
        if reader.numbers == NUMBERS_STR and 0 < mantissa < COMMON:
            value = _common_decimal(reader, <uint64_t>mantissa)
        elif reader.numbers == NUMBERS_FLOAT and 0 < mantissa <= <int64_t>1 << 53:
            value = PyFloat_FromDouble(<double>mantissa / 1e8)
        else:
            value = _decimal(reader, &plan.ops[i], frame, mantissa)
        if value == NULL:
            Py_DECREF(made)
            return _fail(reader, None)
        PyList_SET_ITEM(made, i, value)
    return made


cdef bint _are_levels(DecodePlan plan, Frame* outer, uint64_t length) noexcept:
    """Whether the entries of a flat group are decimals alone, with eight digits behind the point, and never null."""
    cdef Op* op
    cdef int i
    if length < plan.block_length:
        return False
    for i in range(plan.count):
        op = &plan.ops[i]
        if op.kind != DECIMAL64 or not op.plain or op.level != 1 or op.exponent >= outer.length or (
            <int8_t>outer.block[op.exponent] != -8
        ):
            return False
    return True
