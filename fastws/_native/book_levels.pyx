# cython: language_level=3
"""One side of an order book: set(price, quantity) -> a sorted array of integers, the best level last.

In: the price and the quantity of a level, as integers; 0 removes the level. Out: the array, and views of it for numpy.
Memory: one array, which grows by half. Most changes are near the best level, so few levels move. While a view of numpy
refers to the array, a change is made in a copy: the view keeps showing the levels of its moment.
Failure: MemoryError; fill() raises ValueError for levels that are in disorder.
"""

cimport cython
from cpython.buffer cimport PyBUF_WRITABLE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.ref cimport Py_REFCNT
from libc.stdint cimport INT64_MAX, int64_t
from libc.string cimport memcpy, memmove

cdef:
    enum:
        FIRST_ROOM = 64


@cython.final
cdef class LevelMemory:
    """The array of a side."""

    def __dealloc__(self):
        PyMem_Free(self.levels)


@cython.final
cdef class LevelView:
    """The levels of a side at one moment, best last: a read-only buffer of int64 with two columns."""

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("the levels of a book cannot be changed")
        buffer.buf = self.memory.levels
        buffer.obj = self
        buffer.len = self.shape[0] * sizeof(Level)
        buffer.itemsize = 8
        buffer.readonly = 1
        buffer.ndim = 2
        buffer.format = b"q"
        buffer.shape = self.shape
        buffer.strides = self.strides
        buffer.suboffsets = NULL
        buffer.internal = NULL


@cython.final
cdef class BookSide:
    """The levels of a side."""

    def __cinit__(self, bint bids):
        self.mask = 0 if bids else -1
        self.memory = LevelMemory()
        self.whole = True
        self.reserve(FIRST_ROOM)

    # -------------------------------------------------------------------------------------------------------- hot

    cdef Py_ssize_t find(self, int64_t price) noexcept:
        """The place of the first level that is not worse than the price."""
        cdef Level* levels = self.levels
        cdef int64_t mask = self.mask
        cdef int64_t key = price ^ mask
        cdef int64_t seen
        cdef Py_ssize_t low = 0, high = self.count, step = 1, middle
        # from the best level on, in steps that double
        while step <= self.count:
            seen = levels[self.count - step].price ^ mask
            if seen < key:
                low = self.count - step + 1
                break
            high = self.count - step
            if seen == key:
                return high
            step *= 2
        while low < high:
            middle = (low + high) >> 1
            if (levels[middle].price ^ mask) < key:
                low = middle + 1
            else:
                high = middle
        return low

    cdef int set(self, int64_t price, int64_t quantity) except -1:
        """Set the quantity of a price; 0 removes the level. A price beyond the known ones is ignored."""
        cdef Py_ssize_t at
        cdef Level* levels
        if not self.whole and price ^ self.mask < self.known ^ self.mask:
            return 0
        at = self.find(price)
        levels = self.levels
        if at < self.count and levels[at].price == price:
            if quantity:
                levels[at].quantity = quantity
            else:
                self.count -= 1
                memmove(&levels[at], &levels[at + 1], (self.count - at) * sizeof(Level))
            return 0
        if quantity == 0:
            return 0
        if self.count == self.memory.room:
            self.reserve(self.count + 1)
            levels = self.levels
        memmove(&levels[at + 1], &levels[at], (self.count - at) * sizeof(Level))
        levels[at].price = price
        levels[at].quantity = quantity
        self.count += 1
        return 0

    cdef int begin_change(self) except -1:
        """Before set() or scale(), where ``viewed``: leave the memory to the views that still refer to it."""
        cdef LevelMemory old = self.memory
        self.viewed = False
        if Py_REFCNT(old) > 2:      # this side and ``old`` refer to it as well
            self.memory = LevelMemory()
            self.levels = NULL
            self.reserve(max(old.room, FIRST_ROOM))
            memcpy(self.levels, old.levels, self.count * sizeof(Level))
        return 0

    # ------------------------------------------------------------------------------------------------------- cold

    cdef int reserve(self, Py_ssize_t count) except -1:
        cdef Level* levels
        if count <= self.memory.room:
            return 0
        count += count // 2
        levels = <Level*>PyMem_Realloc(self.memory.levels, count * sizeof(Level))
        if levels == NULL:
            raise MemoryError
        self.memory.levels = self.levels = levels
        self.memory.room = count
        return 0

    cdef bint fits(self, int64_t price_factor, int64_t quantity_factor) noexcept:
        """Whether scale() would leave all values within 64 bits."""
        cdef int64_t most_price = INT64_MAX // price_factor, most_quantity = INT64_MAX // quantity_factor
        cdef Py_ssize_t i
        if not self.whole and self.known > most_price:
            return False
        for i in range(self.count):
            if self.levels[i].price > most_price or self.levels[i].quantity > most_quantity:
                return False
        return True

    cdef int scale(self, int64_t price_factor, int64_t quantity_factor) except -1:
        """Multiply all prices and quantities."""
        cdef Py_ssize_t i
        if self.viewed:
            self.begin_change()
        self.known *= price_factor
        for i in range(self.count):
            self.levels[i].price *= price_factor
            self.levels[i].quantity *= quantity_factor
        return 0

    cdef int fill(self, list levels, int limit) except -1:
        """Take the levels of a snapshot: pairs of integers, best first. ``limit``: how many it has at most.

        Raises ValueError: they are not in the order of their prices, or one is impossible.
        """
        cdef Py_ssize_t count = len(levels), i
        cdef int64_t price, quantity
        if self.viewed:
            self.begin_change()
        self.reserve(count)
        self.count = 0
        self.whole = True
        for i in range(count - 1, -1, -1):
            price, quantity = levels[i]
            if price <= 0 or quantity <= 0:
                raise ValueError("a price or a quantity is not above 0")
            if self.count and price ^ self.mask <= self.levels[self.count - 1].price ^ self.mask:
                raise ValueError("the levels are not in the order of their prices")
            self.levels[self.count].price = price
            self.levels[self.count].quantity = quantity
            self.count += 1
        self.whole = count < limit
        self.known = 0 if self.whole else self.levels[0].price
        return 0

    cdef LevelView view(self):
        cdef LevelView view = LevelView()
        view.memory = self.memory
        view.shape[0] = self.count
        view.shape[1] = 2
        view.strides[0] = sizeof(Level)
        view.strides[1] = 8
        self.viewed = True
        return view
