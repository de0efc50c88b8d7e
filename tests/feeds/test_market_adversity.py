"""Bad input for a session of market data: what the caller gives, and a server's replies and ends.

Each gets an error with a name; nothing hangs, and no other stream suffers. Messages that are none have their own file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest

import fastws
from helpers.feeding import next_of, nothing_left, session
from helpers.losing import until
from helpers.market_liar import accept, control, honest, lied_to, trade
from helpers.support import CLOSE, KEY, frame, in_loop


async def until_a_gap(subscription: Any) -> None:
    with contextlib.suppress(fastws.EventGap):
        while True:
            await next_of(subscription)


# --- what the caller gives


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("btcusdt@trades", 'did you mean "btcusdt@trade"'),
        ("btc usdt@trade", "its symbol has a space"),
        ("btcusdt@trade\n", "it has a space"),
        ("BTCUSDT@trade", "symbols are in lower case"),
        ("bötcusdt@trade\ud800", "there is no stream"),
        ("@trade", "a symbol is missing"),
        ("", "a name has a symbol and a stream"),
        (None, "expected a name such as"),
        (b"btcusdt@trade", "expected a name such as"),
        ("!ticker@arr", "retired"),
    ],
)
def test_a_wrong_name_is_refused_and_nothing_is_sent(name, said):
    """STREAMS 51, 60"""

    @in_loop
    async def main():
        async with lied_to(honest) as market:
            with pytest.raises(fastws.InvalidRequest, match=said):
                await market.subscribe("btcusdt@trade", name)
            assert market.streams == ()
            subscription = await market.subscribe("btcusdt@trade")
            assert (await next_of(subscription))["t"] == 1  # the first request was this one

    main()


def test_a_name_in_another_script_travels_as_it_is():
    """STREAMS 51"""

    async def script(peer):
        request = await control(peer)
        peer.send(accept(request), trade(len(request["params"][0]), "这是测试币456"))

    @in_loop
    async def main():
        async with lied_to(script) as market:
            subscription = await market.subscribe("这是测试币456@trade")
            assert (await next_of(subscription))["s"] == "这是测试币456"

    main()


@pytest.mark.parametrize("key_type", ["HMAC", "RSA"])
def test_a_signer_of_another_kind_is_refused_at_once(key_type):
    """STREAMS 18, 20"""
    from fastws.emulator import EmulatorThread

    with EmulatorThread() as exchange:
        key = exchange.add_account(key_type)
    secret = {"secret": key.secret} if key.secret else {"private_key": key.private_key}
    signer = fastws.load_signer(key.api_key, **secret)
    with pytest.raises(fastws.InvalidKey, match=f"{key_type} key, but .*Ed25519"):
        fastws.market_data("ws://127.0.0.1:1", sbe=True, signer=signer)


@pytest.mark.parametrize("key", [None, "", "two words", "line\r\nX: y", "schlüssel", 5, b"k" * 64])
def test_a_missing_or_impossible_key_is_refused_at_once(key):
    with pytest.raises(fastws.InvalidRequest) as caught:
        fastws.market_data("ws://127.0.0.1:1", sbe=True, api_key=key)
    assert "key" in str(caught.value)
    assert "X: y" not in str(caught.value)


def test_a_key_that_the_exchange_refuses_is_named_in_the_error_without_the_key():
    """STREAMS 19, 21"""

    async def refuse(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"x-mbx-apikey: " + KEY["api_key"].encode() in head.replace(b"X-MBX-APIKEY", b"x-mbx-apikey")
        body = b"Invalid API key"
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    @in_loop
    async def main():
        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        async with server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            market = session(url, sbe=True, api_key=KEY["api_key"])
            with pytest.raises(fastws.FastwsError, match="400") as caught:
                await market
            assert "takes the API key of an Ed25519 key only, as X-MBX-APIKEY" in str(caught.value)
            assert KEY["api_key"] not in f"{caught.value!r}{caught.value.__cause__!r}{market!r}"
            nothing_left(market)

    main()


# --- replies


@pytest.mark.parametrize("nested", [False, True], ids=["top level", "nested"])
@pytest.mark.parametrize("with_id", [False, True], ids=["without id", "with id"])
def test_a_refused_subscribe_is_an_error_in_either_shape(nested, with_id):
    """STREAMS 46, 47, 48"""

    async def script(peer):
        peer.send(accept(await control(peer)))
        refused = await control(peer)
        error = {"code": 2, "msg": "Invalid request: no such stream"}
        answer = {"error": error} if nested else error
        peer.send(answer | ({"id": refused["id"]} if with_id else {}), trade(1))
        await honest(peer)

    @in_loop
    async def main():
        async with lied_to(script) as market:
            first = await market.subscribe("btcusdt@trade")
            with pytest.raises(fastws.ApiError, match="no such stream") as caught:
                await market.subscribe("nosuch@trade")
            assert caught.value.code == 2
            assert market.streams == ("btcusdt@trade",)
            assert (await next_of(first))["t"] == 1
            await market.subscribe("ethusdt@trade")

    main()


def test_too_many_streams_is_the_exchanges_error():
    """STREAMS 30"""

    async def script(peer):
        peer.send({"code": 4, "msg": "Too many subscriptions", "id": (await control(peer))["id"]})
        await honest(peer)

    @in_loop
    async def main():
        async with lied_to(script) as market:
            with pytest.raises(fastws.ApiError, match="Too many subscriptions"):
                await market.subscribe("btcusdt@trade")
            subscription = await market.subscribe("btcusdt@trade")
            await next_of(subscription)

    main()


def test_the_1025th_stream_opens_another_connection_or_fails_alone():
    """STREAMS 30"""
    connections = []

    async def script(peer):
        connections.append(peer)
        if len(connections) == 1:
            await honest(peer)
        await peer.drop()  # the other connections never work

    @in_loop
    async def main():
        async with lied_to(script) as market:
            first = await market.subscribe(*(f"s{i}@trade" for i in range(1023)), "btcusdt@trade")
            with pytest.raises((fastws.FastwsError, TimeoutError)):
                await asyncio.wait_for(market.subscribe("ethusdt@trade"), 5)
            assert len(connections) > 1
            assert len(market.streams) == 1024
            assert first.active
            peer = connections[0]
            peer.send(trade(100))
            while (await next_of(first))["t"] != 100:
                pass

    main()


def test_an_event_that_comes_before_the_reply_is_not_lost():
    """STREAMS 52, 53"""

    async def script(peer):
        request = await control(peer)
        peer.send(trade(1), trade(2), accept(request), trade(3))

    @in_loop
    async def main():
        async with lied_to(script) as market:
            subscription = await market.subscribe("btcusdt@trade")
            assert [(await next_of(subscription))["t"] for _ in range(3)] == [1, 2, 3]

    main()


def test_no_reply_is_a_timeout_and_a_late_one_is_nobodys():
    async def script(peer):
        silent = await control(peer)
        later = await control(peer)  # the UNSUBSCRIBE of what was given up, or the next SUBSCRIBE
        peer.send(accept(silent))
        while True:
            peer.send(accept(later), trade(later["id"]))
            later = await control(peer)

    @in_loop
    async def main():
        async with lied_to(script, timeout=0.2) as market:
            with pytest.raises(fastws.RequestTimeout, match=r"no reply to SUBSCRIBE within 0\.2 s"):
                await market.subscribe("ethusdt@trade")
            assert market.state == "open"
            subscription = await market.subscribe("btcusdt@trade")
            await next_of(subscription)
            assert market.stats["losses"] == 0

    main()


@pytest.mark.parametrize(
    "strange",
    [
        {"result": None, "id": 77},
        {"result": None, "id": "btc"},
        {"result": ["x"]},
        {"id": 1},
        {"code": 2, "msg": "whose?"},
        {"error": {"code": "two", "msg": 5}, "id": 99},
        {"error": None, "id": None},
    ],
    ids=json.dumps,
)
def test_a_reply_that_answers_nothing_harms_nothing(strange, caplog):
    async def script(peer):
        peer.send(accept(await control(peer)), strange, trade(1))
        await honest(peer)

    @in_loop
    async def main():
        async with lied_to(script) as market:
            subscription = await market.subscribe("btcusdt@trade")
            assert (await next_of(subscription))["t"] == 1
            await market.subscribe("ethusdt@trade")
            assert market.stats["losses"] == 0

    main()


# --- ends


@pytest.mark.parametrize("end", ["close", "1008", "drop"])
def test_an_end_in_the_middle_of_a_subscribe_is_an_error_and_the_session_comes_back(end):
    """STREAMS 28"""
    connections = []

    async def script(peer):
        connections.append(peer)
        if len(connections) > 1:
            await honest(peer)
        peer.send(accept(await control(peer)), trade(1))
        await control(peer)
        if end == "drop":
            await peer.drop()
        else:
            code, why = (1008, b"Too many requests") if end == "1008" else (1001, b"bye")
            peer.send(frame(CLOSE, code.to_bytes(2, "big") + why))

    @in_loop
    async def main():
        async with lied_to(script) as market:
            first = await market.subscribe("btcusdt@trade")
            assert (await next_of(first))["t"] == 1
            with contextlib.suppress(fastws.ConnectionLost, fastws.NotConnected):
                # The next connection subscribes to it, or the caller hears of the loss.
                await asyncio.wait_for(market.subscribe("ethusdt@trade"), 5)
            await until_a_gap(first)
            await market.wait_open(5)
            connections[-1].send(trade(1000))
            while (await next_of(first))["t"] != 1000:
                pass
            assert market.stats["losses"] == 1

    main()


def test_ids_that_go_back_are_not_delivered_again():
    """STREAMS 92, 93, 94"""

    async def script(peer):
        peer.send(accept(await control(peer)), *(trade(number) for number in (5, 6, 4, 5, 6, 7)))

    @in_loop
    async def main():
        async with lied_to(script) as market:
            subscription = await market.subscribe("btcusdt@trade")
            assert [(await next_of(subscription))["t"] for _ in range(3)] == [5, 6, 7]
            await until(lambda: market.stats["duplicates"] == 3)

    main()
