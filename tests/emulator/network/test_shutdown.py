"""serverShutdown, with and without a lead: of one connection, of all, of each new one."""

from __future__ import annotations

import asyncio
import time

import pytest
from websockets.exceptions import ConnectionClosed

from fastws.emulator import Emulator
from helpers.emulator.wire import run, wire

NOTICE = "serverShutdown"


async def notice(client):
    event = (await client.receive())["event"]
    assert event["e"] == NOTICE
    return event


async def code_of_the_end(client):
    with pytest.raises(ConnectionClosed) as caught:
        await client.receive()
    return caught.value.rcvd.code


async def alone(client):
    """That the connection goes on, and nothing was announced on it."""
    assert (await client.call("ping"))["status"] == 200
    assert client.events == []


WAYS = {
    "method": lambda exchange, seconds: exchange.connections.pick("oldest").shutdown(seconds),
    "action": lambda exchange, seconds: exchange.script(
        "shutdown connection=oldest" + ("" if seconds is None else f" seconds={seconds}")
    ),
    "fault": lambda exchange, seconds: exchange.faults.add(
        "shutdown", "time", connection="oldest", only=True, seconds=seconds
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("lead", [None, 0, 0.05])
def test_one_connection(way, lead):
    """Without a lead, the notice alone; with 0, the end at once behind it; else the end after the lead."""

    async def main():
        async with Emulator() as exchange, wire(exchange) as one, wire(exchange) as other:
            WAYS[way](exchange, lead)
            if way == "fault":
                await one.result("time")
            await notice(one)
            began = time.monotonic()
            if lead is None:
                assert (await one.call("ping"))["status"] == 200
            else:
                if lead:
                    assert (await one.call("ping"))["status"] == 200, "it serves until its end"
                assert await code_of_the_end(one) == 1001
                assert time.monotonic() - began >= lead - 0.02
            await alone(other)

    run(main)


def test_the_fault_of_one_request_can_announce_it_to_all():
    async def main():
        async with Emulator() as exchange, wire(exchange) as one, wire(exchange) as other:
            exchange.faults.add_text("shutdown@time")
            await one.result("time")
            await notice(one)
            await notice(other)

    run(main)


@pytest.mark.parametrize("query", ["", "?timeUnit=MICROSECOND"])
def test_each_new_connection_begins_with_a_notice(query):
    async def main():
        async with Emulator() as exchange, wire(exchange) as before:
            exchange.script("shutdown_new times=0")
            for number in (2, 3, 4):
                async with wire(exchange, query) as client:
                    event = await notice(client)
                    assert exchange.events[-1].connections == (number,)
                    assert (event["E"] > 10**14) is (query != "")
                    assert (await client.call("ping"))["status"] == 200
            exchange.faults.clear()
            async with wire(exchange) as client:
                await alone(client)
            await alone(before)

    run(main)


def test_a_new_connection_gets_the_notice_after_a_while_and_ends():
    async def main():
        async with Emulator() as exchange:
            exchange.script("shutdown_new delay=0.03 seconds=0.02")
            async with wire(exchange) as client:
                await alone(client)
                await notice(client)
                assert await code_of_the_end(client) == 1001
            async with wire(exchange) as client:
                await alone(client)
            assert len(exchange.events) == 1

    run(main)


def test_the_notice_can_be_for_the_connection_of_a_number():
    async def main():
        async with Emulator() as exchange:
            exchange.script("shutdown_new connection=2")
            async with wire(exchange) as one, wire(exchange) as two:
                await notice(two)
                await alone(one)

    run(main)


def test_a_connection_that_ended_before_its_notice_gets_none():
    async def main():
        async with Emulator() as exchange:
            exchange.script("shutdown_new delay=0.01 seconds=0")
            async with wire(exchange):
                pass
            record = await asyncio.wait_for(exchange.events.wait_for(type=NOTICE), 5)
            assert record.connections == ()

    run(main)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("shutdown@time only=1", "only is true or false, not 1"),
        ("shutdown_new seconds=-1", "seconds is a number of seconds, 0 or more, not -1"),
        ("shutdown_new delay=x", "delay is a number of seconds, 0 or more, not 'x'"),
        ("shutdown_new@time", "acts on handshakes and takes no method"),
    ],
)
def test_odd_values(line, text):
    async def main():
        async with Emulator() as exchange:
            with pytest.raises(ValueError, match=text):
                exchange.script(line)

    run(main)
