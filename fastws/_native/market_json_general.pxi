# Messages that are written in any other way, replies and notices: decoded as a whole; see market_json.pyx.

# The decimals of each event, by its documented name; letters mean different things in different events.
cdef object _PRICE_AND_QUANTITY = frozenset("p q".split())
cdef object _ROLLING = frozenset("p P o h l c w v q".split())
cdef dict _DECIMALS = {
    "trade": _PRICE_AND_QUANTITY,
    "aggTrade": _PRICE_AND_QUANTITY,
    "blockTrade": _PRICE_AND_QUANTITY,
    "24hrMiniTicker": frozenset("c o h l v q".split()),
    "24hrTicker": frozenset("p P w x c Q b B a A o h l v q".split()),
    "1hTicker": _ROLLING,
    "4hTicker": _ROLLING,
    "1dTicker": _ROLLING,
    "avgPrice": frozenset("w"),
    "referencePrice": frozenset("r"),
}
cdef object _TICKER = frozenset("b B a A".split())
cdef object _KLINE = frozenset("o c h l v q V Q".split())


cdef object _whole(JsonEvents events):
    """The opened message, decoded now."""
    cdef int code = events.decoder.index(<const char*>events.data, events.end - events.data)
    if code:
        raise events.decoder.error(code)
    return events.decoder.whole_value(SHAPE_FIELDS)


cdef object _wrong(object exc):
    """The exception to report for one that reading a message raised."""
    if isinstance(exc, (DecodeError, MemoryError)):
        return exc
    return JsonError(f"an event of another shape than documented: {type(exc).__name__}: {exc}")


cdef int _open_general(JsonEvents events, EventHead* head) noexcept:
    try:
        events.decoded = _whole(events)
        _head_of(events, events.decoded, head)
    except Exception as exc:
        events.decoded = _wrong(exc)
        return WRONG
    return 0


cdef int _head_of(JsonEvents events, object message, EventHead* head) except -1:
    if not isinstance(message, dict):
        raise JsonError("a message that is no object")
    name = message.get("stream")
    event = message.get("data")
    if message.get("e") == "serverShutdown" or (
        name == "!serverShutdown" or (isinstance(event, dict) and event.get("e") == "serverShutdown")
    ):
        head.what = SHUTDOWN
        return 0
    if not isinstance(name, str) or not isinstance(event, (dict, list)):
        if "stream" not in message and ("result" in message or "error" in message or "code" in message):
            head.what = CONTROL_REPLY
            return 0
        raise JsonError("a message that is no event of a stream, no reply and no notice")
    events.name = name.encode()
    head.what = STREAM_EVENT
    head.name = PyBytes_AS_STRING(events.name)
    head.name_size = PyBytes_GET_SIZE(events.name)
    head.template_id = 0
    head.count = 1
    head.timed = False
    head.kind = MARKET_OTHER
    head.event_time = 0
    first = event
    if isinstance(event, list):
        first = event[0] if event else {}
    if not isinstance(first, dict):
        raise JsonError("an event that is no object")
    kind = first.get("e")
    if "E" in first:
        head.event_time = <int64_t>first["E"] * events.to_microseconds
    if kind == "depthUpdate":
        head.kind = MARKET_DIFF
        head.first_id = first["U"]
        head.last_id = first["u"]
        return 0
    if kind == "trade" or kind == "blockTrade":
        head.kind = MARKET_TRADE
        head.last_id = first["t"]
    elif kind == "aggTrade":
        head.kind = MARKET_TRADE
        head.last_id = first["a"]
    elif kind is None and "lastUpdateId" in first:
        head.kind = MARKET_DEPTH
        head.last_id = first["lastUpdateId"]
    elif kind is None and "u" in first:
        head.kind = MARKET_TOP
        head.last_id = first["u"]
    else:
        head.timed = True
        head.last_id = first.get("E", first.get("t", 0))
    head.first_id = head.last_id
    return 0


cdef dict _fields(JsonEvents events):
    """The opened event, decoded for its values in C."""
    event = _whole(events)["data"]
    if not isinstance(event, dict):
        raise JsonError("an event that is no object")
    return event


cdef int64_t _time(JsonEvents events, object value) except? -1:
    return <int64_t>value * events.to_microseconds


cdef int _top_general(JsonEvents events, Top* top) noexcept:
    try:
        event = _fields(events)
        (bid, ask), exponent = _integers([event["b"], event["a"]])
        (bids, asks), finer = _integers([event["B"], event["A"]])
        top.event_time = _time(events, event.get("E", 0))
        top.update_id = event["u"]
        top.bid_price = bid
        top.ask_price = ask
        top.price_exponent = exponent
        top.bid_quantity = bids
        top.ask_quantity = asks
        top.quantity_exponent = finer
    except Exception as exc:
        events.decoded = _wrong(exc)
        return WRONG
    return 0


cdef int _trade_general(JsonEvents events, Trade* trade) noexcept:
    try:
        event = _fields(events)
        (price,), exponent = _integers([event["p"]])
        (quantity,), finer = _integers([event["q"]])
        if type(event["m"]) is not bool:
            raise JsonError(f"m of a trade is {shown(event['m'])}, neither true nor false")
        trade.id = event["a" if event["e"] == "aggTrade" else "t"]
        trade.event_time = _time(events, event["E"])
        trade.trade_time = _time(events, event["T"])
        trade.is_buyer_maker = event["m"]
        trade.price = price
        trade.price_exponent = exponent
        trade.quantity = quantity
        trade.quantity_exponent = finer
    except Exception as exc:
        events.decoded = _wrong(exc)
        return WRONG
    return 0


cdef int _depth_general(JsonEvents events, Depth* depth) noexcept:
    cdef Py_ssize_t i
    try:
        event = _fields(events)
        diff = event.get("e") == "depthUpdate"
        bids, asks = (event["b"], event["a"]) if diff else (event["bids"], event["asks"])
        levels = [*bids, *asks]
        for level in levels:
            if not isinstance(level, list) or len(level) < 2:
                raise JsonError(f"a level is {shown(level)}, not [price, quantity]")
        prices, exponent = _integers([level[0] for level in levels])
        quantities, finer = _integers([level[1] for level in levels])
        if not _reserve(events, len(levels) + 1):
            raise MemoryError
        for i in range(len(levels)):
            events.rows[2 * i] = prices[i]
            events.rows[2 * i + 1] = quantities[i]
        depth.event_time = _time(events, event.get("E", 0))
        depth.last_id = event["u"] if diff else event["lastUpdateId"]
        depth.first_id = event["U"] if diff else event["lastUpdateId"]
        depth.price_exponent = exponent
        depth.quantity_exponent = finer
        depth.bids.count = len(bids)
        depth.asks.count = len(asks)
        _set_rows(events, depth)
    except Exception as exc:
        events.decoded = _wrong(exc)
        return WRONG
    return 0


cdef tuple _integers(list texts):
    """Decimals as integers and their common exponent: -8, or another one that is exact for all of them."""
    cdef list read = []
    for text in texts:
        if type(text) is not str or not _is_decimal(text):
            raise JsonError(f"not the text of a decimal: {shown(text)}")
        sign, digits, exponent = Decimal(text).as_tuple()
        number = int("".join(map(str, digits)))
        if exponent > MOST_EXPONENT or exponent < -MOST_EXPONENT:
            raise JsonError(f"a number out of range: {shown(text)}")
        read.append((-number if sign else number, exponent))
    common = min(-8, min([exponent for _, exponent in read], default=0))
    found = [number * 10 ** (exponent - common) for number, exponent in read]
    if _fit(found):
        return found, common
    # without zeros at the end, fewer digits may do
    for i, (number, exponent) in enumerate(read):
        while number and number % 10 == 0:
            number //= 10
            exponent += 1
        read[i] = number, exponent if number else 0
    common = min(0, min([exponent for _, exponent in read], default=0))
    found = [number * 10 ** (exponent - common) for number, exponent in read]
    if not _fit(found):
        raise JsonError(f"numbers that no common exponent fits into 64 bits: {shown(texts)}")
    return found, common


cdef bint _fit(list numbers):
    for number in numbers:
        if not -INT64_MAX <= number <= INT64_MAX:
            return False
    return True


cdef object _event_general(JsonEvents events):
    cdef bytes text
    event = _whole(events)["data"]
    if events.views:
        import json
        text = json.dumps(event, ensure_ascii=False).encode()
        code = events.decoder.index(events.decoder.copy(text), len(text))
        if code:
            raise events.decoder.error(code)
        return _view(events.decoder, events.decoder.text, len(text), events.numbers)
    return event if events.numbers == NUMBERS_STR else _shown(event, events.numbers)


cdef tuple _reply(object message):
    """(id or None, result, error code or None, msg) of a reply in either shape."""
    given = message.get("id")
    if type(given) is not int and not isinstance(given, str):
        given = None
    error = message.get("error")
    if error is None and "code" in message:
        error = message
    if error is None:
        return given, message.get("result"), None, None
    if not isinstance(error, dict):
        return given, None, -1, shown(error)
    code = error.get("code")
    msg = error.get("msg")
    return given, None, code if type(code) is int else -1, msg if isinstance(msg, str) else shown(msg)


cdef object _shown(object event, int numbers):
    """The event with its decimals as numbers. Of a text that is no decimal, the text."""
    if isinstance(event, list):
        return [_shown(each, numbers) for each in event]
    if not isinstance(event, dict):
        return event
    kind = event.get("e")
    if kind == "kline":
        if isinstance(event.get("k"), dict):
            _convert(event["k"], _KLINE, numbers)
    elif kind is None and "u" in event:
        _convert(event, _TICKER, numbers)
    elif kind is None or kind == "depthUpdate":
        for side in ("b", "a") if kind else ("bids", "asks"):
            if isinstance(event.get(side), list):
                event[side] = [
                    [_number(text, numbers) for text in level] if isinstance(level, list) else level
                    for level in event[side]
                ]
    elif isinstance(kind, str):
        _convert(event, _DECIMALS.get(kind, ()), numbers)
    return event


cdef int _convert(dict event, object keys, int numbers) except -1:
    for key in keys:
        if key in event:
            event[key] = _number(event[key], numbers)
    return 0


cdef object _number(object text, int numbers):
    if type(text) is not str or not _is_decimal(text):
        return text
    if numbers == NUMBERS_DECIMAL:
        return Decimal(text)
    number = float(text)
    return text if number in (float("inf"), float("-inf")) else number
