# The table of methods and parameters, in compiled form.
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t


cdef enum Kind:
    TEXT = 0
    DECIMAL = 1
    INTEGER = 2
    BOOLEAN = 3
    LIST = 4
    WINDOW = 5      # recvWindow: a number of milliseconds with up to three decimals
    ANY = 6         # of a parameter that the table does not know


cdef enum Role:
    READ = 0
    CREATE = 1      # places orders
    CANCEL = 2      # only cancels orders
    CHANGE = 3      # amends an order
    SESSION = 4     # logon, subscriptions: changes the connection


cdef enum Effect:
    NO_EFFECT = 0
    LOGON = 1
    LOGOUT = 2
    SUBSCRIBE = 3           # to the events of the account that is logged on
    SUBSCRIBE_OTHER = 4     # to those of any account
    UNSUBSCRIBE = 5
    ACCOUNT = 6             # none on the connection, but its result shows the uid of the account


cdef enum:      # options: what a call of a method takes beside its parameters
    ON_REPLY = 0
    TIMEOUT = 1
    URGENT = 2
    SIGNER = 3
    OPTIONS = 4     # how many


cdef enum:
    KEY_ROOM = 32
    LONGEST_NAME = 28


cdef class ParamSpec:
    cdef:
        readonly str name
        readonly int kind
        # its bit in the masks of a MethodSpec; MAX_PARAMS + its number for an option; -1 if the table does not know it
        int bit
        bytes json_key      # "price":
        bytes sign_key      # &price=
        # The same for names in the table: the hot path copies KEY_ROOM bytes, whatever the length.
        Py_ssize_t key_size
        Py_ssize_t sign_size
        char key[KEY_ROOM]      # "price":" with the quote that opens a text
        char sign[KEY_ROOM]


cdef enum:
    MAX_GROUPS = 2
    MAX_TEXTS = 8       # parameters with client order ids


cdef class MethodSpec:
    cdef:
        readonly str name
        readonly bint timestamped   # takes timestamp and recvWindow
        readonly bint authorised    # needs a connection that is logged on, or apiKey and signature
        readonly bint always_signed  # needs apiKey and signature even then
        readonly bint trading       # may change orders, so that its outcome can be unknown
        readonly bint urgent        # written at once, unless urgent=False
        readonly int shape          # envelope.Shape of its result
        readonly int effect
        readonly int role           # Role
        readonly bint error_is_result  # a result may be an error's code and text, with status 200
        readonly bint names_orders  # its result may name orders that other requests placed
        readonly bint known         # it is in the table, whatever the version in its name
        readonly tuple own_ids      # parameters that fastws fills with a new client order id
        readonly tuple free_texts   # the other parameters with client order ids: only the caller gives them
        int own_count
        int own_bits[MAX_TEXTS]     # of own_ids
        int free_count
        int free_bits[MAX_TEXTS]    # of free_texts
        readonly tuple order_numbers  # the parameters with numbers of orders and order lists
        readonly str own_id         # the one of own_ids that RequestInfo.client_order_id shows
        readonly dict params        # name -> ParamSpec
        readonly tuple required
        readonly tuple groups       # tuples of names: at least one name of each is needed
        bytes head                  # ,"method":"order.place","params":{
        bytes bare                  # ,"method":"ping"}
        uint64_t allowed_mask[3]
        uint64_t required_mask[3]
        int group_count
        uint64_t group_masks[MAX_GROUPS][3]


cdef enum:
    ADDRESSES = 4096    # large enough that few names share a place; these are looked up by name
    MAX_PARAMS = 192    # names of parameters: three words of bits

cdef:
    dict PARAMS             # name -> ParamSpec
    dict OPTION_SPECS       # name of an option -> ParamSpec
    # ParamSpecs, owned by PARAMS or OPTION_SPECS: by the address of their interned names (compare the name)
    PyObject* BY_ADDRESS[ADDRESSES]
    PyObject* BY_BIT[MAX_PARAMS]        # those of PARAMS, by their bits
    ParamSpec TIMESTAMP
    ParamSpec WINDOW_SPEC
    ParamSpec API_KEY
    ParamSpec SIGNATURE
    ParamSpec SYMBOL
    ParamSpec SUBSCRIPTION_ID

cpdef MethodSpec method_spec(object name)
cdef PyObject* find_name(object name) noexcept
cdef ParamSpec unknown_param(MethodSpec method, object name)
cdef int refuse_names(MethodSpec method, dict params) except -1
cdef int refuse_group(MethodSpec method, int group) except -1
