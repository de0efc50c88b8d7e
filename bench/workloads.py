"""Fixed work for each hot stage, done under callgrind: `instructions.py` runs this, once for each of two trees.

    valgrind --tool=callgrind --instr-atstart=no … python bench/workloads.py MARKS TREE [STAGE …]

MARKS is the library made from callgrind_marks.c; TREE is the folder whose ``fastws`` and ``tests/helpers/offline.py``
do the work. The work is the same whatever the tree: it uses public names, and a client without a socket. Each stage is
done once uncounted, checked, and then counted, with the garbage collector off.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import operator
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MARKS, TREE, CHOSEN = sys.argv[1], sys.argv[2], sys.argv[3:]
sys.path[:0] = [TREE, str(Path(TREE) / "tests"), str(Path(__file__).resolve().parent.parent)]

try:
    from helpers.offline import Offline
    from helpers.support import KEY, frame
except ImportError:  # a commit before tests/helpers
    from offline import Offline
    from support import KEY, frame

import fastws  # noqa: E402
from bench import messages, sbe_messages  # noqa: E402

OPERATIONS = 400
Json = dict[str, Any]
ORDERS = [{**params, "newOrderRespType": "ACK"} for params in messages.order_params(OPERATIONS)]
ACK = messages.distinct(messages.order_ack, OPERATIONS)
FULL = messages.distinct(messages.order_full, OPERATIONS)
DEPTH = messages.distinct(messages.depth, 40)
HMAC: Json = {"api_key": "k" * 64, "secret": "s" * 64, "logon": "never"}


class Quiet(Offline):
    """A client without a socket that keeps nothing of what it writes, by a call that costs next to nothing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.write = deque[bytes](maxlen=0).append  # type: ignore[method-assign]

    def log_on(self) -> None:
        logon = self.client.session_logon()
        self.client.flush()
        self.send({"id": logon.info.id, "status": 200, "result": {"apiKey": "k" * 64}})
        assert logon.done()


def decoding(decode: Callable[[bytes], object], documents: list[bytes]) -> Iterator[int]:
    yield 0
    deque(map(decode, documents), maxlen=0)
    yield len(documents)


def placing(*, log_on: bool, prepared: bool = False, **options: Any) -> Iterator[int]:
    """Orders from the call to the write, each written at once."""
    offline = Quiet(cork=False, **options)
    if log_on:
        offline.log_on()
    place: Callable[..., Any] = offline.client.order_place
    changes = ORDERS
    if prepared:
        place = offline.client.prepare("order.place", side="BUY", type="LIMIT", timeInForce="GTC")
        changes = [{name: order[name] for name in ("symbol", "price", "quantity")} for order in ORDERS]
    writes = offline.client.stats["writes"]
    yield 0
    for params in changes:
        place(**params, on_reply=operator.is_)
    yield len(changes)
    assert offline.client.stats["writes"] - writes == len(changes)
    offline.lose()


def leaving(*, stays: bool) -> Iterator[int]:
    """Orders while the client leaves a connection for another one, each written at once.

    They stay on the old connection while an openOrders.cancelAll of their symbol is unanswered there: unlike for other
    requests, no time ends this, and under callgrind all takes long.
    """
    offline = Quiet(cork=False, **KEY)
    offline.log_on()
    successor = offline.another()
    successor.write = offline.write  # type: ignore[method-assign]
    offline.session.route = successor.connection
    logon = offline.client.session_logon()
    successor.send({"id": logon.info.id, "status": 200, "result": {"apiKey": "k" * 64}})
    offline.session.route = offline.connection
    place = offline.client.order_place
    orders = [{**order, "symbol": "BTCUSDT"} for order in ORDERS]
    offline.client.open_orders_cancel_all(symbol="BTCUSDT" if stays else "XRPUSDT", on_reply=operator.is_)
    offline.session.switch(successor.connection, 0.0)
    before = offline.connection.requests
    yield 0
    for params in orders:
        place(**params, on_reply=operator.is_)
    yield len(orders)
    assert offline.connection.requests - before == (len(orders) if stays else 0)
    successor.lose()
    offline.lose()


def corking() -> Iterator[int]:
    """Orders that leave in one write, 40 at a time."""
    offline = Quiet(**KEY)
    offline.log_on()
    place = offline.client.order_place
    flush = offline.client.flush
    yield 0
    for i in range(0, OPERATIONS, 40):
        for params in ORDERS[i : i + 40]:
            place(**params, on_reply=operator.is_)
        flush()
    yield OPERATIONS
    offline.lose()


def framing() -> Iterator[int]:
    """Pongs that nobody asked for: a frame, and nothing in it."""
    offline = Quiet()
    data = frame(10, b"") * OPERATIONS
    yield 0
    offline.feed(data)
    yield OPERATIONS
    offline.lose()


def strangers() -> Iterator[int]:
    """Replies with ids that were never given: a frame, an envelope, a look-up, and no more."""
    offline = Quiet()
    data = b"".join(frame(1, reply) for reply in ACK)
    yield 0
    offline.feed(data)
    yield OPERATIONS
    assert offline.client.stats["unknown"] == OPERATIONS
    offline.lose()


def answering(replies: list[bytes], *, callback: bool, sbe: bool = False, **options: Any) -> Iterator[int]:
    """Replies to orders in flight, from the bytes to the future or the callback."""
    offline = Quiet(sbe=sbe, **KEY, **options)
    if not sbe:  # an SBE session is not logged on here: its orders are signed, which is not counted
        offline.log_on()
    place = offline.client.order_place
    got = 0

    def count(result: object, error: object) -> None:
        nonlocal got
        got += error is None

    waiting = [
        place(**params, on_reply=operator.is_) if callback else place(**params) for params in ORDERS[:-1]
    ]
    last = place(**ORDERS[-1], on_reply=count)
    offline.client.flush()
    ids = [(info if callback else info.info).id for info in waiting] + [last.id]
    data = b"".join(
        frame(2 if sbe else 1, _with_id(reply, id_, sbe)) for reply, id_ in zip(replies, ids, strict=True)
    )
    yield 0
    offline.feed(data)
    yield OPERATIONS
    assert got == 1
    assert callback or all(future.result()["symbol"] for future in waiting)
    offline.lose()


def _with_id(reply: bytes, request_id: int, sbe: bool) -> bytes:
    document = {**json.loads(reply), "id": request_id}
    return sbe_messages.order_full(messages.compact(document)) if sbe else messages.compact(document)


def streaming(*, callback: bool) -> Iterator[int]:
    """User data events, from the bytes to the callback or the iterator's buffer."""
    offline = Quiet(**KEY)
    got = deque[Json]()
    subscription = offline.client.user_data_stream_subscribe_signature(
        on_event=got.append if callback else None
    )
    offline.client.flush()
    offline.send({"id": subscription.info.id, "status": 200, "result": {"subscriptionId": 0}})
    assert subscription.done()
    data = b"".join(frame(1, messages.compact(_report(number))) for number in range(OPERATIONS))
    yield 0
    offline.feed(data)
    yield OPERATIONS
    assert len(got) == (OPERATIONS if callback else 0)
    offline.lose()


def _report(number: int) -> Json:
    order = json.loads(FULL[number])["result"]
    return {
        "subscriptionId": 0,
        "event": {
            "e": "executionReport",
            "E": order["transactTime"],
            "s": order["symbol"],
            "c": order["clientOrderId"],
            "S": order["side"],
            "o": "LIMIT",
            "f": "GTC",
            "q": order["origQty"],
            "p": order["price"],
            "x": "NEW",
            "X": "NEW",
            "i": order["orderId"],
            "l": "0.00000000",
            "z": "0.00000000",
            "T": order["transactTime"],
            "w": True,
        },
    }


SPOT = fastws.sbe.Schema.bundled("spot")
STAGES: dict[str, Callable[[], Iterator[int]]] = {
    "encode and write": lambda: placing(log_on=True, **KEY),
    "encode, sign (HMAC) and write": lambda: placing(log_on=False, **HMAC),
    "prepared, write": lambda: placing(log_on=True, prepared=True, **KEY),
    "leaving a connection: stays there, write": lambda: leaving(stays=True),
    "leaving a connection: to the successor, write": lambda: leaving(stays=False),
    "cork": corking,
    "frame": framing,
    "envelope of JSON": strangers,
    "decode JSON: ACK": lambda: decoding(fastws.loads, ACK),
    "decode JSON: FULL": lambda: decoding(fastws.loads, FULL),
    "decode JSON: depth 100": lambda: decoding(fastws.loads, DEPTH),
    "decode SBE: FULL": lambda: decoding(SPOT.decode, [sbe_messages.order_full(reply) for reply in FULL]),
    "decode SBE: depth 100": lambda: decoding(SPOT.decode, [sbe_messages.depth(reply) for reply in DEPTH]),
    "deliver JSON to a future": lambda: answering(ACK, callback=False),
    "deliver JSON to a callback": lambda: answering(ACK, callback=True),
    "deliver a JSON view to a callback": lambda: answering(FULL, callback=True, results="view"),
    "deliver SBE to a callback": lambda: answering(FULL, callback=True, sbe=True),
    "event to a callback": lambda: streaming(callback=True),
    "event to an iterator": lambda: streaming(callback=False),
}


def run(marks: ctypes.CDLL, name: str, counted: bool) -> None:
    stage = STAGES[name]()
    next(stage)
    gc.collect()
    gc.disable()
    if counted:
        marks.start()
    operations = next(stage)
    if counted:
        marks.stop(f"{name}|{operations}".encode())
    gc.enable()
    assert next(stage, None) is None


async def main() -> None:
    marks = ctypes.CDLL(MARKS)
    # Nearly empty arenas that stay: else the last one may be given back and made anew all the time, or not, by chance.
    arenas = [bytes(480) for _ in range(40_000)]
    del arenas[1::2], arenas[1::2], arenas[1::2], arenas[1::2], arenas[1::2], arenas[1::2], arenas[1::2]
    for name in CHOSEN or STAGES:
        try:
            run(marks, name, counted=False)
        except Exception:  # an older tree may lack what a stage needs: the others count all the same
            print(f"{name}:", file=sys.stderr)
            traceback.print_exc()
        else:
            run(marks, name, counted=True)


if __name__ == "__main__":
    asyncio.run(main())
