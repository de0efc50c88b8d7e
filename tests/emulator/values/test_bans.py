"""Bans of addresses, the firewall, and limits per address."""

from __future__ import annotations

import json
import socket
import sys

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fastws.emulator import Emulator, Limits, ManualClock
from fastws.emulator.network.waf import looks_like_sql
from fastws.emulator.values.limits import MAX_BAN, AddressLimits
from helpers import support
from helpers.emulator.wire import Wire, limit_order, logged_on, run, wire

SECOND = 1_000_000
MIDNIGHT = 1_700_006_400 * SECOND
STINGY = Limits(request_weight=3, ban_after=2)


def banned_until(end_us, now_us, unit=1000):
    return {
        "code": -1003,
        "msg": f"Way too much request weight used; IP banned until {end_us // unit}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        "data": {"serverTime": now_us // unit, "retryAfter": end_us // unit},
    }


async def refused(url, **options):
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, **options):
            pass
    return caught.value.response


@pytest.mark.parametrize(("query", "unit"), [("", 1000), ("?timeUnit=MICROSECOND", 1)])
def test_who_does_not_back_off_is_banned_and_disconnected(query, unit):
    """SEMANTICS 92, 96, 104"""

    async def main():
        clock = ManualClock(MIDNIGHT)
        async with (
            Emulator(clock=clock, limits=STINGY) as exchange,
            wire(exchange) as bystander,
            wire(exchange, query) as client,
        ):
            statuses = [(await client.call("ping"))["status"] for _ in range(2)]
            assert statuses == [429, 429]
            reply = await client.call("ping")
            end = MIDNIGHT + 120 * SECOND
            assert reply["status"] == 418
            assert reply["error"] == banned_until(end, MIDNIGHT, unit)
            for one in (client, bystander):
                with pytest.raises(ConnectionClosed) as caught:
                    await one.receive()
                assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "IP banned")
            clock.advance(20)
            response = await refused(exchange.url)
            assert response.status_code == 418
            assert response.headers["Retry-After"] == "100"
            assert json.loads(response.body) == banned_until(end, MIDNIGHT + 20 * SECOND)
            clock.advance(100)
            async with wire(exchange) as again:
                assert (await again.call("ping"))["status"] == 200

    run(main)


def test_bans_grow_from_two_minutes_to_three_days():
    """SEMANTICS 92"""
    limits, now = AddressLimits(Limits()), MIDNIGHT
    lengths = []
    for _ in range(14):
        limits.ban(now)
        lengths.append((limits.banned_until - now) / SECOND)
        now = limits.banned_until
    assert lengths == [120.0 * 2**n for n in range(12)] + [MAX_BAN, MAX_BAN]
    now += round(MAX_BAN * SECOND) + 1
    limits.ban(now)
    assert limits.banned_until - now == 120 * SECOND, "three days without a ban: forgotten"


def test_backing_off_avoids_the_ban():
    """SEMANTICS 92"""

    async def main():
        clock = ManualClock(MIDNIGHT)
        async with Emulator(clock=clock, limits=STINGY) as exchange, wire(exchange) as client:
            clock.advance(60)
            for _ in range(5):
                statuses = [(await client.call("ping"))["status"] for _ in range(5)]
                assert statuses == [200, 200, 200, 429, 429]
                clock.advance(60)

    run(main)


def test_other_addresses_have_counters_of_their_own():
    """SEMANTICS 89, 104"""

    async def main():
        clock = ManualClock(MIDNIGHT)
        async with Emulator(clock=clock, limits=STINGY) as exchange, wire(exchange) as client:
            assert (await client.call("ping"))["status"] == 200
            async with connect(exchange.url, additional_headers={"X-Forwarded-For": "10.0.0.1"}) as raw:
                other = Wire(raw)
                reply = await other.call("ping")
                assert (reply["status"], reply["rateLimits"][0]["count"]) == (200, 3)
                exchange.ban(600)
                with pytest.raises(ConnectionClosed):
                    await client.receive()
                assert (await other.call("ping"))["status"] == 429
            assert (await refused(exchange.url)).status_code == 418
            exchange.unban()
            async with wire(exchange):
                assert len(exchange.connections) == 1

    run(main)


def test_too_many_connection_attempts_lead_to_a_ban_too():
    """SEMANTICS 9"""

    async def main():
        limits = Limits(connections=1, ban_after=1)
        async with Emulator(limits=limits, clock=ManualClock()) as exchange:
            async with wire(exchange):
                pass
            assert (await refused(exchange.url)).status_code == 429
            assert (await refused(exchange.url)).status_code == 418

    run(main)


def test_a_ban_can_be_switched_off():
    async def main():
        limits = Limits(request_weight=1, ban_after=0)
        async with Emulator(limits=limits, clock=ManualClock()) as exchange, wire(exchange) as client:
            assert {(await client.call("ping"))["status"] for _ in range(300)} == {429}

    run(main)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM orders",
        "x' OR 1=1",
        "1; drop table users",
        "union all select 1",
        "Insert  Into a",
        "delete from b",
        "UPDATE t SET x",
    ],
)
def test_what_looks_like_sql_is_blocked(text):
    """SEMANTICS 24"""
    assert looks_like_sql(json.dumps({"id": 1, "method": "ping", "params": {"x": text}}))

    async def main():
        async with Emulator() as exchange, logged_on(exchange) as client:
            reply = await client.call("order.place", limit_order(newClientOrderId=text))
            assert (reply["status"], reply["error"]["code"]) == (403, -1002)
            assert exchange.journal[-1].outcome == "rejected"
            assert (await client.call("ping"))["status"] == 200
            response = await refused(f"{exchange.url}?x={text.replace(' ', '%20')}")
            assert response.status_code == 403

    run(main)


@pytest.mark.parametrize(
    "text", ["order.place", "updateTime", "for 1 from", "selected", "a table", "select", "insert", "floor 1"]
)
def test_words_alone_are_no_sql(text):
    assert not looks_like_sql(text)


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.3 has to be set up")
@pytest.mark.parametrize("loop", support.LOOPS)
def test_each_address_has_its_own_limits_and_bans(loop):
    """SEMANTICS 89, 104"""

    async def main():
        async with (
            Emulator() as exchange,
            wire(exchange) as here,
            connect(exchange.url, local_addr=("127.0.0.3", 0)) as raw,
        ):
            there = Wire(raw)
            first, second = await here.call("ping"), await there.call("ping")
            assert first["rateLimits"][0]["count"] == second["rateLimits"][0]["count"] == 3
            exchange.ban(60)
            with pytest.raises(ConnectionClosed):
                await here.receive()
            assert (await there.call("ping"))["status"] == 200
            with pytest.raises(InvalidStatus, match="418"):
                await connect(exchange.url)
            exchange.ban(60, "127.0.0.3")
            with pytest.raises(ConnectionClosed):
                await there.receive()

    support.run(main(), loop=loop)


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_both_loopback_addresses_are_one():
    async def main():
        try:
            exchange = Emulator(hosts=("::1",))
            await exchange.start()
        except OSError as error:
            pytest.skip(f"this machine has no IPv6: {error}")
        async with connect(exchange.urls[0]) as one, connect(exchange.urls[1]) as two:
            await Wire(one).call("ping")
            assert (await Wire(two).call("ping"))["rateLimits"][0]["count"] == 6
        await exchange.stop()

    run(main)
