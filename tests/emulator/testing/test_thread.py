"""The exchange in a thread, and as a fixture of pytest."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

import fastws
from fastws.emulator import EmulatorThread
from helpers.emulator.wire import Wire, limit_order, run, signed

pytest_plugins = ["pytester"]


def test_it_serves_a_client_of_another_event_loop():
    with EmulatorThread(seed=3) as exchange:
        key = exchange.add_account("Ed25519", name="trader")
        other = exchange.add_key(key.account, "HMAC")

        async def main():
            options = {"api_key": key.api_key, "private_key": key.private_key}
            async with fastws.connect(exchange.url, **options) as client:
                order = await client.order_place(
                    symbol="BTCUSDT",
                    side="BUY",
                    type="LIMIT",
                    timeInForce="GTC",
                    price="52000",
                    quantity="0.01",
                )
                assert len(exchange.connections) == 1
                assert exchange.journal[-1].order_id == order["orderId"]

        run(main)
        assert exchange.port == int(exchange.url.split(":")[2].split("/")[0])
        assert len(exchange.journal) == len(list(exchange.journal)) == 2
        (placed,) = exchange.journal.find(method="order.place")
        assert placed.executed
        assert exchange.call(lambda e: len(e.core.accounts)) >= 3
        exchange.revoke(other.api_key)
        exchange.script("drop_reply@time")
        exchange.faults.add("error", "ping", code=-1008)
        assert [fault.kind for fault in exchange.faults] == ["drop_reply", "error"]
    assert not [t for t in threading.enumerate() if t.name == "fastws emulator"]


def test_it_serves_a_client_that_blocks():
    with EmulatorThread() as exchange, connect(exchange.url) as client:
        client.send('{"id":1,"method":"ping"}')
        assert '"status":200' in client.recv()
        record = exchange.journal.wait_for(method="ping", reply_sent=True)
        assert record.connection == 1
        exchange.shutdown_notice()
        assert "serverShutdown" in client.recv()
        exchange.disconnect_all()


def test_it_can_be_reached_with_tls():
    with EmulatorThread(tls=True) as exchange:
        assert exchange.ca_pem.startswith(b"-----BEGIN")
        with connect(exchange.url, ssl=exchange.client_ssl_context()) as client:
            client.send('{"id":1,"method":"time"}')
            assert "serverTime" in client.recv()


def test_what_goes_wrong_is_raised_where_it_was_asked_for():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError):  # noqa: PT011
        EmulatorThread(port=taken.getsockname()[1]).start()
    with pytest.raises(TypeError, match="luck"):
        EmulatorThread(luck=1).start()
    exchange = EmulatorThread()
    with pytest.raises(RuntimeError, match="not running"):
        _ = exchange.url
    exchange.stop()
    with exchange:
        with pytest.raises(ValueError, match="unknown kind of fault"):
            exchange.faults.add("explode")
        with pytest.raises(TimeoutError, match=r"the call took longer than 0\.01 seconds"):
            exchange.call(lambda e: e.journal.wait_for(method="never"), timeout=0.01)
        with pytest.raises(AttributeError):
            _ = exchange.faults._waiting
    with pytest.raises(RuntimeError, match="not running"):
        exchange.call(lambda e: e.url)


PLAIN = """
import pytest
from websockets.sync.client import connect

@pytest.fixture
def fastws_options():
    return {"seed": 5, "engine_delay": 0.001}

def test_sync(fastws_exchange):
    assert fastws_exchange.call(lambda e: e.engine_delay) == 0.001
    with connect(fastws_exchange.url) as client:
        client.send('{"id":1,"method":"ping"}')
        assert '"status":200' in client.recv()

@pytest.mark.fastws_exchange(engine_delay=0.002, tls=True)
def test_marked(fastws_exchange):
    assert fastws_exchange.call(lambda e: e.engine_delay) == 0.002
    assert fastws_exchange.url.startswith("wss:")

def test_that_fails(fastws_exchange):
    with connect(fastws_exchange.url) as client:
        client.send('{"id":"the-culprit","method":"time"}')
        client.recv()
    assert False, "on purpose"

def test_that_fails_without_it():
    assert False, "on purpose"
"""
ASYNC = """
import asyncio
import fastws
from fastws.emulator import Emulator

async def ask(url):
    async with fastws.connect(url) as client:
        return await client.time()

def test_in_a_loop_of_its_own(fastws_exchange):
    assert "serverTime" in asyncio.run(ask(fastws_exchange.url))

async def test_in_the_tests_loop(fastws_exchange):
    assert "serverTime" in await ask(fastws_exchange.url)
    async with Emulator() as exchange:
        assert "serverTime" in await ask(exchange.url)
"""


def test_the_fixture_of_the_plugin(pytester):
    pytester.makepyfile(PLAIN)
    result = pytester.runpytest_subprocess("-p", "fastws.emulator.pytest_plugin", "--strict-markers")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*What happened at the exchange*", "*#1 time id=the-culprit executed 200*"])
    assert str(result.stdout).count("What happened at the exchange") == 1


@pytest.mark.parametrize("plugin", ["pytest_asyncio", "anyio"])
def test_the_fixture_in_tests_that_are_coroutines(pytester, plugin):
    pytest.importorskip(plugin, reason=f"{plugin} is not installed")
    pytester.makeconftest("pytest_plugins = ['fastws.emulator.pytest_plugin']")
    if plugin == "anyio":
        pytester.makepyfile("import pytest\npytestmark = pytest.mark.anyio\n" + ASYNC)
        pytester.makeini("[pytest]\n")
        arguments = ["-p", "anyio", "-k", "not trio"]
    else:
        pytester.makepyfile(ASYNC)
        arguments = ["-o", "asyncio_mode=auto"]
    result = pytester.runpytest_subprocess(*arguments)
    result.assert_outcomes(passed=2)


def test_a_wire_of_this_loop_and_an_exchange_of_another():
    from websockets.asyncio.client import connect as connect_async

    async def main(exchange, key):
        async with connect_async(exchange.url) as socket:
            client = Wire(socket)
            exchange.faults.add("hold", "order.place", seconds=0.05)
            sent = await client.send("order.place", signed(key, **limit_order()))
            record = await asyncio.to_thread(exchange.journal.wait_for, outcome="executed")
            assert record.fault == "hold"
            assert (await client.receive())["id"] == sent

    with EmulatorThread() as exchange:
        key = exchange.add_account("HMAC")
        run(lambda: main(exchange, key))


def test_bans_and_pings_from_another_thread():
    with EmulatorThread() as exchange:
        with connect(exchange.url) as client:
            exchange.answer_pings(False)
            unanswered = client.ping()
            client.send('{"id":1,"method":"ping"}')
            assert '"status":200' in client.recv()
            assert not unanswered.is_set()
            exchange.answer_pings()
            exchange.ban(60)
            with pytest.raises(ConnectionClosedError):
                client.recv()
        exchange.unban()
        with connect(exchange.url) as again:
            again.send('{"id":1,"method":"ping"}')
            assert '"status":200' in again.recv()


def test_connections_and_events_from_another_thread():
    with EmulatorThread() as exchange, connect(exchange.url) as one, connect(exchange.url) as two:
        first, second = exchange.connections
        assert (exchange.connections[-1], exchange.connections.pick("oldest")) == (second, first)
        assert exchange.connections[:1] == [first]
        assert len({first, second, exchange.connections[0]}) == 2
        assert (first.number, second.port, second.unanswered) == (1, exchange.port, ())
        second.event_delay = 0.5
        assert exchange.connections[1].event_delay == 0.5
        first.shutdown()
        assert "serverShutdown" in one.recv()
        assert exchange.events.wait_for(type="serverShutdown", connections=(1,)).seq == 1
        first.freeze()
        assert repr(first) == "<connection 1, frozen, 0 unanswered>"
        with pytest.raises(RuntimeError, match="frozen"):
            first.resume()
        with pytest.raises(ValueError, match="no open connection 9"):
            exchange.connections.pick(9)
        with pytest.raises(AttributeError):
            _ = first._connection_of_nobody
        first.abort()
        second.close(1012)
        with pytest.raises(ConnectionClosedError) as caught:
            two.recv()
        assert caught.value.rcvd.code == 1012


def test_market_data_streams_can_be_reached_and_disturbed_from_another_thread():
    with EmulatorThread(market="quiet", stream_ports=2) as exchange:
        assert exchange.stream_urls[0] == exchange.stream_url
        assert exchange.sbe_stream_urls == (exchange.sbe_stream_url,)
        assert len({*exchange.stream_ports, *exchange.sbe_stream_ports, *exchange.ports}) == 4
        exchange.stream_faults.add("drop_event", "depth")
        assert len(exchange.stream_faults) == 1
        assert len(exchange.stream_connections) == 0
