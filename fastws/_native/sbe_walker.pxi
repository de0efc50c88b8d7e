# Executes a decode plan: blocks, groups and data, and the objects that are made of them; see sbe.pyx.


# -------------------------------------------------------------------------------------------------- hot

cdef PyObject* _message(
    Reader reader, DecodePlan plan, const uint8_t* data, Py_ssize_t size, Context* context
) noexcept:
    cdef const uint8_t* cursor = data + HEADER
    context.plan = <PyObject*>plan
    context.version = read_u16(data + 6)
    return _block(reader, plan, &cursor, data + size, read_u16(data), NULL, context)


cdef PyObject* _plan(Reader reader, const uint8_t* data, Py_ssize_t size) noexcept:
    """The DecodePlan of a message, borrowed. NULL with reader.failure set, or without for an unknown template."""
    cdef PyObject* plan
    if size < HEADER or read_u16(data + 4) != reader.plans.schema_id:
        return _no_header(reader, data, size)
    plan = reader.plans.recent(read_u16(data + 2), read_u16(data + 6))
    return plan if plan != NULL else _first_plan(reader, data)


cdef PyObject* _embedded(Reader reader, const uint8_t* data, Py_ssize_t size, Context* context) noexcept:
    """An embedded message; see unknown_message() for one of an unknown template."""
    cdef Context inner
    cdef PyObject* made
    cdef PyObject* plan
    if context.depth >= MAX_NESTED:
        return _fail(reader, f"messages nest more than {MAX_NESTED} deep")
    inner.depth = context.depth + 1
    inner.subscription = -1
    inner.template = 0
    plan = _plan(reader, data, size)
    if plan == NULL:
        return _new_unknown_message(data) if reader.failure is None else NULL
    context.template = read_u16(data + 2)
    made = _message(reader, <DecodePlan>plan, data, size, &inner)
    if made != NULL and reader.native:
        return _native_message(<DecodePlan>plan, data, made)
    return made


cdef PyObject* _block(
    Reader reader, DecodePlan plan, const uint8_t** cursor, const uint8_t* end, uint32_t length, Frame* outer,
    Context* context,
) noexcept:
    """One block, and its groups and data; `cursor` moves behind them."""
    cdef:
        Frame frame
        Py_ssize_t base = reader.stack_size
        int i
        Op* op
        PyObject* value
        PyObject** stack
        bint whole = length >= plan.block_length
        uint64_t mask = 0

    if end - cursor[0] < <Py_ssize_t>length:
        return _fail(reader, TRUNCATED)
    frame.block = cursor[0]
    frame.length = length
    frame.outer = outer
    cursor[0] += length
    if base + plan.count > reader.stack_room:
        stack = <PyObject**>PyMem_Realloc(reader.stack, 2 * (base + plan.count) * sizeof(PyObject*))
        if stack == NULL:
            return _fail(reader, None)
        reader.stack = stack
        reader.stack_room = 2 * (base + plan.count)
    memset(reader.stack + base, 0, plan.count * sizeof(PyObject*))
    reader.stack_size = base + plan.count
    for i in range(plan.count):
        op = &plan.ops[i]
        if op.sparse and whole:
            if read_i64(frame.block + op.offset) == INT64_MIN if op.primitive == INT64 else (
                frame.block[op.offset] == 255
            ):
                continue
            value = _fixed(reader, op, &frame, whole)
        elif op.kind == DECIMAL64 and op.plain and whole:
            value = _decimal(reader, op, &frame, read_i64(frame.block + op.offset))
        elif op.kind < GROUP:
            value = _fixed(reader, op, &frame, whole)
        else:
            value = _variable(reader, op, cursor, end, &frame, context)
        if value == NULL:
            if reader.failure is not None:
                _drop(reader, base)
                return NULL
            continue
        if op.role == ASIDE:
            context.subscription = PyLong_AsLongLong(value)
            if context.subscription < 0:
                PyErr_Clear()       # the id is larger than an int64
            Py_DECREF(value)
            continue
        reader.stack[base + i] = value
        mask |= op.bit
    if plan.shape == SHAPE_OBJECT and not plan.slots:
        return _object(reader, plan, base, mask)
    value = _assemble(reader, plan, base)
    _drop(reader, base)
    return value


cdef PyObject* _variable(
    Reader reader, Op* op, const uint8_t** cursor, const uint8_t* end, Frame* frame, Context* context
) noexcept:
    """A group, or data. NULL if it is not shown, or with reader.failure set."""
    cdef uint64_t size
    cdef const uint8_t* data = cursor[0]
    cdef PyObject* value
    if context.version < op.added and data == end:
        # a message of an older version, which does not have it
        if op.kind == GROUP and op.omit_empty == 0 and op.role != SKIP:
            return PyList_New(0)
        return _absent(reader, op, frame)
    if op.kind == GROUP or op.kind == SINGLE:
        return _group(reader, op, cursor, end, frame, context)
    if end - data < size_of(op.primitive):
        return _fail(reader, TRUNCATED, op.name)
    size = read_unsigned(data, op.primitive)
    data += size_of(op.primitive)
    if size > <uint64_t>(end - data):
        return _fail(reader, TRUNCATED, op.name)
    cursor[0] = data + size
    if size == 0 and op.optional:
        return _absent(reader, op, frame)
    if op.kind == TEXT:
        if op.role == SKIP:
            return NULL
        value = _text(reader, data, <Py_ssize_t>size)
    else:
        value = _embedded(reader, data, <Py_ssize_t>size, context)
    if value == NULL:
        reader.path.append(<object>op.name)
    elif op.role == SKIP:
        Py_DECREF(value)
        return NULL
    return value


cdef bint _dimension(
    Reader reader, Op* op, const uint8_t** cursor, const uint8_t* end, uint64_t* length, uint64_t* count
) noexcept:
    """Read the block length and count of a group; fail if the remaining bytes cannot hold so many entries."""
    cdef const uint8_t* data = cursor[0]
    cdef int prefix = size_of(op.primitive) + size_of(op.count)
    cdef uint64_t least, left
    if end - data < prefix:
        _fail(reader, TRUNCATED, op.name)
        return False
    length[0] = read_unsigned(data, op.primitive)
    count[0] = read_unsigned(data + size_of(op.primitive), op.count)
    cursor[0] = data + prefix
    left = <uint64_t>(end - cursor[0])
    # a block of another version may be shorter than the plan says: then `least` bytes are required all the same
    least = (<DecodePlan>op.sub).tail + min(max(length[0], (<DecodePlan>op.sub).least), left + 1)
    if count[0] > (left // least if least else MAX_EMPTY):
        _fail(
            reader, f"{count[0]} entries of at least {least} bytes each, but {left} bytes are left", op.name
        )
        return False
    return True


cdef PyObject* _group(
    Reader reader, Op* op, const uint8_t** cursor, const uint8_t* end, Frame* frame, Context* context
) noexcept:
    cdef:
        uint64_t length = 0
        uint64_t count = 0
        uint64_t i
        Frame inner
        DecodePlan plan = <DecodePlan>op.sub
        PyObject* entries
        PyObject* entry
        bint levels
    if not _dimension(reader, op, cursor, end, &length, &count):
        return NULL
    if count == 0 and (op.omit_empty or op.kind == SINGLE):
        return NULL
    entries = PyList_New(<Py_ssize_t>count)
    if entries == NULL:
        return _fail(reader, None)
    inner.outer = frame
    inner.length = <uint32_t>length
    levels = plan.flat and _are_levels(plan, frame, length)
    for i in range(count):
        if plan.flat:
            # _dimension() has checked that the bytes of the entries are there
            inner.block = cursor[0]
            cursor[0] += length
            if levels:
                entry = _level(reader, plan, &inner)
            else:
                entry = _flat_array(reader, plan, &inner, length >= plan.block_length)
        else:
            entry = _block(reader, plan, cursor, end, <uint32_t>length, frame, context)
        if entry == NULL:
            Py_DECREF(entries)
            reader.path.append(<Py_ssize_t>i)
            reader.path.append(<object>op.name)
            return NULL
        PyList_SET_ITEM(entries, <Py_ssize_t>i, entry)
    if op.role == SKIP:
        Py_DECREF(entries)
        return NULL
    if op.kind == SINGLE and count == 1:
        entry = _new(<PyObject*>(<list><object>entries)[0])
        Py_DECREF(entries)
        return entry
    return entries


cdef PyObject* _object(Reader reader, DecodePlan plan, Py_ssize_t base, uint64_t mask) noexcept:
    """Make a dict of the values on the stack from `base` on, and remove them from the stack.

    Messages repeat: if the dict before had the same keys, it is copied, and only the values that differ are set.
    """
    cdef PyObject** values = reader.stack + base
    cdef PyObject* value
    cdef PyObject* made
    cdef int i
    cdef bint failed = False
    if plan.model != NULL and plan.model_mask == mask:
        plan.copying += 1
        made = PyDict_Copy(plan.model)
        failed = made == NULL
        for i in range(plan.count):
            value = values[i]
            if value != NULL:
                if value != plan.model_values[i] and not failed:
                    failed = PyDict_SetItem(made, plan.ops[i].key, value) < 0
                Py_DECREF(value)
        plan.copying -= 1
        reader.stack_size = base
    else:
        made = _new_object(reader, plan, values)
        failed = made == NULL
        if mask == plan.last_mask and plan.modelled and not failed:
            _keep_model(plan, made, values, mask)
        plan.last_mask = mask
        _drop(reader, base)
    if failed:
        Py_XDECREF(made)
        return _fail(reader, None)
    return made


cdef PyObject* _new_object(Reader reader, DecodePlan plan, PyObject** values) noexcept:
    cdef PyObject* made = fastws_sbe_new_dict(plan.count)
    cdef Op* op
    cdef int i
    if made == NULL:
        return _fail(reader, None)
    for i in range(plan.count):
        op = &plan.ops[i]
        if values[i] != NULL and op.key != NULL and op.target == 0:
            if PyDict_SetItem(made, op.key, values[i]) < 0:
                Py_DECREF(made)
                return _fail(reader, None)
    return made


cdef PyObject* _assemble(Reader reader, DecodePlan plan, Py_ssize_t base) noexcept:
    """Make the value of a block that is not a plain object, of the values on the stack."""
    cdef PyObject** values = reader.stack + base
    cdef PyObject* made
    cdef Py_ssize_t i, count
    if plan.shape == SHAPE_OBJECT:
        return _new_object(reader, plan, values) if _inner_objects(reader, plan, values) else NULL
    if plan.shape == SHAPE_VALUE:
        made = values[plan.value]
        return _new(made if made != NULL else <PyObject*>None)
    count = 0
    for i in range(plan.count):
        count += plan.ops[i].role == AS_ITEM
    made = PyList_New(count)
    if made == NULL:
        return _fail(reader, None)
    count = 0
    for i in range(plan.count):
        if plan.ops[i].role == AS_ITEM:
            PyList_SET_ITEM(made, count, _new(values[i] if values[i] != NULL else <PyObject*>None))
            count += 1
    return made


cdef bint _inner_objects(Reader reader, DecodePlan plan, PyObject** values) noexcept:
    """Put values into the inner objects of an object; an inner object without a key is not shown."""
    cdef:
        int slot, i
        Op* op
        PyObject* inner
        PyObject* value
    for slot in range(plan.slots, 0, -1):
        inner = NULL
        for i in range(plan.count):
            op = &plan.ops[i]
            if op.target != slot or values[i] == NULL:
                continue
            value = values[i]
            if op.role == JOIN and (inner == NULL or not PyDict_CheckExact(value)):
                if inner == NULL:   # an embedded message that is not an object stands alone
                    inner = _new(value)
                continue
            if inner == NULL:
                inner = PyDict_New()
            if inner == NULL or (
                PyDict_Update(inner, value) if op.role == JOIN else PyDict_SetItem(inner, op.key, value)
            ) < 0:
                Py_XDECREF(inner)
                _fail(reader, None)
                return False
        for i in range(plan.count):
            if plan.ops[i].kind == OBJECT and plan.ops[i].slot == slot:
                values[i] = inner
    return True


cdef void _drop(Reader reader, Py_ssize_t base) noexcept:
    """Drop the values on the stack from `base` on."""
    while reader.stack_size > base:
        reader.stack_size -= 1
        Py_XDECREF(reader.stack[reader.stack_size])


# ------------------------------------------------------------------------------------------------- cold

cdef void _keep_model(DecodePlan plan, PyObject* made, PyObject** values, uint64_t mask) noexcept:
    """Keep a dict whose keys came twice in a row as the model; without its containers, which may be large."""
    cdef int i
    cdef bint failed = False
    if plan.copying:        # a finalizer runs while the walker copies the present model
        return
    plan.forget_model()
    plan.model = PyDict_Copy(made)
    plan.model_values = <PyObject**>PyMem_Calloc(plan.count, sizeof(PyObject*))
    failed = plan.model == NULL or plan.model_values == NULL
    for i in range(plan.count):
        if failed:
            break
        if values[i] == NULL:
            continue
        if PyDict_CheckExact(values[i]) or PyList_CheckExact(values[i]):
            plan.model_values[i] = _new(<PyObject*>None)
            failed = PyDict_SetItem(plan.model, plan.ops[i].key, <PyObject*>None) < 0
        else:
            plan.model_values[i] = _new(values[i])
    plan.model_mask = mask
    if failed:      # a model is optional
        PyErr_Clear()
        plan.forget_model()


cdef PyObject* _no_header(Reader reader, const uint8_t* data, Py_ssize_t size) noexcept:
    if size < HEADER:
        return _fail(reader, TRUNCATED)
    return _fail(reader, f"schema {read_u16(data + 4)}, where {reader.plans.schema_id} is expected")


cdef PyObject* _first_plan(Reader reader, const uint8_t* data) noexcept:
    """The plan of a message that is not among the recent ones; NULL as in _plan()."""
    cdef DecodePlan plan
    try:
        plan = reader.plans.find(read_u16(data + 2), read_u16(data + 6))
    except MemoryError:
        return _fail(reader, None)
    except Exception as exc:
        return _fail(reader, f"message {read_u16(data + 2)} of the schema cannot be used: {exc}")
    return NULL if plan is None else <PyObject*>plan    # DecodePlans owns it


cdef PyObject* _unknown(Reader reader, const uint8_t* data) noexcept:
    return _fail(reader, f"no message has the template id {read_u16(data + 2)}") if reader.failure is None else NULL


cdef PyObject* _fail(Reader reader, object reason, PyObject* name=NULL) noexcept:
    """Set reader.failure to a reason; None stands for MemoryError."""
    PyErr_Clear()
    if reader.failure is None:
        reader.failure = MemoryError() if reason is None else reason
        reader.path.clear()
        if name != NULL:
            reader.path.append(<object>name)
    return NULL


cdef PyObject* _new_unknown_message(const uint8_t* data) noexcept:
    cdef object unknown = unknown_message(read_u16(data + 2))
    return _new(<PyObject*>unknown)


cdef object unknown_message(int template):
    """The value of an embedded message whose template is unknown, so that the rest can be read."""
    return {"templateId": template, "$unknownTemplate": True}


cdef PyObject* _native_message(DecodePlan plan, const uint8_t* data, PyObject* made) noexcept:
    """An embedded message with its header, in native values; takes the reference `made`."""
    cdef dict message = {
        "template": plan.name, "templateId": read_u16(data + 2), "schemaId": read_u16(data + 4),
        "version": read_u16(data + 6), "value": <object>made,
    }
    Py_DECREF(made)
    return _new(<PyObject*>message)


cdef object _framed(Context* context, object value):
    """Put the keys of the JSON API around a result, an error or an event."""
    cdef DecodePlan plan = <DecodePlan>context.plan
    if plan.event is not None:
        framed = {"event": value}
        if context.subscription >= 0:
            framed["subscriptionId"] = context.subscription
        return framed
    if plan.template == RESPONSE and context.template == ERROR and type(value) is dict and "result" in value:
        value["error"] = value.pop("result")
    return value
