# Client order ids; see request.pyx.

cdef:
    enum:
        ID_LENGTH = 22          # 5 random bits each
        LONGEST_ID = 36
        LEAST_RANDOM = 13       # 65 bits
        POOL_SIZE = ID_LENGTH * 256

    # No vowels, so no words: a client order id must not look like SQL to the exchange's firewall.
    bytes ID_ALPHABET = b"0123456789BCDFGHJKLMNPQRSTVWXZbc"
    bytes _pool = b""
    Py_ssize_t _pool_used = 0


def _forget_pool():
    # A forked child must not make the ids that its parent makes.
    global _pool, _pool_used
    _pool = b""
    _pool_used = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


cdef str new_client_order_id(bytes prefix, int random):
    """A client order id: a prefix, and so many of ID_ALPHABET, of 5 random bits each."""
    global _pool, _pool_used
    cdef uint8_t* source
    cdef const uint8_t* alphabet = <const uint8_t*>PyBytes_AS_STRING(ID_ALPHABET)
    cdef char text[LONGEST_ID]
    cdef Py_ssize_t start = PyBytes_GET_SIZE(prefix)
    cdef int i
    if _pool_used + random > PyBytes_GET_SIZE(_pool):
        _pool = os.urandom(POOL_SIZE)
        _pool_used = 0
    source = <uint8_t*>PyBytes_AS_STRING(_pool) + _pool_used
    _pool_used += random
    memcpy(text, PyBytes_AS_STRING(prefix), start)
    for i in range(random):
        text[start + i] = <char>alphabet[source[i] & 31]
    return text[:start + random].decode("ascii")


def make_client_order_id(str prefix=""):
    """A fresh client order id: behind the prefix, up to 22 digits and consonants, of 5 random bits each."""
    return new_client_order_id(check_prefix(prefix), random_length(prefix))


def random_length(str prefix not None):
    """How many random characters follow a prefix: all that there is room for, up to 22."""
    return min(ID_LENGTH, LONGEST_ID - len(prefix))


def check_prefix(prefix):
    """A prefix of client order ids, as bytes; it leaves room for 13 random characters, which are 65 bits.

    Raises:
        InvalidRequest: it is none.
    """
    if not isinstance(prefix, str) or not all(c.isascii() and (c.isalnum() or c in "-_") for c in prefix):
        raise InvalidRequest(f"client_order_id_prefix: expected letters, digits, - and _, got {shown(prefix)}")
    if len(prefix) > LONGEST_ID - LEAST_RANDOM:
        raise InvalidRequest(
            f"client_order_id_prefix: {shown(prefix)} has {len(prefix)} characters; of the {LONGEST_ID} of an id"
            f" {LEAST_RANDOM} stay random, so it may have {LONGEST_ID - LEAST_RANDOM}"
        )
    return prefix.encode()
