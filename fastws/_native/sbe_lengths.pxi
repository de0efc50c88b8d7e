# Skips groups, data and whole messages without decoding them. See sbe.pyx.


cdef bint _skip(Reader reader, Op* op, const uint8_t** cursor, const uint8_t* end, int version) noexcept:
    """Skip a group or data; False, with reader.failure set, if its bytes are not all there."""
    cdef uint64_t size
    cdef uint64_t length = 0
    cdef uint64_t count = 0
    cdef uint64_t i
    cdef DecodePlan plan
    if version < op.added and cursor[0] == end:
        return True
    if op.kind != GROUP and op.kind != SINGLE:
        if end - cursor[0] < size_of(op.primitive):
            return _short(reader, op)
        size = read_unsigned(cursor[0], op.primitive)
        cursor[0] += size_of(op.primitive)
        if size > <uint64_t>(end - cursor[0]):
            return _short(reader, op)
        cursor[0] += size
        return True
    if not _dimension(reader, op, cursor, end, &length, &count):
        return False
    plan = <DecodePlan>op.sub
    if plan.tail == 0:
        cursor[0] += count * length
        return True
    for i in range(count):
        if not _skip_entry(reader, op, i, cursor, end, length, version):
            return False
    return True


cdef bint _skip_entry(
    Reader reader, Op* op, uint64_t number, const uint8_t** cursor, const uint8_t* end, uint64_t length, int version
) noexcept:
    """Skip an entry of a group."""
    cdef DecodePlan plan = <DecodePlan>op.sub
    cdef bint whole = length <= <uint64_t>(end - cursor[0])
    cdef int i
    if not whole:
        _fail(reader, TRUNCATED)
    else:
        cursor[0] += length
        for i in range(plan.count):
            if plan.ops[i].kind >= GROUP and not _skip(reader, &plan.ops[i], cursor, end, version):
                whole = False
                break
    if not whole:
        reader.path.append(number)
        reader.path.append(<object>op.name)
    return whole


cdef bint _is_whole(Reader reader, DecodePlan plan, const uint8_t* data, Py_ssize_t size, int depth) noexcept:
    """Whether all bytes of a message are there, by its lengths. False with reader.failure set; nothing is decoded."""
    cdef const uint8_t* cursor = data + 8
    cdef const uint8_t* end = data + size
    if read_u16(data) > end - cursor:
        _fail(reader, TRUNCATED)
        return False
    cursor += read_u16(data)
    return _is_whole_rest(reader, plan, &cursor, end, read_u16(data + 6), depth)


cdef bint _is_whole_rest(
    Reader reader, DecodePlan plan, const uint8_t** cursor, const uint8_t* end, int version, int depth
) noexcept:
    """_is_whole() for the groups and data behind a block, and the messages in them."""
    cdef uint64_t length = 0
    cdef uint64_t count = 0
    cdef uint64_t number
    cdef const uint8_t* start
    cdef Op* op
    cdef DecodePlan inner
    cdef int i
    for i in range(plan.count):
        op = &plan.ops[i]
        if op.kind < GROUP:
            continue
        start = cursor[0]
        if op.kind == MESSAGE:
            if not _skip(reader, op, cursor, end, version):
                return False
            start += size_of(op.primitive)
            if start < cursor[0] and not _is_whole_message(reader, op, start, cursor[0] - start, depth):
                return False
        elif (op.kind == GROUP or op.kind == SINGLE) and (<DecodePlan>op.sub).tail and not (
            version < op.added and start == end
        ):
            inner = <DecodePlan>op.sub
            if not _dimension(reader, op, cursor, end, &length, &count):
                return False
            for number in range(count):
                if length > <uint64_t>(end - cursor[0]):
                    _fail(reader, TRUNCATED)
                else:
                    cursor[0] += length
                    if _is_whole_rest(reader, inner, cursor, end, version, depth):
                        continue
                reader.path.append(number)
                reader.path.append(<object>op.name)
                return False
        elif not _skip(reader, op, cursor, end, version):
            return False
    return True


cdef bint _is_whole_message(Reader reader, Op* op, const uint8_t* data, Py_ssize_t size, int depth) noexcept:
    """_is_whole() for an embedded message."""
    cdef PyObject* plan = NULL
    if depth >= MAX_NESTED:
        _fail(reader, f"messages nest more than {MAX_NESTED} deep")
    else:
        plan = _plan(reader, data, size)
        if plan == NULL and reader.failure is None:
            return True         # its template is unknown
    if plan == NULL or not _is_whole(reader, <DecodePlan>plan, data, size, depth + 1):
        reader.path.append(<object>op.name)
        return False
    return True


cdef bint _short(Reader reader, Op* op) noexcept:
    _fail(reader, TRUNCATED, op.name)
    return False
