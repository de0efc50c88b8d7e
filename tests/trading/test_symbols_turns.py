"""client.symbols.load() of a whole exchange: the event loop has its turns meanwhile."""

import asyncio
import base64
import contextlib
import gc
import hashlib
import json
import socket
import struct
import threading
import time

import pytest

import fastws
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.sbe import Schema
from helpers.support import BINARY, TEXT, frame, run

SYMBOLS = 3500
NAME = "S0000000"
SHARE = 0.1  # of the whole load's time, for one turn
ATTEMPTS = 4  # another process may take the processor away in the middle of a turn
SPOT = Schema.bundled("spot")


def named(entry):
    """As many entries as there are symbols, each with a name of its own, of one whose name is NAME."""
    before, after = entry.split(NAME.encode())
    return [before + b"S%07d" % number + after for number in range(SYMBOLS)]


def json_reply():
    """What stands around the id of a reply of 15.8 MB."""
    permissions = [["SPOT", "MARGIN", *(f"TRD_GRP_{number:03}" for number in range(190))]]
    entry = {**DEFAULT_SYMBOLS[0].info(False), "symbol": NAME, "permissionSets": permissions}
    entries = b",".join(named(json.dumps(entry, separators=(",", ":")).encode()))
    limits = '[{"rateLimitType":"RAW_REQUESTS","interval":"DAY","intervalNum":1,"limit":6000,"count":20}]'
    result = b'{"timezone":"UTC","symbols":[' + entries + b"]}"
    return b'{"id":', b',"status":200,"result":' + result + f',"rateLimits":{limits}}}'.encode()


def sbe_reply():
    """The same in SBE, without the permission sets, which load() does not ask for."""
    group = next(g for g in SPOT.model.message("ExchangeInfoResponse").groups if g.name == "symbols")
    entry = {"symbol": NAME, "baseAsset": "BTC", "quoteAsset": "USDT", "status": "Trading"}
    for item in group.fields:
        is_set = getattr(SPOT.model.type_of(item), "is_set", False)
        entry.setdefault(item.name, "True" if item.type == "boolEnum" else [] if is_set else 8)
    price = {"priceExponent": -2, "minPrice": 1, "maxPrice": 10**8, "tickSize": 1}
    size = {"qtyExponent": -5, "minQty": 1, "maxQty": 9 * 10**8, "stepSize": 1}
    few = {"maxNumOrders": 200}
    filters = [("PriceFilter", price), ("LotSizeFilter", size), ("MarketLotSizeFilter", size)]
    filters += [("MaxNumOrdersFilter", few)] * 10
    entry["filters"] = [{"filter": {"template": template, "value": value}} for template, value in filters]
    entry["permissionSets"] = []
    none, one = (SPOT.encode("ExchangeInfoResponse", {"symbols": [entry] * count}) for count in (0, 1))
    at = len(none) - 6  # in front of the last group, which is empty
    entries = named(one[at:-6])
    result = none[: at - 4] + struct.pack("<I", SYMBOLS) + b"".join(entries) + none[at:]
    limit = {
        "rateLimitType": "RawRequests",
        "interval": "Day",
        "intervalNum": 1,
        "rateLimit": 6000,
        "current": 20,
    }
    envelope = {"sbeSchemaIdVersionDeprecated": "False", "status": 200, "rateLimits": [limit], "id": "1"}
    data = SPOT.encode("WebSocketResponse", {**envelope, "result": {"template": "PingResponse"}})
    before, after = data[:-14], struct.pack("<I", len(result)) + result
    assert data[-14:-12] == b"\x011"  # the id, and its length
    return before, after


@pytest.fixture(scope="module")
def replies():
    return {False: json_reply(), True: sbe_reply()}


def read(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def answer(connection, reply, sbe):
    """A server in a thread, so that what it does is no part of the client's turns: one request, one reply."""
    with connection, contextlib.suppress(ConnectionError):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(4096)
        key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if b"-key: " in line.lower())
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        _, size = read(connection, 2)
        assert size & 0x7F < 126
        masked = read(connection, 4 + (size & 0x7F))
        request = json.loads(bytes(byte ^ masked[i & 3] for i, byte in enumerate(masked[4:])))
        before, after = reply
        number = str(request["id"]).encode()
        number = bytes([len(number)]) + number if sbe else number
        connection.sendall(frame(BINARY if sbe else TEXT, before + number + after))
        while connection.recv(4096):
            pass


async def load(reply, sbe, results):
    """Load all symbols; the longest turn of the event loop meanwhile, and the time of the whole, in seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=lambda: answer(server.accept()[0], reply, sbe))
        accepting.start()
        url = f"ws://127.0.0.1:{server.getsockname()[1]}"
        async with fastws.connect(url, sbe=sbe, results=results, timeout=60) as client:
            loop = asyncio.get_running_loop()
            last = longest = 0.0
            loading = True

            def turn():
                nonlocal last, longest
                now = time.perf_counter()
                longest, last = max(longest, now - last), now
                if loading:
                    loop.call_soon(turn)

            gc.collect()
            gc.freeze()  # what the other tests left is no matter of the client's
            try:
                last = start = time.perf_counter()
                turn()
                await client.symbols.load()
                whole = time.perf_counter() - start
                turn()
            finally:
                loading = False
                gc.unfreeze()
            assert len(client.symbols) == SYMBOLS
            symbol = client.symbols["S0003499"]
            assert symbol.price(52000.123) == "52000.12"
            assert len(symbol.info["filters"]) > 10
            assert [limit.count for limit in client.limits] == [20]
        await asyncio.to_thread(accepting.join)
    return longest, whole


@pytest.mark.alone
@pytest.mark.parametrize("results", ["dict", "view"])
@pytest.mark.parametrize("sbe", [False, True], ids=["JSON", "SBE"])
def test_no_turn_of_the_loop_takes_a_tenth_of_the_load(replies, sbe, results, capsys):
    for _ in range(ATTEMPTS):
        longest, whole = run(load(replies[sbe], sbe, results), timeout=60)
        size = len(replies[sbe][1]) / 1e6
        with capsys.disabled():
            print(
                f"\n{SYMBOLS} symbols, {size:.1f} MB of {'SBE' if sbe else 'JSON'}, {results}: the longest turn of the"
                f" loop took {longest * 1000:.1f} ms of {whole * 1000:.0f} ms, {longest / whole:.1%}"
            )
        if longest < SHARE * whole:
            return
    pytest.fail(f"a turn of the event loop took {longest / whole:.1%} of the load's time")
