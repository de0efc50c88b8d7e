# parameters of a method -> JSON text of a request, and the text that is signed.
from libc.stdint cimport int64_t, uint64_t


cdef enum Kind:
    TEXT = 0
    DECIMAL = 1
    INTEGER = 2
    BOOLEAN = 3
    LIST = 4
    WINDOW = 5      # recvWindow: a number of milliseconds with up to three decimals
    ANY = 6         # a parameter that the table does not know


cdef enum Effect:
    NO_EFFECT = 0
    LOGON = 1
    LOGOUT = 2


cdef class Buffer:
    cdef char* data
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity

    cdef int reserve(self, Py_ssize_t more) except -1


cdef class ParamSpec:
    cdef:
        readonly str name
        readonly int kind
        int bit             # its place in the masks of a MethodSpec; -1 for a name that the table does not know
        bytes json_key      # "price":
        bytes sign_key      # price=


cdef enum:
    MAX_GROUPS = 2


cdef class MethodSpec:
    cdef:
        readonly str name
        readonly bint timestamped   # takes timestamp and recvWindow
        readonly bint authorised    # needs a logged-on session, or apiKey and signature
        readonly bint always_signed # ... and the latter even on a logged-on session
        readonly bint trading       # may change orders: its outcome can be unknown
        readonly bint urgent        # written at once by default
        readonly int shape          # _json.Shape of its result
        readonly int effect
        readonly tuple own_ids      # parameters that fastws fills with a client order id of its own
        readonly str own_id         # the one of them that RequestInfo.client_order_id shows
        readonly dict params        # name -> ParamSpec
        readonly tuple required
        readonly tuple groups       # of names, of which at least one is needed
        bytes head                  # ,"method":"order.place","params":{
        bytes bare                  # ,"method":"ping"}
        uint64_t allowed_mask[3]
        uint64_t required_mask[3]
        int group_count
        uint64_t group_masks[MAX_GROUPS][3]


cdef class Auth:
    cdef:
        readonly object signer
        object sign
        bytes api_key


cdef class Encoder:
    cdef:
        readonly Buffer out
        Buffer payload
        bytes window        # text of the default recvWindow, or None

    cdef Py_ssize_t write(
        self, MethodSpec method, dict params, int64_t request_id, Auth auth, int64_t timestamp, bint strict
    ) except -1
    cdef int _open(self, MethodSpec method, int64_t request_id, int count) except -1
    cdef int _key(self, ParamSpec param) except -1
    cdef int _sign_key(self, ParamSpec param) except -1
    cdef int _comma(self) except -1
    cdef int _raw(self, ParamSpec param, const char* text, Py_ssize_t size, bint quoted, bint signed) except -1
    cdef int _value(self, ParamSpec param, object value, bint signed) except -1
    cdef int _text(self, ParamSpec param, object value, bint signed) except -1
    cdef int _integer(self, ParamSpec param, object value, bint signed) except -1
    cdef int _other(self, ParamSpec param, object value, bint signed) except -1
    cdef int _list(self, ParamSpec param, object value, bint signed) except -1
    cdef int _signature(self, Auth auth) except -1


# Bytes that write() leaves free in front of a text, for the frame header.
cdef enum:
    HEADROOM = 16


cdef str new_client_order_id()
cdef MethodSpec find_method(str name)
