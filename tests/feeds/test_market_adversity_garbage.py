"""Messages of a lying server that are none: they are counted and logged, and the events around them come."""

from __future__ import annotations

import json
import logging

import pytest

import fastws
from helpers.feeding import next_of
from helpers.market_liar import SBE_TRADE, accept, control, honest, lied_to, trade
from helpers.support import BINARY, KEY, TEXT, frame, in_loop


def codes(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(record).get("code") for record in caplog.records]


GARBAGE = {
    "no JSON": frame(TEXT, b"hello"),
    "half a JSON": frame(TEXT, b'{"stream":"btcusdt@trade","data":{"e":"tra'),
    "a list": frame(TEXT, b"[1,2,3]"),
    "a number": frame(TEXT, b"5"),
    "an empty object": frame(TEXT, b"{}"),
    "an empty text": frame(TEXT, b""),
    "null": frame(TEXT, b"null"),
    "no data": frame(TEXT, b'{"stream":"btcusdt@trade"}'),
    "no events": frame(TEXT, b'{"stream":"btcusdt@trade","data":[]}'),
    "a list of lists": frame(TEXT, b'{"stream":"btcusdt@trade","data":[[],{}]}'),
    "data that is a text": frame(TEXT, b'{"stream":"btcusdt@trade","data":"x"}'),
    "data that is null": frame(TEXT, b'{"stream":"btcusdt@trade","data":null}'),
    "a trade without an id": frame(TEXT, b'{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT"}}'),
    "an id that is a text": frame(TEXT, b'{"stream":"btcusdt@trade","data":{"e":"trade","t":"x"}}'),
    "a stream that is a number": frame(TEXT, b'{"stream":5,"data":{}}'),
    "raw": frame(TEXT, json.dumps(trade(7)["data"]).encode()),
    "of a stream that nobody wants": frame(TEXT, json.dumps(trade(7, "ETHUSDT")).encode()),
    "a notice of something": frame(TEXT, b'{"e":"somethingNew","E":1}'),
    "deep": frame(TEXT, b'{"stream":"btcusdt@trade","data":' + b"[" * 5000 + b"]" * 5000 + b"}"),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_between_events_is_counted_and_the_next_event_comes(what, caplog):
    """STREAMS 53, 54"""

    async def script(peer):
        peer.send(accept(await control(peer)), trade(1), GARBAGE[what], trade(2))

    @in_loop
    async def main():
        async with lied_to(script) as market:
            subscription = await market.subscribe("btcusdt@trade")
            numbers = []
            while len(numbers) < 2:
                try:
                    numbers.append((await next_of(subscription))["t"])
                except fastws.DecodeError:
                    continue  # in the place of an event that cannot be read
            assert numbers == [1, 2]
            stats = market.stats
            assert stats["losses"] == 0
            if what != "no events":
                assert stats["unreadable"] + stats["unknown_events"] or "unreadable-event" in codes(caplog)

    with caplog.at_level(logging.WARNING, "fastws"):
        main()


@pytest.mark.parametrize("payload", [b"\x00\x01\x02", SBE_TRADE], ids=["garbage", "SBE"])
def test_a_binary_message_in_a_json_session_ends_that_connection(payload):
    """STREAMS 24"""
    connections = []

    async def script(peer):
        connections.append(peer)
        if len(connections) > 1:
            await honest(peer)
        peer.send(accept(await control(peer)), trade(1), frame(BINARY, payload))

    @in_loop
    async def main():
        async with lied_to(script) as market:
            subscription = await market.subscribe("btcusdt@trade")
            assert (await next_of(subscription))["t"] == 1
            with pytest.raises(fastws.EventGap, match="a binary message on a connection that speaks JSON"):
                await next_of(subscription)
            await market.wait_open(5)
            connections[-1].send(trade(1000))
            while (await next_of(subscription))["t"] != 1000:
                pass

    main()


SBE_GARBAGE = {
    "text that is no JSON": frame(TEXT, b"hello"),
    "an event in JSON": frame(TEXT, json.dumps(trade(7)).encode()),
    "an unknown template": frame(BINARY, SBE_TRADE[:2] + b"\x99\x27" + SBE_TRADE[4:]),
    "another schema": frame(BINARY, SBE_TRADE[:4] + b"\x03\x00" + SBE_TRADE[6:]),
    "a short block": frame(BINARY, b"\x05\x00" + SBE_TRADE[2:]),
    "half a header": frame(BINARY, SBE_TRADE[:5]),
    "a header alone": frame(BINARY, SBE_TRADE[:8]),
    "cut in the group": frame(BINARY, SBE_TRADE[:40]),
    "without its symbol": frame(BINARY, SBE_TRADE[:-8]),
    "nothing": frame(BINARY, b""),
    "4 billion trades": frame(BINARY, SBE_TRADE[:28] + b"\xff\xff\xff\xff" + SBE_TRADE[32:]),
    "another symbol": frame(BINARY, SBE_TRADE[:-7] + b"ETHUSDT"),
}


@pytest.mark.parametrize("what", SBE_GARBAGE)
def test_garbage_in_sbe_is_counted_and_the_next_event_comes(what, caplog):
    """STREAMS 24, 72"""
    later = bytearray(SBE_TRADE)
    later[32:40] = (583).to_bytes(8, "little")

    async def script(peer):
        peer.send(
            accept(await control(peer)),
            frame(BINARY, SBE_TRADE),
            SBE_GARBAGE[what],
            frame(BINARY, bytes(later)),
        )

    @in_loop
    async def main():
        async with lied_to(script, sbe=True, api_key=KEY["api_key"]) as market:
            subscription = await market.subscribe("btcusdt@trade")
            numbers = []
            while len(numbers) < 2:
                try:
                    numbers.append((await next_of(subscription))["t"])
                except fastws.DecodeError:
                    continue
            assert numbers == [582, 583]
            assert market.stats["losses"] == 0

    with caplog.at_level(logging.WARNING, "fastws"):
        main()
    assert caplog.records
