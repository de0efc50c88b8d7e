"""Faults that act on one connection of several: by its number, the oldest, or the newest."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fastws.emulator import Emulator
from fastws.emulator.values.faults import KINDS, Faults
from helpers import support
from helpers.emulator.events import BALANCE, emit, subscribe
from helpers.emulator.wire import limit_order, run, signed, wire


@pytest.mark.parametrize(("which", "met"), [(2, [2]), ("oldest", [1]), ("newest", [3]), (9, []), (None, [1])])
def test_a_fault_of_requests(which, met):
    async def main():
        async with Emulator() as exchange, wire(exchange) as a, wire(exchange) as b, wire(exchange) as c:
            fault = exchange.faults.add("error", "ping", code=-1008, connection=which)
            failed = [
                number
                for number, client in enumerate((a, b, c), 1)
                if (await client.call("ping"))["status"] != 200
            ]
            assert failed == met
            assert fault.hits == len(met)
            assert len(exchange.faults) == (0 if met else 1)

    run(main)


def test_the_newest_and_the_oldest_are_those_of_the_moment():
    async def main():
        async with Emulator() as exchange, wire(exchange) as first:
            exchange.faults.add_text("error@ping code=-1008 connection=newest times=0")
            exchange.faults.add_text("error@time code=-1008 connection=oldest times=0")
            assert (await first.error("ping"))[1] == -1008
            async with wire(exchange) as second:
                assert (await first.call("ping"))["status"] == 200
                assert (await second.error("ping"))[1] == -1008
                assert (await second.call("time"))["status"] == 200
                exchange.connections[0].close()
                assert (await second.error("time"))[1] == -1008, "the first one is closing"
                assert (await second.error("ping"))[1] == -1008

    run(main)


@pytest.mark.parametrize(("which", "met"), [(2, 2), ("oldest", 1), ("newest", 3)])
@pytest.mark.parametrize("kind", ["drop_event", "duplicate_event", "delay_event"])
def test_a_fault_of_events(kind, which, met):
    async def main():
        async with Emulator() as exchange, wire(exchange) as a, wire(exchange) as b, wire(exchange) as c:
            key = exchange.add_account("HMAC")
            for client in (a, b, c):
                await subscribe(client, key)
            fault = exchange.faults.add(kind, "balanceUpdate", connection=which)
            emit(exchange, key, BALANCE)
            record = exchange.events[-1]
            usual = [number for number in (1, 2, 3) if number != met]
            if kind == "drop_event":
                await exchange.events.wait_for(connections=tuple(usual))
            elif kind == "delay_event":
                await exchange.events.wait_for(connections=(*usual, met))
            else:
                await exchange.events.wait_for(connections=tuple(sorted((*usual, met, met))))
            assert fault.hits == 1
            emit(exchange, key, BALANCE)
            await exchange.events.wait_for(seq=record.seq + 1, connections=(1, 2, 3))

    run(main)


def test_faults_of_several_connections_act_on_one_event():
    async def main():
        async with Emulator() as exchange, wire(exchange) as a, wire(exchange) as b, wire(exchange) as c:
            key = exchange.add_account("HMAC")
            for client in (a, b, c):
                await subscribe(client, key)
            first = exchange.faults.add("drop_event", connection=1, times=2)
            second = exchange.faults.add("duplicate_event", connection="newest", after=1)
            every = exchange.faults.add("drop_event", times=1, after=1)
            emit(exchange, key, BALANCE, BALANCE, BALANCE)
            await exchange.events.wait_for(seq=3, connections=(2, 3, 1))
            assert [record.connections for record in exchange.events] == [(2, 3), (3, 3), (2, 3, 1)]
            assert (first.hits, second.hits, every.hits) == (2, 1, 1)
            assert not exchange.faults

    run(main)


def test_a_fault_of_the_end_of_a_subscription():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            await subscribe(client, key)
            fault = exchange.faults.add("drop_event", "eventStreamTerminated")
            await client.result("userDataStream.unsubscribe")
            await subscribe(client, key)
            emit(exchange, key, BALANCE)
            assert (await client.receive())["event"]["e"] == "balanceUpdate"
            assert fault.hits == 1
            assert exchange.events.find(type="eventStreamTerminated")[0].connections == ()

    run(main)


@pytest.mark.parametrize("which", [2, "newest"])
def test_a_fault_of_handshakes(which):
    async def main():
        async with Emulator() as exchange:
            fault = exchange.faults.add("refuse", connection=which)
            oldest = exchange.faults.add("refuse", status=500, connection="oldest", after=1)
            if which == "newest":
                with pytest.raises(InvalidStatus, match="503"):
                    await connect(exchange.url)
            async with wire(exchange):
                if which == 2:
                    assert fault.hits == 0
                    with pytest.raises(InvalidStatus, match="503"):
                        await connect(exchange.url)
                assert fault.hits == 1
                async with wire(exchange):
                    assert [c.number for c in exchange.connections] == [1, 2], "a refused one has no number"
                assert oldest.hits == 0
            assert len(exchange.connections) == 0
            if which == 2:
                with pytest.raises(InvalidStatus, match="500"):
                    await connect(exchange.url)

    run(main)


def test_each_kind_takes_a_connection():
    faults = Faults()
    for kind in KINDS:
        for which in (1, "oldest", "newest"):
            assert faults.add(kind, connection=which).connection == which
            assert faults.add_text(f"{kind} connection={which}").connection == which


def test_a_connection_freezes_at_a_request():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client, wire(exchange) as other:
            key = exchange.add_account("HMAC")
            exchange.faults.add("freeze", "order.place", connection=1)
            await other.result("order.place", signed(key, **limit_order()))
            await client.send("order.place", signed(key, **limit_order()))
            record = await exchange.journal.wait_for(connection=1, outcome="executed")
            assert not record.reply_sent
            assert repr(exchange.connections[0]) == "<connection 1, frozen, 1 unanswered>"
            exchange.connections[0].abort()
            with pytest.raises(ConnectionClosed):
                await client.receive()
            exchange.faults.add("freeze", "order.place", executed=False)
            await other.send("order.place", signed(key, **limit_order(quantity="0.02")))
            record = await exchange.journal.wait_for(connection=2, fault="freeze")
            assert record.outcome == "rejected"
            exchange.connections[0].abort()

    run(main)


def test_a_connection_stalls_after_a_reply():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.script("stall@ping")
            assert (await client.call("ping"))["status"] == 200
            assert repr(exchange.connections[0]) == "<connection 1, stalled, 0 unanswered>"
            sent = await client.send("time")
            async with wire(exchange) as other:
                assert (await other.call("ping"))["status"] == 200
            assert len(exchange.journal) == 2
            exchange.connections[0].resume()
            assert (await client.receive())["id"] == sent

    run(main)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drop_reply connection=0", 'connection is a number from 1, "oldest" or "newest", not 0'),
        ("drop_reply connection=eldest", "not 'eldest'"),
        ("drop_reply connection=true", "not True"),
        ("drop_event connection=-1", "not -1"),
        ("refuse connection=1.5", r"not 1\.5"),
        ("drop_reply times=-1", "times is an integer, 0 or more, not -1"),
        ("drop_reply after=x", "after is an integer, 0 or more, not 'x'"),
        ("drop_reply chance=2", "chance is a probability from 0 to 1, not 2"),
        ("delay seconds=-1", "seconds is a number of seconds, 0 or more, not -1"),
        ("delay_event seconds=NaN", "seconds is a number of seconds, 0 or more, not nan"),
        ("shutdown@ seconds=-0.1", r"not -0\.1"),
        ("hold seconds=null", "not None"),
        ("ban seconds=x", "not 'x'"),
        ("refuse retry_after=-1", "retry_after is a number of seconds, 0 or more, not -1"),
        ("refuse status=200", "status of a refused handshake is an HTTP status from 400 on, not 200"),
        ("refuse status=999", "not 999"),
        ("error status=x", "status is an integer, 100 or more, not 'x'"),
        ("unknown executed=1", "executed is true or false, not 1"),
        ("split size=0", "size is an integer, 1 or more, not 0"),
        ("split at=[1,-1]", "at is an integer, 0 or more, not -1"),
        ("reorder replies=0", "replies is an integer, 1 or more, not 0"),
        ("cut_reply byte=-1", "byte is an integer, 0 or more, not -1"),
        ("raw frame=x", "frame is text, binary or wire, not 'x'"),
        ("split at=x", "at is a byte, or a list of bytes, not 'x'"),
        ("split at=null", "not None"),
        ("error code=x", "code is an integer, not 'x'"),
        ("error code=null", "code is an integer, not None"),
        ("error msg=5", "msg is a text, not 5"),
        ("close code=99", "a close code is a number from 1000 to 4999"),
    ],
)
def test_values_out_of_range(text, message):
    faults = Faults()
    with pytest.raises(ValueError, match=message):
        faults.add_text(text)
    assert not faults


def test_data_that_was_written_as_json_is_sent_as_its_text():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.faults.add_text("""raw data='{"id": 1, "status": 200}'""")
            await client.send("ping")
            assert await client.receive() == {"id": 1, "status": 200}

    run(main)


@pytest.mark.parametrize("end", [lambda c: c.close(), lambda c: c.abort()], ids=["closing", "aborted"])
@pytest.mark.parametrize("kind", ["freeze", "stall", "close", "cut_after", "shutdown"])
@pytest.mark.parametrize("loop", support.LOOPS)
def test_a_fault_of_a_connection_that_ends_meanwhile(loop, kind, end, caplog):
    async def main():
        async with Emulator(gateway_delay=0.01) as exchange, wire(exchange) as client:
            exchange.faults.add(kind, "ping")
            await client.send("ping")
            while not exchange.journal:  # noqa: ASYNC110
                await asyncio.sleep(0)
            end(exchange.connections[0])
            await exchange.journal.wait_for(fault=kind, outcome="executed")
            with pytest.raises(ConnectionClosed):
                await client.receive()
        assert not exchange.faults

    support.run(main(), loop=loop)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
