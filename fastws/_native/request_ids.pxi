# Client order ids; see request.pyx.

cdef:
    enum:
        ID_LENGTH = 22          # 5 random bits each
        LONGEST_ID = 36
        LEAST_RANDOM = 13       # 65 bits
        POOL_SIZE = ID_LENGTH * 256

    # Without vowels there are no words: the exchange's firewall must not take a client order id for SQL.
    bytes ID_ALPHABET = b"0123456789BCDFGHJKLMNPQRSTVWXZbc"
    bytes _pool = b""
    Py_ssize_t _pool_used = 0


def _forget_pool():
    # A forked child must not make the same ids as its parent.
    global _pool, _pool_used
    _pool = b""
    _pool_used = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


cdef str new_client_order_id(bytes prefix, int random):
    """A client order id: a prefix, and ``random`` characters of ID_ALPHABET, of 5 random bits each."""
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
    """A new client order id: the prefix, and up to 22 random digits and consonants, of 5 bits each."""
    return new_client_order_id(check_prefix(prefix), random_length(prefix))


def random_length(str prefix not None):
    """How many random characters follow a prefix: as many as fit into 36 characters, at most 22."""
    return min(ID_LENGTH, LONGEST_ID - len(prefix))


def check_prefix(prefix):
    """A prefix of client order ids, as bytes. It must leave room for 13 random characters, which are 65 bits.

    Raises:
        InvalidRequest: it cannot be a prefix.
    """
    if not isinstance(prefix, str) or not all(c.isascii() and (c.isalnum() or c in "-_") for c in prefix):
        raise InvalidRequest(f"client_order_id_prefix: expected letters, digits, - and _, got {shown(prefix)}")
    if len(prefix) > LONGEST_ID - LEAST_RANDOM:
        raise InvalidRequest(
            f"client_order_id_prefix: {shown(prefix)} has {len(prefix)} characters; of the {LONGEST_ID} of an id"
            f" {LEAST_RANDOM} stay random, so it may have {LONGEST_ID - LEAST_RANDOM}"
        )
    return prefix.encode()
