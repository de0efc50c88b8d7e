# Events as the exchange writes them, read by comparing; see market_json.pyx. A function returns whether the event is
# written so; nothing beyond the 64 bytes behind the message is read.


cdef inline uint64_t _word(const uint8_t* text) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, text, 8)
    return fastws_first_byte_lowest(word)


cdef inline bint _is_plain_name(const uint8_t* text, Py_ssize_t size) noexcept nogil:
    """Whether it is printable ASCII without a backslash."""
    cdef Py_ssize_t i
    for i in range(size):
        if not c" " < text[i] < 127 or text[i] == c"\\":
            return False
    return True


cdef inline const uint8_t* _integer(const uint8_t* text, int64_t* number) noexcept nogil:
    """Read an integer of one to eighteen digits; return what follows it, or NULL for anything else."""
    cdef const uint8_t* start = text
    cdef uint64_t read = 0
    cdef uint32_t digit
    while text - start < 19:
        digit = <uint32_t>text[0] - c"0"
        if digit > 9:
            break
        read = read * 10 + digit
        text += 1
    number[0] = <int64_t>read
    return text if 0 < text - start < 19 and (start[0] != c"0" or text - start == 1) else NULL


cdef inline const uint8_t* _decimal(const uint8_t* text, int64_t* number) noexcept nogil:
    """Read up to ten digits, a point, eight digits and a quote, times 10^8; return what follows, or NULL."""
    cdef uint64_t word = _word(text) ^ (LOW_BITS * 0x30)
    cdef uint64_t other = (word | (word + LOW_BITS * 0x76)) & HIGH_BITS     # bytes that are no digits
    cdef int count = 8 if other == 0 else fastws_lowest_bit(other) >> 3
    cdef uint64_t whole
    cdef uint32_t digit
    if count == 0:
        return NULL
    whole = eight_digits_value(word << (64 - 8 * count))
    text += count
    while count >= 8:
        digit = <uint32_t>text[0] - c"0"
        if digit > 9:
            break
        if count == 10:
            return NULL
        whole = whole * 10 + digit
        count += 1
        text += 1
    if text[0] != c"." or text[9] != c'"':
        return NULL
    word = _word(text + 1) ^ (LOW_BITS * 0x30)
    if (word | (word + LOW_BITS * 0x76)) & HIGH_BITS:
        return NULL
    number[0] = <int64_t>(whole * 100000000 + eight_digits_value(word))
    return text + 10


cdef inline const uint8_t* _symbol(const uint8_t* text, const uint8_t* end) noexcept nogil:
    """Skip a string of ASCII whose opening quote was read; return its closing quote, or NULL."""
    while text < end and c" " <= text[0] < 127 and text[0] != c"\\":
        if text[0] == c'"':
            return text
        text += 1
    return NULL


cdef bint _scan_head(JsonEvents events, EventHead* head) noexcept:
    """Which event it is, and its ids."""
    cdef const uint8_t* at = events.payload
    cdef const uint8_t* end = events.end
    cdef int64_t number = 0
    cdef int shape
    head.timed = False
    events.event_time = 0
    if memcmp(at, b'{"u":', 5) == 0:
        at = _integer(at + 5, &number)
        if at == NULL or memcmp(at, b',"s":"', 6):
            return False
        head.kind = MARKET_TOP
        events.shape = BOOK_TICKER
        events.first_id = events.last_id = number
        events.rest = at
        return True
    if memcmp(at, b'{"lastUpdateId":', 16) == 0:
        at = _integer(at + 16, &number)
        if at == NULL or memcmp(at, b',"bids":[', 9):
            return False
        head.kind = MARKET_DEPTH
        events.shape = PARTIAL
        events.first_id = events.last_id = number
        events.rest = at + 9
        return True
    if at[0] == c"[":
        at += 1
    if memcmp(at, b'{"e":"', 6):
        return False
    at += 6
    shape = OTHER
    if events.payload[0] == c"[":
        pass
    elif memcmp(at, b'trade"', 6) == 0:
        shape = TRADE
    elif memcmp(at, b'depthUpdate"', 12) == 0:
        shape = DIFF
    elif memcmp(at, b'aggTrade"', 9) == 0:
        shape = AGG_TRADE
    elif memcmp(at, b'blockTrade"', 11) == 0:
        shape = BLOCK_TRADE
    elif memcmp(at, b'serverShutdown"', 15) == 0:
        return False
    at = _symbol(at, end)
    if at == NULL or memcmp(at, b'","E":', 6):
        return False
    at = _integer(at + 6, &number)
    if at == NULL or at[0] != c",":
        return False
    events.event_time = number * events.to_microseconds
    if shape == OTHER:
        head.kind = MARKET_OTHER
        head.timed = True
        events.shape = OTHER
        events.first_id = events.last_id = number
        return True
    if memcmp(at, b',"s":"', 6):
        return False
    at = _symbol(at + 6, end)
    if at == NULL:
        return False
    if shape == DIFF:
        if memcmp(at, b'","U":', 6):
            return False
        at = _integer(at + 6, &events.first_id)
        if at == NULL or memcmp(at, b',"u":', 5):
            return False
        at = _integer(at + 5, &events.last_id)
        if at == NULL or memcmp(at, b',"b":[', 6):
            return False
        head.kind = MARKET_DIFF
        events.rest = at + 6
    else:
        if memcmp(at, b'","a":' if shape == AGG_TRADE else b'","t":', 6):
            return False
        at = _integer(at + 6, &number)
        if at == NULL or memcmp(at, b',"p":"', 6):
            return False
        events.first_id = events.last_id = number
        head.kind = MARKET_TRADE
        events.rest = at + 6
    events.shape = shape
    return True


cdef bint _scan_top(JsonEvents events, Top* top) noexcept:
    cdef const uint8_t* at = _symbol(events.rest + 6, events.end)
    if at == NULL or memcmp(at, b'","b":"', 7):
        return False
    at = _decimal(at + 7, &top.bid_price)
    if at == NULL or memcmp(at, b',"B":"', 6):
        return False
    at = _decimal(at + 6, &top.bid_quantity)
    if at == NULL or at >= events.end or memcmp(at, b',"a":"', 6):
        return False
    at = _decimal(at + 6, &top.ask_price)
    if at == NULL or memcmp(at, b',"A":"', 6):
        return False
    at = _decimal(at + 6, &top.ask_quantity)
    if at == NULL or at + 2 != events.end or at[0] != c"}":
        return False
    top.event_time = 0
    top.update_id = events.last_id
    top.price_exponent = top.quantity_exponent = -8
    return True


cdef bint _scan_trade(JsonEvents events, Trade* trade) noexcept:
    cdef const uint8_t* at = _decimal(events.rest, &trade.price)
    cdef int64_t number = 0
    if at == NULL or memcmp(at, b',"q":"', 6):
        return False
    at = _decimal(at + 6, &trade.quantity)
    if at == NULL or at >= events.end:
        return False
    if events.shape == AGG_TRADE:
        if memcmp(at, b',"f":', 5):
            return False
        at = _integer(at + 5, &number)
        if at == NULL or memcmp(at, b',"l":', 5):
            return False
        at = _integer(at + 5, &number)
        if at == NULL or at >= events.end:
            return False
    if memcmp(at, b',"T":', 5):
        return False
    at = _integer(at + 5, &number)
    if at == NULL or memcmp(at, b',"m":', 5):
        return False
    at += 5
    trade.is_buyer_maker = at[0] == c"t"
    if memcmp(at, b"true", 4) == 0:
        at += 4
    elif memcmp(at, b"false", 5) == 0:
        at += 5
    else:
        return False
    if events.shape != BLOCK_TRADE:
        if memcmp(at, b',"M":true', 9) == 0:
            at += 9
        elif memcmp(at, b',"M":false', 10) == 0:
            at += 10
        else:
            return False
    if at + 2 != events.end or at[0] != c"}":
        return False
    trade.event_time = events.event_time
    trade.trade_time = number * events.to_microseconds
    trade.id = events.last_id
    trade.price_exponent = trade.quantity_exponent = -8
    return True


cdef const uint8_t* _scan_rows(const uint8_t* at, const uint8_t* end, int64_t* rows, Py_ssize_t* count) noexcept nogil:
    """Read rows up to their closing bracket, which belongs to them; return what follows, or NULL."""
    count[0] = 0
    if at[0] == c"]":
        return at + 1
    while at < end:
        if at[0] != c"[" or at[1] != c'"':
            return NULL
        at = _decimal(at + 2, rows)
        if at == NULL or at[0] != c"," or at[1] != c'"':
            return NULL
        at = _decimal(at + 2, rows + 1)
        if at == NULL or at[0] != c"]":
            return NULL
        rows += 2
        count[0] += 1
        if at[1] == c"]":
            return at + 2
        if at[1] != c",":
            return NULL
        at += 2
    return NULL


cdef bint _scan_depth(JsonEvents events, Depth* depth) noexcept:
    cdef const uint8_t* at = events.rest
    # each round of _scan_rows() begins within the message, and takes the bytes of a row
    if not _reserve(events, (events.end - at) // SHORTEST_ROW + 4):
        return False
    at = _scan_rows(at, events.end, events.rows, &depth.bids.count)
    if at == NULL:
        return False
    if events.shape == DIFF:
        if memcmp(at, b',"a":[', 6):
            return False
        at += 6
    else:
        if memcmp(at, b',"asks":[', 9):
            return False
        at += 9
    if at >= events.end:
        return False
    at = _scan_rows(at, events.end, events.rows + 2 * depth.bids.count, &depth.asks.count)
    if at == NULL or at + 2 != events.end or at[0] != c"}":
        return False
    depth.event_time = events.event_time
    depth.first_id = events.first_id
    depth.last_id = events.last_id
    depth.price_exponent = depth.quantity_exponent = -8
    _set_rows(events, depth)
    return True


cdef inline bint _reserve(JsonEvents events, Py_ssize_t count) noexcept:
    """Have room for so many rows; False without memory."""
    cdef int64_t* rows
    if count > events.room:
        rows = <int64_t*>PyMem_Realloc(events.rows, 2 * count * 2 * sizeof(int64_t))
        if rows == NULL:
            return False
        events.rows = rows
        events.room = 2 * count
    return True


cdef inline void _set_rows(JsonEvents events, Depth* depth) noexcept:
    """Where the rows of both sides are, whose counts are set."""
    depth.bids.first = <const uint8_t*>events.rows
    depth.asks.first = <const uint8_t*>(events.rows + 2 * depth.bids.count)
    depth.bids.stride = depth.asks.stride = 2 * sizeof(int64_t)
