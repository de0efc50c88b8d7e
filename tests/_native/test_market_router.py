"""From the bytes of market data messages to their consumers, without a network."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from fastws.errors import DecodeError, EventOverflow
from helpers.market import DEPTH, DIFF, TOP, TRADE, Market, diff, sbe_trades, top, trade
from helpers.support import BINARY, TEXT, frame, in_loop


def taken(events: Any) -> list[Any]:
    return list(iter(events.take, None))


@in_loop
async def test_events_reach_the_subscriptions_of_their_stream() -> None:
    market = Market(asyncio.get_running_loop())
    first, second = market.stream("btcusdt@trade", TRADE), market.stream("ethusdt@trade", TRADE)
    both, one = market.events(first, second), market.events(first)
    market.send("btcusdt@trade", trade(1))
    market.send("ethusdt@trade", trade(7))
    event = both.take()
    assert event == trade(1)
    assert (both.stream, both.connection) == ("btcusdt@trade", 1)
    assert both.received_at > 0
    assert both.take()["t"] == 7
    assert both.stream == "ethusdt@trade"
    assert both.take() is None
    other = one.take()
    assert other == trade(1)
    assert other is not event  # whoever changes it changes only his own
    assert one.take() is None
    assert (first.events, second.events, market.connections[0].events) == (1, 1, 2)


@in_loop
async def test_on_event_is_called_in_the_read_callback_and_may_raise() -> None:
    market = Market(asyncio.get_running_loop())
    seen: list[Any] = []

    def on_event(event: Any) -> None:
        seen.append(event["t"])
        if event["t"] == 1:
            raise ValueError("mine")

    stream = market.stream("btcusdt@trade", TRADE)
    market.events(stream, on_event=on_event)
    market.send("btcusdt@trade", trade(1))
    market.send("btcusdt@trade", trade(2))
    assert seen == [1, 2]
    assert [str(said[1]) for said in market.owner.of("report")] == ["mine"]


@in_loop
async def test_an_event_of_an_unknown_stream_is_counted_and_logged_once() -> None:
    market = Market(asyncio.get_running_loop())
    for trade_id in range(3):
        market.send("xyz@trade", trade(trade_id))
    assert market.router.unknown_events == 3
    assert len(market.owner.of("warn")) == 1
    assert "xyz@trade" in market.owner.of("warn")[0][1]


@in_loop
async def test_a_dropped_stream_is_silent_and_its_place_is_used_again() -> None:
    market = Market(asyncio.get_running_loop())
    dropped = market.stream("a@trade", TRADE)
    events = market.events(dropped)
    market.send("a@trade", trade(1))
    market.router.drop("a@trade")
    market.send("a@trade", trade(2))
    assert market.owner.of("warn") == []
    other = market.events(market.stream("b@trade", TRADE))
    market.send("b@trade", trade(3))
    assert [(event["t"], events.stream) for event in iter(events.take, None)] == [(1, "a@trade")]
    assert [(event["t"], other.stream) for event in iter(other.take, None)] == [(3, "b@trade")]
    again = market.stream("a@trade", TRADE)
    assert again is not dropped
    assert again.index == dropped.index


@in_loop
async def test_thousands_of_streams_are_found() -> None:
    market = Market(asyncio.get_running_loop())
    seen: list[Any] = []
    for n in range(3000):
        market.events(
            market.stream(f"s{n}@trade", TRADE), on_event=lambda event, n=n: seen.append((n, event["t"]))
        )
    numbers = random.Random(1).sample(range(3000), 500)
    for n in numbers:
        market.send(f"s{n}@trade", trade(n))
    assert seen == [(n, n) for n in numbers]
    for n in range(0, 3000, 2):
        market.router.drop(f"s{n}@trade")
    market.send("s7@trade", trade(7000))
    assert seen[-1] == (7, 7000)


@pytest.mark.parametrize(
    ("kind", "make", "ids", "expected"),
    [
        (TRADE, trade, [(0, 1), (1, 1), (1, 2), (0, 2), (0, 3), (1, 3)], [1, 2, 3]),
        (TOP, top, [(0, 5), (1, 4), (1, 6), (0, 5), (0, 6), (0, 9)], [5, 6, 9]),
    ],
)
@in_loop
async def test_the_first_connection_that_brings_an_event_wins(
    kind: int, make: Any, ids: list[tuple[int, int]], expected: list[int]
) -> None:
    market = Market(asyncio.get_running_loop(), connections=2)
    events = market.events(market.stream("x", kind))
    for by, event_id in ids:
        market.send("x", make(event_id), by=by)
    assert [event.get("t", event.get("u")) for event in taken(events)] == expected


@in_loop
async def test_a_connection_that_was_first_gets_the_time_by_which_it_was() -> None:
    market = Market(asyncio.get_running_loop(), connections=2)
    market.events(market.stream("x", TRADE))
    market.send("x", trade(1), by=1)
    await asyncio.sleep(0.002)
    market.send("x", trade(1), by=0)
    slow, quick = market.connections
    assert (quick.firsts, slow.firsts, slow.duplicates) == (1, 0, 1)
    assert quick.first_ns >= 1_000_000


@in_loop
async def test_a_diff_that_one_connection_lacks_is_waited_for_on_the_other() -> None:
    market = Market(asyncio.get_running_loop(), connections=2)
    events = market.events(market.stream("x", DIFF))
    market.send("x", diff(1, 2))
    market.send("x", diff(5, 6))  # 3 to 4 are missing here
    market.send("x", diff(7, 7))
    assert [event["u"] for event in taken(events)] == [2]
    market.send("x", diff(3, 5), by=1)  # cut in another way
    assert [event["u"] for event in taken(events)] == [5, 6, 7]
    market.send("x", diff(6, 7), by=1)
    assert taken(events) == []


@in_loop
async def test_after_20_ms_a_diff_is_delivered_behind_the_gap() -> None:
    market = Market(asyncio.get_running_loop(), connections=2)
    events = market.events(market.stream("x", DIFF))
    market.send("x", diff(1, 2))
    market.send("x", diff(9, 9))
    market.send("x", diff(5, 6), by=1)
    assert [event["u"] for event in taken(events)] == [2]
    await asyncio.wait_for(events.wait(), 1)
    assert [event["u"] for event in taken(events)] == [6, 9]


@in_loop
async def test_with_one_connection_nothing_is_waited_for() -> None:
    market = Market(asyncio.get_running_loop())
    events = market.events(market.stream("x", DIFF))
    for first, last in ((1, 2), (5, 6), (6, 8), (3, 4)):
        market.send("x", diff(first, last))
    assert [event["u"] for event in taken(events)] == [2, 6, 8]


@in_loop
async def test_a_subscription_that_conflates_keeps_the_newest_of_each_stream() -> None:
    market = Market(asyncio.get_running_loop())
    events = market.events(market.stream("a", TOP), market.stream("b", TOP), conflate=True)
    for update_id in (1, 2, 3):
        market.send("a", top(update_id))
    market.send("b", top(9))
    assert (events.waiting, events.skipped, events.events) == (2, 2, 4)
    assert [(event["u"], events.stream) for event in iter(events.take, None)] == [(3, "a"), (9, "b")]
    waiter = events.wait()
    market.send("a", top(4))
    await asyncio.wait_for(waiter, 1)
    assert [event["u"] for event in events.take_all()] == [4]


@in_loop
async def test_a_full_buffer_loses_events_and_says_so_in_their_place() -> None:
    market = Market(asyncio.get_running_loop())
    events = market.events(market.stream("x", TRADE), limit=2)
    for trade_id in range(1, 6):
        market.send("x", trade(trade_id))
    assert [events.take()["t"], events.take()["t"]] == [1, 2]
    with pytest.raises(EventOverflow, match="3 events"):
        events.take()
    assert events.lost == 3


@in_loop
async def test_an_event_that_cannot_be_read_harms_no_other() -> None:
    market = Market(asyncio.get_running_loop())
    events = market.events(market.stream("x", TRADE))
    market.wires[0].feed(frame(TEXT, b'{"stream":"x","data":{"e":"trade","t":5,"p":}}'))
    market.wires[0].feed(frame(TEXT, b"garbage"))
    market.send("x", trade(6))
    assert market.connections[0].unreadable == 2
    got = []
    for _ in range(3):
        try:
            got.append(events.take())
        except DecodeError:
            got.append("error")
    assert [event for event in got if event is not None][-1] == trade(6)


@in_loop
async def test_an_sbe_message_may_be_partly_new() -> None:
    market = Market(asyncio.get_running_loop(), sbe=True)
    events = market.events(market.stream("btcusdt@trade", TRADE, "BTCUSDT", 10000))
    market.send_binary(sbe_trades(1, 2))
    market.send_binary(sbe_trades(2, 3, 4))
    market.send_binary(sbe_trades(3))
    assert [event["t"] for event in taken(events)] == [1, 2, 3, 4]


@in_loop
async def test_replies_and_notices_come_as_text_on_connections_in_sbe() -> None:
    market = Market(asyncio.get_running_loop(), sbe=True)
    market.wires[0].send('{"result":null,"id":3}')
    market.wires[0].send('{"error":{"code":2,"msg":"Invalid request: x"},"id":4}')
    market.wires[0].send('{"code":2,"msg":"Invalid request: y"}')
    market.wires[0].send('{"e":"serverShutdown","E":1}')
    assert [said[1:] for said in market.owner.of("reply")] == [
        (3, None, None, None),
        (4, None, 2, "Invalid request: x"),
        (None, None, 2, "Invalid request: y"),
    ]
    assert market.owner.of("shutdown_notice") == [(market.connections[0],)]


@in_loop
async def test_ids_that_go_back_for_good_are_taken_after_a_while() -> None:
    market = Market(asyncio.get_running_loop())
    events = market.events(market.stream("x", TOP))
    market.send("x", top(100))
    market.send("x", top(1))
    assert [event["u"] for event in taken(events)] == [100]
    assert market.connections[0].duplicates == 1
    market.router.restart_after = 0
    market.send("x", top(2))
    market.send("x", top(3))
    assert [event["u"] for event in taken(events)] == [2, 3]
    assert market.router.resets == 1
    assert len(market.owner.of("warn")) == 1


@in_loop
async def test_all_trades_of_a_message_are_taken_when_ids_begin_anew() -> None:
    market = Market(asyncio.get_running_loop(), sbe=True)
    events = market.events(market.stream("btcusdt@trade", TRADE, "BTCUSDT", 10000))
    market.router.restart_after = 0
    for message in ((100,), (1,), (2, 3)):
        market.send_binary(sbe_trades(*message))
    assert [event["t"] for event in taken(events)] == [100, 2, 3]


@in_loop
async def test_ids_do_not_begin_anew_while_the_newest_still_comes() -> None:
    market = Market(asyncio.get_running_loop(), connections=2)
    events = market.events(market.stream("x", TOP))
    market.router.restart_after = 0
    for by, update_id in ((0, 8), (0, 9), (1, 8), (1, 9), (1, 8)):
        market.send("x", top(update_id), by=by)
    assert [event["u"] for event in taken(events)] == [8, 9]
    assert market.router.resets == 0


@pytest.mark.parametrize(
    ("kind", "make", "count"),
    [
        (TOP, top, 1),
        (TRADE, trade, 1),
        (DIFF, lambda i: diff(i, i), 1),
        # sent by the clock, whether it has changed or not
        (DEPTH, lambda i: {"lastUpdateId": i, "bids": [], "asks": []}, 2),
        # known by its time only
        (0, lambda i: {"e": "24hrMiniTicker", "E": i, "s": "BTCUSDT", "c": "1.00"}, 2),
    ],
)
@in_loop
async def test_an_event_that_a_connection_sends_twice(kind: int, make: Any, count: int) -> None:
    market = Market(asyncio.get_running_loop(), connections=2)
    events = market.events(market.stream("x", kind))
    for by in (0, 0, 1):
        market.send("x", make(5), by=by)
    assert len(taken(events)) == count


@in_loop
async def test_events_that_a_conflating_subscription_skips_are_not_decoded() -> None:
    market = Market(asyncio.get_running_loop())
    stream = market.stream("x", TOP)
    events = market.events(stream, conflate=True)
    broken = '{"stream":"x","data":{"u":%d,"s":"X","b":"1","B":"1","a":"2","A":}}'
    market.wires[0].send(broken % 1)
    market.send("x", top(2))
    assert events.take() == top(2)
    assert (events.skipped, market.connections[0].unreadable) == (1, 0)
    market.wires[0].send(broken % 3)
    with pytest.raises(DecodeError):
        events.take()
    assert (events.stream, market.connections[0].unreadable) == ("x", 1)
    market.wires[0].send(broken % 4)
    assert events.take_all() == []
    with pytest.raises(DecodeError):
        events.take()
    market.send("x", top(5))
    assert events.take_all() == [top(5)]
    assert events.waiting == 0


@in_loop
async def test_a_callback_may_take_from_a_conflating_subscription() -> None:
    market = Market(asyncio.get_running_loop())
    first, second = market.stream("a", TOP), market.stream("b", TOP)
    newest = market.events(first, conflate=True)
    seen: list[Any] = []
    market.events(second, on_event=lambda event: seen.append((event["u"], newest.take())))
    last = market.events(second)
    market.send("a", top(1))
    market.send("b", top(2))
    assert seen == [(2, top(1))]
    assert taken(last) == [top(2)]  # the message that was being read is whole


@in_loop
async def test_a_conflating_subscription_gives_all_streams_their_turn_and_its_rest_at_the_end() -> None:
    market = Market(asyncio.get_running_loop())
    events = market.events(market.stream("a", TOP), market.stream("b", TOP), conflate=True)
    market.send("a", top(1))
    market.send("b", top(2))
    market.send("a", top(3))
    events.end("unsubscribed")
    market.send("a", top(4))
    assert [events.take()["u"], events.take()["u"]] == [3, 2]
    with pytest.raises(StopAsyncIteration):
        events.take()


@in_loop
async def test_a_callback_may_drop_streams_and_end_the_connection() -> None:
    market = Market(asyncio.get_running_loop())
    seen: list[Any] = []
    stream = market.stream("x", TRADE)

    def on_event(event: Any) -> None:
        seen.append(event["t"])
        stream.remove(events)
        market.router.drop("x")
        market.connections[0].abort()

    events = market.events(stream, on_event=on_event)
    later = market.events(stream)
    market.send("x", trade(1))
    assert seen == [1]
    assert [event["t"] for event in taken(later)] == [1]


@in_loop
async def test_binary_on_a_connection_in_json_ends_it() -> None:
    market = Market(asyncio.get_running_loop())
    market.wires[0].feed(frame(BINARY, b"\x00" * 20))
    (connection, reason), = market.owner.of("lost")  # fmt: skip
    assert connection is market.connections[0]
    assert "binary" in reason
    assert market.connections[0].names == set()
