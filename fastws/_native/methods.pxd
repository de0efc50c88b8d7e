# What the table says of methods and parameters.
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t


cdef enum Kind:
    TEXT = 0
    DECIMAL = 1
    INTEGER = 2
    BOOLEAN = 3
    LIST = 4
    WINDOW = 5      # recvWindow: a number of milliseconds with up to three decimals
    ANY = 6         # a parameter that the table does not know


cdef enum Role:
    READ = 0
    CREATE = 1      # places orders
    CANCEL = 2      # takes orders down, and does nothing else
    CHANGE = 3      # amends an order
    SESSION = 4     # logon, subscriptions: of the connection


cdef enum Effect:
    NO_EFFECT = 0
    LOGON = 1
    LOGOUT = 2
    SUBSCRIBE = 3           # to the events of the session's own account
    SUBSCRIBE_OTHER = 4     # to those of any account
    UNSUBSCRIBE = 5


cdef enum:
    KEY_ROOM = 32
    LONGEST_NAME = 28


cdef class ParamSpec:
    cdef:
        readonly str name
        readonly int kind
        int bit             # its place in the masks of a MethodSpec; -1 for a name that the table does not know
        bytes json_key      # "price":
        bytes sign_key      # &price=
        # The same for the hot path, which copies KEY_ROOM bytes whatever their length; of a name in the table.
        Py_ssize_t key_size
        Py_ssize_t sign_size
        char key[KEY_ROOM]      # "price":" with the quote that opens a text
        char sign[KEY_ROOM]


cdef enum:
    MAX_GROUPS = 2


cdef class MethodSpec:
    cdef:
        readonly str name
        readonly bint timestamped   # takes timestamp and recvWindow
        readonly bint authorised    # needs a logged-on session, or apiKey and signature
        readonly bint always_signed  # ... and the latter even on a logged-on session
        readonly bint trading       # may change orders: its outcome can be unknown
        readonly bint urgent        # written at once by default
        readonly int shape          # envelope.Shape of its result
        readonly int effect
        readonly int role           # Role
        readonly bint error_is_result  # a result may be an error's code and text, with status 200
        readonly bint names_orders  # its result may name orders that other requests placed
        readonly bint known         # it is in the table, whatever the version in its name
        readonly tuple own_ids      # parameters that fastws fills with a client order id of its own
        readonly tuple free_texts   # the client order ids among the others, which only the caller makes
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


cdef enum:
    ADDRESSES = 4096    # wide enough that few names share a place with another, and are looked up by name
    MAX_PARAMS = 192    # names of parameters in all: three words of bits

cdef:
    dict PARAMS             # name -> ParamSpec
    # ParamSpecs, owned by PARAMS: by the address of their interned names (to be compared), and by their bits
    PyObject* BY_ADDRESS[ADDRESSES]
    PyObject* BY_BIT[MAX_PARAMS]
    ParamSpec TIMESTAMP
    ParamSpec WINDOW_SPEC
    ParamSpec API_KEY
    ParamSpec SIGNATURE

cpdef MethodSpec method_spec(object name)
cdef ParamSpec unknown_param(MethodSpec method, object name)
cdef int refuse_names(MethodSpec method, dict params) except -1
cdef int refuse_group(MethodSpec method, int group) except -1
