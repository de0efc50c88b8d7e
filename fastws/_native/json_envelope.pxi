# The envelope: the top-level keys of a message, in front of its payload and behind it; see json.pyx.


cdef int _keys(Decoder decoder, Envelope* env, bint stop) noexcept:
    """Read top-level keys and their values; with `stop`, only up to a payload whose id is known."""
    cdef:
        const uint8_t* key
        Py_ssize_t size
        uint32_t start, end, at
        int64_t number
        int payload
        PyObject* made
        uint8_t c
    while True:
        # here comes a key or `}`; behind the first value also a comma
        if decoder.at >= decoder.count:
            _fail(decoder, SYNTAX)
            return decoder.code
        c = decoder.text[decoder.marks[decoder.at]]
        if decoder.at != 1:
            decoder.at += 1
            if c == c"}":
                break
            if c != c"," or decoder.at >= decoder.count:
                _fail(decoder, SYNTAX)
                return decoder.code
            c = decoder.text[decoder.marks[decoder.at]]
        elif c == c"}":
            decoder.at += 1
            break
        if c != c'"' or decoder.at + 2 >= decoder.count or decoder.text[decoder.marks[decoder.at + 1]] != c":":
            _fail(decoder, SYNTAX)
            return decoder.code
        start = decoder.marks[decoder.at]
        end = decoder.marks[decoder.at + 1] - 1
        while _is_space(decoder.text[end]):
            end -= 1
        key = decoder.text + start + 1
        size = end - start - 1
        decoder.at += 2
        at = decoder.at
        payload = PAYLOAD_NONE
        c = decoder.text[decoder.marks[decoder.at]]
        if size == 2 and memcmp(key, b"id", 2) == 0:
            if _integer(decoder, &number):
                env.id_kind = ID_INT
                env.id = number
                continue
            env.id_kind = ID_NULL if c == c"n" else ID_OTHER
        elif size == 6 and memcmp(key, b"status", 6) == 0:
            if not _integer(decoder, &number) or not 0 <= number < 1000:
                decoder.at = at + 1
                _fail(decoder, STATUS)
                return decoder.code
            env.status = <int>number
            continue
        elif size == 6 and memcmp(key, b"result", 6) == 0:
            payload = PAYLOAD_RESULT
        elif size == 5 and memcmp(key, b"error", 5) == 0:
            payload = PAYLOAD_ERROR
        elif size == 5 and memcmp(key, b"event", 5) == 0:
            payload = PAYLOAD_EVENT
        elif size == 10 and memcmp(key, b"rateLimits", 10) == 0:
            env.limits_at = <int>at
            decoder.seen_count = 0
            if _limits(decoder):
                continue
            decoder.at = at
            decoder.seen_count = 0
        elif size == 14 and memcmp(key, b"subscriptionId", 14) == 0:
            if _integer(decoder, &number):
                env.subscription = number
                continue
            env.subscription = -1
        elif memchr(key, c"\\", size) != NULL:
            # none of these keys, but it must be a valid string
            made = _escaped(decoder, key, size)
            if made == NULL:
                decoder.at = at - 1
                return decoder.code
            Py_DECREF(made)
        if payload != PAYLOAD_NONE:
            if not stop or env.payload != PAYLOAD_NONE:
                _fail(decoder, REPEATED)
                return decoder.code
            env.payload = payload
            env.payload_at = at
            if env.id_kind != ID_ABSENT and payload != PAYLOAD_EVENT:
                return 0
        # a value that is not used, or a payload in front of its id: checked, and dropped
        made = _value(decoder)
        if made == NULL:
            return decoder.code
        Py_DECREF(made)
    decoder.whole = True
    if decoder.at != decoder.count:
        _fail(decoder, TRAILING)
    return decoder.code


cdef int _integer(Decoder decoder, int64_t* out) noexcept:
    """Read an integer of up to 18 digits. For anything else it returns 0, and reads nothing."""
    cdef const uint8_t* text = decoder.text + decoder.marks[decoder.at]
    cdef const uint8_t* last = decoder.text + decoder.size
    cdef const uint8_t* start
    cdef bint negative = text[0] == c"-"
    cdef uint64_t number = 0
    text += negative
    start = text
    text = _digits(text, last, &number)
    if text == start or text - start > 18 or (start[0] == c"0" and text - start > 1):
        return 0
    if text < last and not _is_space(text[0]) and text[0] != c"," and text[0] != c"}" and text[0] != c"]":
        return 0
    out[0] = -<int64_t>number if negative else <int64_t>number
    decoder.at += 1
    return 1


cdef inline const uint8_t* _few_digits(const uint8_t* text, int64_t* number) noexcept nogil:
    """Read an integer of one to nine digits; return what follows it, or NULL for anything else."""
    cdef const uint8_t* start = text
    cdef uint32_t digit
    cdef uint64_t read = 0
    while True:
        digit = <uint32_t>text[0] - c"0"
        if digit > 9:
            break
        read = read * 10 + digit
        text += 1
    number[0] = <int64_t>read
    return text if 0 < text - start <= 9 and (start[0] != c"0" or text - start == 1) else NULL


cdef inline bint _usual_limit(Decoder decoder, RateLimit* limit) noexcept:
    """Read the rate limit whose `{` is at the next mark, up to its `}`, if it has the exchange's order and no spaces.

    For anything else it returns False, and the decoder stays where it was.
    """
    cdef const uint32_t* marks = decoder.marks + decoder.at
    cdef const uint8_t* kind
    cdef const uint8_t* interval
    cdef const uint8_t* interval_num
    cdef const uint8_t* most
    cdef const uint8_t* used
    cdef const uint8_t* end
    cdef int64_t number
    if decoder.at + 21 >= decoder.count:
        return False
    kind = decoder.text + marks[0]
    interval = decoder.text + marks[4]
    interval_num = decoder.text + marks[8]
    most = decoder.text + marks[12]
    used = decoder.text + marks[16]
    end = decoder.text + marks[20]
    if (
        memcmp(kind, b'{"rateLimitType":"', 18) or not c"A" <= kind[18] <= c"Z"
        or memcmp(interval, b',"interval":"', 13) or not c"A" <= interval[13] <= c"Z"
        or memcmp(interval_num, b',"intervalNum":', 15) or memcmp(most, b',"limit":', 9)
        or memcmp(used, b',"count":', 9) or end[0] != c"}"
    ):
        return False
    if _few_digits(interval_num + 15, &number) != most:
        return False
    limit.interval_num = <int32_t>number
    if _few_digits(most + 9, &limit.limit) != used or _few_digits(used + 9, &limit.count) != end:
        return False
    limit.kind = <char>kind[19] if kind[18] == c"R" and kind[19] == c"A" else <char>kind[18]
    limit.interval = <char>interval[13]
    decoder.at += 20
    return True


cdef bint _limits(Decoder decoder) noexcept:
    """Read rateLimits, as the exchange writes them, without Python objects; False for anything else."""
    cdef RateLimit* limit
    cdef const uint8_t* opening = decoder.text + decoder.marks[decoder.at]
    cdef const uint8_t* text
    cdef const uint8_t* key
    cdef Py_ssize_t size
    cdef int64_t number
    cdef bint usual
    if opening[0] != c"[":
        return False
    decoder.at += 1
    if decoder.at < decoder.count and decoder.text[decoder.marks[decoder.at]] == c"]":
        decoder.at += 1
        return True
    while True:
        if (
            decoder.seen_count == MAX_LIMITS or decoder.at >= decoder.count
            or decoder.text[decoder.marks[decoder.at]] != c"{"
        ):
            return False
        limit = &decoder.seen[decoder.seen_count]
        usual = _usual_limit(decoder, limit)
        if not usual:
            limit.kind = limit.interval = 0
            limit.interval_num = 0
            limit.limit = limit.count = 0
        while not usual:
            # `{` or `,`, a key, `:`, a value, and something behind it
            if decoder.at + 4 >= decoder.count or decoder.text[decoder.marks[decoder.at + 2]] != c":":
                return False
            key = decoder.text + decoder.marks[decoder.at + 1]
            size = decoder.marks[decoder.at + 2] - decoder.marks[decoder.at + 1] - 2
            decoder.at += 3
            text = decoder.text + decoder.marks[decoder.at]
            if key[0] != c'"' or key[size + 1] != c'"':
                return False
            key += 1
            if text[0] == c'"':
                if not c"A" <= text[1] <= c"Z":
                    return False
                if size == 13 and memcmp(key, b"rateLimitType", 13) == 0:
                    limit.kind = <char>text[2] if text[1] == c"R" and text[2] == c"A" else <char>text[1]
                elif size == 8 and memcmp(key, b"interval", 8) == 0:
                    limit.interval = <char>text[1]
                else:
                    return False
                decoder.at += 1
            elif not _integer(decoder, &number):
                return False
            elif size == 11 and memcmp(key, b"intervalNum", 11) == 0:
                limit.interval_num = <int32_t>number
                if limit.interval_num != number:
                    return False
            elif size == 5 and memcmp(key, b"limit", 5) == 0:
                limit.limit = number
            elif size == 5 and memcmp(key, b"count", 5) == 0:
                limit.count = number
            else:
                return False
            if decoder.text[decoder.marks[decoder.at]] == c"}":
                break
            if decoder.text[decoder.marks[decoder.at]] != c",":
                return False
        decoder.seen_count += 1
        decoder.at += 1
        if decoder.at >= decoder.count:
            return False
        text = decoder.text + decoder.marks[decoder.at]
        if text[0] == c"]":
            decoder.at += 1
            # its strings were looked at, not read: an escape is for who reads it
            return memchr(opening, c"\\", text - opening) == NULL
        if text[0] != c",":
            return False
        decoder.at += 1


cdef int _check_whole(Decoder decoder, Envelope* env) except -1:
    """Raise JsonError where the payload is not closed as it was opened, or lacks a key or a value.

    Nothing is decoded.
    """
    cdef uint8_t[MAX_DEPTH] opened
    cdef int depth = 0
    cdef uint32_t at = env.payload_at
    cdef bint behind
    cdef uint8_t c
    while True:
        # in front of a value
        if at >= decoder.count:
            break
        c = decoder.text[decoder.marks[at]]
        at += 1
        behind = True
        if c == c"{" or c == c"[":
            if at < decoder.count and decoder.text[decoder.marks[at]] == c + 2:      # it is empty
                at += 1
            elif depth == MAX_DEPTH:
                break
            else:
                opened[depth] = c
                depth += 1
                behind = False
        elif c == c"}" or c == c"]" or c == c"," or c == c":":
            break
        while behind:
            if depth == 0:
                return 0
            if at >= decoder.count:
                raise decoder.error(SYNTAX)
            c = decoder.text[decoder.marks[at]]
            at += 1
            if c == opened[depth - 1] + 2:
                depth -= 1
            elif c == c",":
                behind = False
            else:
                raise decoder.error(SYNTAX)
        if opened[depth - 1] == c"{":
            if (
                at + 1 >= decoder.count or decoder.text[decoder.marks[at]] != c'"'
                or decoder.text[decoder.marks[at + 1]] != c":"
            ):
                break
            at += 2
    raise decoder.error(SYNTAX)
