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
import types
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

MARKS, TREE, CHOSEN = sys.argv[1], sys.argv[2], sys.argv[3:]
HERE = str(Path(__file__).resolve().parent)
sys.path[:0] = [TREE, str(Path(TREE) / "tests")]
package = types.ModuleType("bench")  # of this tree, so that both trees do the same work
package.__path__ = [HERE]
sys.modules["bench"] = package

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: E402

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
EVENTS = messages.distinct(messages.event, OPERATIONS)
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


def batching() -> Iterator[int]:
    """Orders in batches of 40."""
    offline = Quiet(**KEY)
    offline.log_on()
    place = offline.client.order_place
    yield 0
    for i in range(0, OPERATIONS, 40):
        with offline.client.batch():
            for params in ORDERS[i : i + 40]:
                place(**params, on_reply=operator.is_)
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


def streaming(*, callback: bool, sbe: bool = False) -> Iterator[int]:
    """User data events, from the bytes to the callback or the iterator's buffer."""
    offline = Quiet(sbe=sbe, **KEY)
    got = deque[Json]()
    subscription = offline.client.user_data_stream_subscribe_signature(
        on_event=got.append if callback else None
    )
    offline.client.flush()
    subscribed = messages.compact(_subscribed(subscription.info.id))
    offline.feed(frame(2, sbe_messages.subscribed(subscribed)) if sbe else frame(1, subscribed))
    assert subscription.done()
    data = b"".join(frame(2, sbe_messages.event(event)) if sbe else frame(1, event) for event in EVENTS)
    yield 0
    offline.feed(data)
    yield OPERATIONS
    assert len(got) == (OPERATIONS if callback else 0)
    assert not callback or all(event["e"] == "executionReport" for event in got)
    offline.lose()


async def market_events(messages_of: Callable[[int], list[Any]], *, sbe: bool) -> AsyncIterator[int]:
    """Market data events, from the bytes to the callback."""
    from bench.market_session import Session

    twins = messages_of(OPERATIONS)
    session = Session(twins, sbe=sbe)
    got = deque[Json]()
    session.subscribe(got.append)
    data = session.frames(twins)
    yield 0
    session.feed(data)
    yield sum(each.events for each in twins)
    assert len(got) == sum(each.events for each in twins)
    assert all("s" in event for event in got)
    session.close()


async def market_values(*, sbe: bool) -> AsyncIterator[int]:
    """The best bid and ask from the bytes to a sink, as values in C: a book's, which no snapshot has made live."""
    from bench import market_feeds
    from bench.market_session import Session
    from fastws._native.book_core import BookCore

    twins = market_feeds.tops(OPERATIONS)
    session = Session(twins, sbe=sbe)
    session.add(BookCore("BTCUSDT"))
    data = session.frames(twins)
    yield 0
    session.feed(data)
    yield OPERATIONS
    assert session.market.connections[0].events == OPERATIONS
    session.close()


async def market_book(*, sbe: bool) -> AsyncIterator[int]:
    """Diffs of 20 levels from the bytes into a book of 1,000 levels."""
    from bench import market_feeds
    from bench.market_session import Session
    from fastws._native.book_core import BookCore

    snapshot, diffs, _ = market_feeds.diffs(OPERATIONS)
    session = Session(diffs, sbe=sbe)
    core = BookCore("BTCUSDT")
    core.begin()
    core.load(snapshot["lastUpdateId"], snapshot["bids"], snapshot["asks"], market_feeds.LEVELS)
    session.add(core)
    data = session.frames(diffs)
    yield 0
    session.feed(data)
    yield OPERATIONS
    assert core.events == OPERATIONS
    session.close()


def _tops(count: int) -> list[Any]:
    from bench import market_feeds

    return market_feeds.tops(count)


def _fives(count: int) -> list[Any]:
    from bench import market_feeds

    return [twins for twins, _ in market_feeds.trades(count // 5, 5)]


async def connected(peer: Any, **options: Any) -> fastws.Client:
    """A client that is connected to the peer, over TLS, and logged on."""
    await peer.listen()
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return await fastws.connect(
        peer.url,
        ssl_context=peer.context,
        reconnect=False,
        sync_every=None,
        timeout=600.0,
        api_key="k" * 64,
        private_key=pem,
        **options,
    )


async def writing_tls() -> AsyncIterator[int]:
    """Orders from the call to the system call that sends the record: each in a record of its own."""
    from bench.tls_peer import TlsPeer

    peer = TlsPeer()
    client = await connected(peer, cork=False)
    place, drop = client.order_place, peer.drop
    size = 0
    yield 0
    for params in ORDERS:
        place(**params, on_reply=operator.is_)
        size += drop()
    yield OPERATIONS
    assert size > OPERATIONS * 200
    peer.close()
    await client.wait_closed()


async def reading_tls(*, events: bool) -> AsyncIterator[int]:
    """Replies or events, each in a record of its own, from the event loop's call to the callback."""
    from bench.tls_peer import TlsPeer

    peer = TlsPeer()
    client = await connected(peer, cork=True)
    got: list[Any] = []
    keep = got.append
    if events:
        subscription = client.user_data_stream_subscribe(on_event=keep)
        await asyncio.sleep(0)
        peer.send(peer.sealed(frame(1, messages.compact(_subscribed(subscription.info.id)))))
        await subscription
        payloads = EVENTS
    else:
        infos = [
            client.order_place(**params, on_reply=lambda result, error: keep(result)) for params in ORDERS
        ]
        client.flush()
        payloads = [_with_id(reply, info.id, False) for reply, info in zip(ACK, infos, strict=True)]
    records = [peer.sealed(frame(1, payload)) for payload in payloads]
    send, read = peer.send, peer.reader()
    yield 0
    for record in records:
        send(record)
        read()
    yield OPERATIONS
    assert len(got) == OPERATIONS
    peer.close()
    await client.wait_closed()


def _subscribed(request_id: int) -> Json:
    return {"id": request_id, "status": 200, "result": {"subscriptionId": 0}}


SPOT = fastws.sbe.Schema.bundled("spot")
STAGES: dict[str, Callable[[], Iterator[int] | AsyncIterator[int]]] = {
    "encode and write": lambda: placing(log_on=True, **KEY),
    "encode, sign (HMAC) and write": lambda: placing(log_on=False, **HMAC),
    "prepared, write": lambda: placing(log_on=True, prepared=True, **KEY),
    "leaving a connection: stays there, write": lambda: leaving(stays=True),
    "leaving a connection: to the successor, write": lambda: leaving(stays=False),
    "cork": corking,
    "batch": batching,
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
    "SBE event to a callback": lambda: streaming(callback=True, sbe=True),
    "market data: best bid and ask in JSON to a callback": lambda: market_events(_tops, sbe=False),
    "market data: best bid and ask in SBE to a callback": lambda: market_events(_tops, sbe=True),
    "market data: trades in SBE to a callback": lambda: market_events(_fives, sbe=True),
    "market data: values in C of JSON": lambda: market_values(sbe=False),
    "market data: values in C of SBE": lambda: market_values(sbe=True),
    "market data: diff in JSON into a book": lambda: market_book(sbe=False),
    "market data: diff in SBE into a book": lambda: market_book(sbe=True),
    "TLS: encode and write": writing_tls,
    "TLS: read, deliver JSON to a callback": lambda: reading_tls(events=False),
    "TLS: read, event to a callback": lambda: reading_tls(events=True),
}


async def advance(stage: Iterator[int] | AsyncIterator[int]) -> int | None:
    return await anext(stage, None) if isinstance(stage, AsyncIterator) else next(stage, None)


async def run(marks: ctypes.CDLL, name: str, counted: bool) -> None:
    stage = STAGES[name]()
    await advance(stage)
    gc.collect()
    gc.disable()
    if counted:
        marks.start()
    operations = await advance(stage)
    if counted:
        marks.stop(f"{name}|{operations}".encode())
    gc.enable()
    assert await advance(stage) is None


async def main() -> None:
    marks = ctypes.CDLL(MARKS)
    # Nearly empty arenas that stay: else the last one may be given back and made anew all the time, or not, by chance.
    arenas = [bytes(480) for _ in range(40_000)]
    del arenas[1::2], arenas[1::2], arenas[1::2], arenas[1::2], arenas[1::2], arenas[1::2], arenas[1::2]
    for name in CHOSEN or STAGES:
        try:
            await run(marks, name, counted=False)
        except Exception as exc:  # an older tree may lack what a stage needs: the others count all the same
            print(f"{name}| {exc!r}", file=sys.stderr)
        else:
            await run(marks, name, counted=True)


if __name__ == "__main__":
    asyncio.run(main())
