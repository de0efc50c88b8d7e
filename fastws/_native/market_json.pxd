# Messages of JSON market data connections -> dicts, Views, and values in C.
from libc.stdint cimport int64_t, uint8_t

from .json cimport Decoder
from .market_values cimport Depth, EventHead, Top, Trade
from .views cimport View


cdef class JsonEvents:
    cdef:
        Decoder decoder
        const uint8_t* data         # of the opened message, borrowed
        const uint8_t* end
        const uint8_t* payload      # where the event begins; NULL: `decoded` has it
        const uint8_t* rest         # what follows the ids in the event
        int shape                   # which event it is, if it is written as the exchange writes it
        int64_t first_id
        int64_t last_id
        int64_t event_time
        int numbers                 # Numbers of envelope.pxd
        int to_microseconds         # what a time of the wire is multiplied by
        bint views
        object decoded              # the whole message, where it was decoded at once; or the exception
        bytes name                  # of the stream, where it was decoded at once
        int64_t* rows               # of the depth event that was read last, owned: price and quantity in turn
        Py_ssize_t room

    # open() finds out what the message is, without decoding the event: 0, or a code for error(). The bytes must not
    # move until the next open(); 64 readable bytes must follow them. Then the others read the opened event: top(),
    # trade() and depth() return 0, or a code for error(). The rows of depth() are valid until the next call.
    cdef int open(self, const uint8_t* data, Py_ssize_t size, EventHead* head) noexcept
    cdef int top(self, Top* top) noexcept
    cdef int trade(self, Py_ssize_t i, Trade* trade) noexcept
    cdef int depth(self, Depth* depth) noexcept
    cdef object event(self, Py_ssize_t i)       # a dict (an array of them: `!…@arr`), or a View; i is 0
    cdef tuple reply(self)                      # of a CONTROL_REPLY: (id or None, result, error code or None, msg)
    cdef object error(self, int code)           # the exception of a code


cdef class JsonEventView(View):
    cdef:
        bytes data                  # the event
        int numbers
