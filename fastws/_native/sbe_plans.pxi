# Decode plans: the operations that sbe/plan.py made of a message, as C structs; and the plan of a message. See sbe.pyx.

cdef:
    dict _KINDS = {
        "CONST": CONST, "OBJECT": OBJECT, "INT": INT, "TIME": TIME, "INT128": INT128, "DECIMAL64": DECIMAL64,
        "DECIMAL128": DECIMAL128, "FLOAT": FLOAT, "NATIVE_FLOAT": NATIVE_FLOAT, "ENUM": ENUM, "SET": SET,
        "CHARS": CHARS, "ARRAY": ARRAY, "GROUP": GROUP, "SINGLE": SINGLE, "TEXT": TEXT, "MESSAGE": MESSAGE,
    }
    dict _ROLES = {
        "key": AS_KEY, "item": AS_ITEM, "value": AS_VALUE, "join": JOIN, "aside": ASIDE, "skip": SKIP,
    }
    dict _SHAPES = {"object": SHAPE_OBJECT, "array": SHAPE_ARRAY, "value": SHAPE_VALUE}
    dict _PRIMITIVES = {
        "int8": INT8, "uint8": UINT8, "int16": INT16, "uint16": UINT16, "int32": INT32, "uint32": UINT32,
        "int64": INT64, "uint64": UINT64, "float": FLOAT32, "double": FLOAT64, "char": CHAR,
    }


@cython.final
cdef class DecodePlan:
    """The operations of a block as C structs, made of a ``sbe.plan.BlockPlan``."""

    def __init__(self, block):
        cdef int i
        self.name = block.name
        self.event = block.event
        self.shape = _SHAPES[block.shape]
        self.slots = block.slots
        self.block_length = block.block_length
        self.least = block.least
        self.value = self.aside = -1
        self.by_key = {}
        self._kept = []
        self.count = len(block.operations)
        self.ops = <Op*>PyMem_Calloc(max(self.count, 1), sizeof(Op))
        self.keys = <PyObject**>PyMem_Calloc(max(self.count, 1), sizeof(PyObject*))
        if self.ops == NULL or self.keys == NULL:
            raise MemoryError
        for i in range(self.count):
            self._set(&self.ops[i], block.operations[i])
            if self.ops[i].role == AS_KEY and self.ops[i].target == 0:
                self.by_key[block.operations[i].key] = i
            if self.ops[i].role == AS_VALUE and self.value < 0:
                self.value = i
            if self.ops[i].role == ASIDE:
                self.aside = i
            elif i < MAX_MODEL:
                self.ops[i].bit = <uint64_t>1 << i
            if self.ops[i].kind >= GROUP:
                self.tail += size_of(self.ops[i].primitive)
                if self.ops[i].kind == GROUP or self.ops[i].kind == SINGLE:
                    self.tail += size_of(self.ops[i].count)
        for i in self.by_key.values():
            self.keys[i] = self.ops[i].key
        keys = [operation.key for operation in block.operations if operation.role == "key" and operation.target == 0]
        self.modelled = self.shape == SHAPE_OBJECT and 2 <= self.count <= MAX_MODEL and len(keys) == len(set(keys))
        self.of_views = self.shape == SHAPE_OBJECT or (
            self.shape == SHAPE_VALUE and self.ops[self.value].kind == MESSAGE
        )
        self.flat = self.shape == SHAPE_ARRAY and all(
            self.ops[i].kind < GROUP and self.ops[i].role == AS_ITEM for i in range(self.count)
        )

    def __dealloc__(self):
        cdef int i
        self.forget_model()
        if self.ops != NULL:
            for i in range(self.count):
                PyMem_Free(self.ops[i].table)
        PyMem_Free(self.ops)
        PyMem_Free(self.keys)

    cdef int _set(self, Op* op, operation) except -1:
        op.kind = _KINDS[operation.kind]
        op.role = _ROLES[operation.role]
        op.primitive = _PRIMITIVES[operation.primitive]
        op.count = _PRIMITIVES[operation.count]
        op.optional = operation.optional
        op.unless_zero = operation.unless_zero
        op.omit_empty = operation.omit_empty
        op.zero = operation.zero
        op.level, op.exponent = operation.exponent
        op.condition, op.condition_size = operation.condition
        if op.condition_size not in (0, 1, 8):
            raise ValueError(f"{operation.name}: a condition of {op.condition_size} bytes is not understood")
        op.target = operation.target
        op.slot = operation.slot
        op.added = operation.added
        op.sparse = (
            operation.optional and not operation.shows_null and not operation.zero
            and operation.kind in ("DECIMAL64", "TIME", "INT", "ENUM") and operation.primitive in ("int64", "uint8")
        )
        op.plain = not (operation.optional or operation.unless_zero or op.condition_size)
        op.offset = operation.offset
        op.end = operation.offset + operation.size
        op.name = self._keep(operation.name)
        op.key = NULL if operation.key is None else self._keep(_intern(operation.key))
        op.absent = self._keep(operation.absent) if operation.shows_null else NULL
        op.value = self._keep(operation.value if operation.values is None else dict(operation.values))
        if operation.sub is not None:
            op.sub = self._keep(DecodePlan(operation.sub))
        if op.kind == ENUM and op.primitive == UINT8:
            op.table = <PyObject**>PyMem_Calloc(256, sizeof(PyObject*))
            if op.table == NULL:
                raise MemoryError
            for raw, value in operation.values.items():
                if 0 <= raw < 256:
                    op.table[<int>raw] = self._keep(value)
        return 0

    cdef PyObject* _keep(self, object value):
        """Have the plan own an object; returns a borrowed reference."""
        self._kept.append(value)
        return <PyObject*>value

    cdef void forget_model(self) noexcept:
        cdef int i
        Py_XDECREF(self.model)
        self.model = NULL
        if self.model_values != NULL:
            for i in range(self.count):
                Py_XDECREF(self.model_values[i])
            PyMem_Free(self.model_values)
            self.model_values = NULL


def _intern(text):
    return sys.intern(text) if type(text) is str else text


@cython.final
cdef class DecodePlans:
    """The decode plans of a schema's messages.

    Args:
        schema_id: of the schema.
        version: the newest version of the schema that it knows.
        compile: makes the ``BlockPlan`` for (template id, version); None if there is no such message.
    """

    def __init__(self, int schema_id, int version, compile):
        self.schema_id = schema_id
        self.version = version
        self._compile = compile
        self._plans = {}

    cdef PyObject* recent(self, int template, int version) noexcept:
        """The DecodePlan of a message, borrowed, if it is among the recent ones; else NULL."""
        cdef PyObject* found = self._recent[template & (RECENT - 1)]
        if found != NULL and (<DecodePlan>found).template == template and (<DecodePlan>found).for_version == version:
            return found
        return NULL

    cdef DecodePlan find(self, int template, int version):
        """The plan of a message, made at its first use; None if there is no such message."""
        cdef DecodePlan plan
        cdef PyObject* recent = self.recent(template, version)
        if recent != NULL:
            return <DecodePlan>recent
        key = (template, min(version, self.version))
        plan = self._plans.get(key)
        if plan is None:
            block = self._compile(*key)
            if block is None:
                return None
            # a plan that another thread has made meanwhile is kept, because _recent may point to it
            plan = self._plans.setdefault(key, DecodePlan(block))
        plan.template = template
        plan.for_version = version
        self._recent[template & (RECENT - 1)] = <PyObject*>plan
        return plan
