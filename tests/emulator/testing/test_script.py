"""Faults and actions as lines of text."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from fastws.emulator import Emulator
from fastws.emulator.testing.script import ACTIONS, ScriptError
from helpers.emulator.wire import run, signed, wire


def test_a_script_of_faults_and_actions():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            exchange.script(f"""
                # a comment
                error@time code=-1008 times=2   # another
                set engine_delay=[0.1,0.2] query_lag=0.5
                revoke key={key.api_key}

                at 0.02 drop_reply
                at 0.03 shutdown
                at 0.04 disconnect code=1012 reason='for a restart'
            """)
            assert (exchange.engine_delay, exchange.query_lag) == ((0.1, 0.2), 0.5)
            assert (await client.error("time"))[1] == -1008
            assert (await client.error("account.status", signed(key)))[1] == -2015
            assert (await client.receive())["event"]["e"] == "serverShutdown"
            with pytest.raises(ConnectionClosed) as caught:
                await client.receive()
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1012, "for a restart")
            assert [fault.kind for fault in exchange.faults] == ["error", "drop_reply"]
            exchange.script("clear")
            assert not exchange.faults

    run(main)


def test_bans_and_pings():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.script("pings answered=false")
            pong = await client.socket.ping()
            assert (await client.call("ping"))["status"] == 200
            assert not pong.done()
            exchange.script("ban seconds=60")
            with pytest.raises(ConnectionClosed):
                await client.receive()
            exchange.script("pings\nunban")
            async with wire(exchange) as again:
                await (await again.socket.ping())

    run(main)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "drop_reply\nexplode",
            "line 2: 'explode' is neither a fault nor an action; known are drop_reply, .*, ban, ",
        ),
        ("at soon shutdown", "line 1: at needs a number of seconds"),
        ("at 5", "at needs a number of seconds, then a fault or an action"),
        ("shutdown minutes=1", "the action takes no minutes"),
        ("set luck=1", "the action takes no luck"),
        ("set query_lag=-1", "a delay is a number"),
        ("revoke", "key is missing"),
        ("revoke key=x", "unknown API key"),
        ("clear now", "'now' is not of the form"),
        ("delay minutes=1", "takes no minutes"),
        ("error@'time", "No closing quotation"),
    ],
)
def test_lines_that_are_none(text, message):
    async def main():
        async with Emulator() as exchange:
            with pytest.raises(ValueError, match=message):
                exchange.script(text)
            if "\n" in text:
                assert not exchange.faults, "all of it, or nothing"

    run(main)


def test_every_action_says_what_it_does():
    assert all(summary for summary, _ in ACTIONS.values())


def test_lines_for_market_data_streams():
    """Faults go to the service that they are for; actions reach its connections."""

    async def main():
        async with Emulator(market="quiet") as exchange:
            exchange.script(
                """
                drop_event@depth
                drop_event@btcusdt@depth@100ms times=2
                delay@SUBSCRIBE seconds=0.1
                join_event
                refuse service=streams status=503
                drop_event@executionReport
                block_trade symbol=BTCUSDT price=52000 quantity=2
                """
            )
            assert [fault.kind for fault in exchange.faults] == ["drop_event"]
            assert sorted(fault.kind for fault in exchange.stream_faults) == [
                "delay",
                "drop_event",
                "drop_event",
                "join_event",
                "refuse",
            ]
            assert exchange.core.engine.books["BTCUSDT"].trades.blocks[-1].quantity == 2 * 10**8
            exchange.script("clear")
            assert not exchange.stream_faults
            async with connect(exchange.stream_url + "/ws", proxy=None) as streams:
                await streams.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
                await streams.recv()
                async with wire(exchange) as api:
                    await api.call("ping")
                    exchange.script("disconnect service=api code=1012")
                    await api.socket.wait_closed()
                    assert api.socket.close_code == 1012
                exchange.script("shutdown service=streams seconds=0")
                assert "serverShutdown" in await streams.recv()
                await streams.wait_closed()
                assert streams.close_code == 1001

    run(main)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("abort service=sbe", "service is api or streams, not 'sbe'"),
        ("drop_event@dpeth service=streams", "did you mean 'depth'"),
        ("abort connection=newest service=streams", "there is no open connection"),
        ("block_trade symbol=BTCUSDT price=0 quantity=1", "price is a decimal above 0"),
    ],
)
def test_wrong_lines_for_market_data_streams(line, text):
    async def main():
        async with Emulator(market="quiet") as exchange:
            with pytest.raises(ScriptError, match=text):
                exchange.script(line)

    run(main)
