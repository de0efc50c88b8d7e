"""The exchange in a process of its own: what travels, how it ends, and what is said when it does not start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

import fastws
from fastws.emulator import Credentials, EmulatorProcess, Limits, ManualClock, spot_symbol
from helpers.emulator.wire import run

TESTS = Path(__file__).parents[2]
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}


def accounts(exchange):
    return len(exchange.core.accounts)


def end_at_once(exchange):
    os._exit(7)


def blocked(exchange, seconds):
    time.sleep(seconds)


async def answered(exchange, text):
    await asyncio.sleep(0)
    return text


def socket_of(exchange):
    return threading.Lock()


def say(exchange):
    print("printed in the exchange's process")


class Strange(Exception):
    """An exception that can be pickled, but not loaded."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def strange(exchange):
    raise Strange("this", "that")


def alive(pid: int) -> bool:
    """Whether a process runs. One that has ended, but has no parent that waits for it, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_for_the_end(pid: int, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="module")
def exchange():
    with EmulatorProcess(seed=3) as exchange:
        yield exchange


def test_it_serves_orders_and_shows_what_happened(exchange):
    key = exchange.add_account("Ed25519", name="trader")
    assert isinstance(key, Credentials)
    assert key.account.name == "trader"
    assert exchange.add_key(key.account, "HMAC").account == key.account
    before = len(exchange.connections)

    async def main():
        options = {"api_key": key.api_key, "private_key": key.private_key}
        async with fastws.connect(exchange.url, **options) as client:
            order = await client.order_place(**ORDER, price="52000")
            record = await asyncio.to_thread(exchange.journal.wait_for, order_id=order["orderId"])
            assert record.executed
            assert len(exchange.connections) == before + 1
            assert exchange.connections[-1].open
            assert exchange.journal[-1].order_id == order["orderId"]
            (placed,) = exchange.journal.find(method="order.place")
            assert placed.account == "trader"

    run(main)
    assert exchange.pid != os.getpid()
    assert exchange.port == exchange.ports[0] == int(exchange.url.split(":")[2].split("/")[0])
    assert exchange.urls == (exchange.url,)
    assert exchange.call(accounts) >= 3


def test_it_serves_market_data_streams(exchange):
    for url, ports in (
        (exchange.stream_url, exchange.stream_ports),
        (exchange.sbe_stream_url, exchange.sbe_stream_ports),
    ):
        assert url.endswith(f":{ports[0]}")
    with connect(exchange.stream_url + "/ws") as client:
        client.send('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}')
        assert client.recv() == '{"result":null,"id":1}'
        assert len(exchange.stream_connections) == 1


def test_faults_connections_and_calls_travel(exchange):
    fault = exchange.faults.add("error", "ping", code=-1008)
    assert (fault.kind, fault.hits, fault.times) == ("error", 0, 1)
    exchange.script("drop_reply@time")
    assert [each.kind for each in exchange.faults] == ["error", "drop_reply"]
    assert next(iter(exchange.faults)) == fault
    with connect(exchange.url) as client:
        client.send('{"id":1,"method":"ping"}')
        assert "-1008" in client.recv()
        assert (fault.hits, fault.times) == (1, 0)
        connection = exchange.connections.pick("newest")
        assert connection in exchange.connections
        assert len({connection, exchange.connections[-1]}) == 1
        assert exchange.connections[-1:] == [connection]
        connection.event_delay = 0.5
        assert connection.event_delay == 0.5
        connection.freeze()
        assert repr(connection) == f"<connection {connection.number}, frozen, 0 unanswered>"
        with pytest.raises(RuntimeError, match="frozen"):
            connection.resume()
        connection.abort()
        assert not connection.open
    exchange.faults.clear()
    assert exchange.call(answered, "yes") == "yes"


def test_what_goes_wrong_there_is_raised_here(exchange):
    with pytest.raises(ValueError, match="unknown kind of fault") as caught:
        exchange.faults.add("explode")
    assert "fault_kinds" in str(caught.value.__cause__) or "faults.py" in str(caught.value.__cause__)
    with pytest.raises(ValueError, match="no open connection 999"):
        exchange.connections.pick(999)
    with pytest.raises(TypeError, match=r"cannot be sent to another process: .*lambda"):
        exchange.call(lambda e: e.url)
    with pytest.raises(TypeError, match=r"the result cannot be sent to another process: .*lock"):
        exchange.call(socket_of)
    with pytest.raises(TimeoutError, match=r"the call took longer than 0\.01 seconds"):
        exchange.call(blocked, 1.5, timeout=0.01)
    with pytest.raises(RuntimeError, match="Strange: this and that"):
        exchange.call(strange)
    with pytest.raises(AttributeError):
        _ = exchange.faults._waiting
    assert exchange.call(answered, "still alive") == "still alive"


def test_objects_of_another_exchange_are_refused(exchange):
    with EmulatorProcess() as other:
        account = other.add_account().account
        with pytest.raises(TypeError, match="an object of another exchange"):
            exchange.add_key(account)


def test_what_is_printed_there_appears_in_standard_error(exchange, capsys):
    exchange.call(say)
    deadline = time.monotonic() + 10
    text = ""
    while "printed" not in text and time.monotonic() < deadline:
        time.sleep(0.01)
        text += capsys.readouterr().err
    assert text == "printed in the exchange's process\n"


def test_arguments_travel():
    symbol = spot_symbol(
        "ABCUSDT",
        base="ABC",
        quote="USDT",
        reference_price="2",
        tick_size="0.01",
        step_size="1",
        min_notional="1",
    )
    options = {"symbols": [symbol], "clock": ManualClock(), "limits": Limits(raw_requests=70)}
    with EmulatorProcess(tls=True, ports=2, **options) as exchange:
        assert exchange.ca_pem.startswith(b"-----BEGIN")
        assert len(exchange.ports) == 2
        with connect(exchange.urls[1], ssl=exchange.client_ssl_context()) as client:
            client.send('{"id":1,"method":"exchangeInfo"}')
            assert '"symbol":"ABCUSDT"' in client.recv()


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"luck": 1}, TypeError, "luck"),
        ({"ping_interval": -1}, ValueError, "ping_interval"),
        ({"log": lambda line: None}, TypeError, "log cannot be sent to another process"),
        ({"host": "203.0.113.1"}, OSError, r"203\.0\.113\.1"),
    ],
)
def test_errors_of_the_start_come_with_their_text(options, error, text):
    exchange = EmulatorProcess(**options)
    with pytest.raises(error, match=text):
        exchange.start()
    with pytest.raises(RuntimeError, match="the exchange is not running"):
        _ = exchange.url
    exchange.stop()


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        EmulatorProcess(port=taken.getsockname()[1]).start()


def test_a_process_that_cannot_begin(monkeypatch):
    monkeypatch.setattr("fastws.emulator.testing.process._CODE", "raise SystemExit('no luck')")
    with pytest.raises(RuntimeError, match=r"has ended with code 1:\nno luck"):
        EmulatorProcess().start()


def test_a_process_that_does_not_begin(monkeypatch):
    monkeypatch.setattr("fastws.emulator.testing.process._CODE", "import time; time.sleep(60)")
    monkeypatch.setattr("fastws.emulator.testing.process._START_TIMEOUT", 0.2)
    monkeypatch.setattr("fastws.emulator.testing.process._STOP_TIMEOUT", 0.2)
    with pytest.raises(TimeoutError, match=r"did not start within 0\.2 seconds"):
        EmulatorProcess().start()


@pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")
def test_it_ends_and_starts_again():
    exchange = EmulatorProcess()
    exchange.stop()
    before = threading.active_count()
    for _ in range(2):
        exchange.start()
        pid = exchange.pid
        with pytest.raises(RuntimeError, match="running already"):
            exchange.start()
        exchange.stop()
        assert not alive(pid)
    assert threading.active_count() == before


def test_calls_after_its_death_say_so():
    with EmulatorProcess() as exchange:
        with pytest.raises(RuntimeError, match="the exchange's process has ended with code 7"):
            exchange.call(end_at_once)
        with pytest.raises(RuntimeError, match="the exchange's process has ended with code 7"):
            _ = exchange.url


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGSTOP")
def test_a_process_that_does_nothing_any_more_is_ended(monkeypatch):
    monkeypatch.setattr("fastws.emulator.testing.process._STOP_TIMEOUT", 0.2)
    with EmulatorProcess() as exchange:
        pid = exchange.pid
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError, match=r"longer than 0\.01 seconds"):
            exchange.call(accounts, timeout=0.01)
    assert not alive(pid)


def test_it_starts_and_ends_without_blocking_the_event_loop():
    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async with EmulatorProcess() as exchange:
            assert ticks > 3
            async with fastws.connect(exchange.url) as client:
                assert (await client.time())["serverTime"]
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking

    run(main)


@pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")
def test_a_canceled_start_leaves_no_process(monkeypatch):
    async def main():
        exchange = EmulatorProcess()
        starting = asyncio.create_task(exchange.__aenter__())
        while exchange._running is None:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        pid = exchange.pid
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert not alive(pid)

    run(main)


PARENT = """
import os, sys, time
from fastws.emulator import EmulatorProcess

def main():
    exchange = EmulatorProcess()
    exchange.start()
    forked = os.fork() if "fork" in sys.argv else 0
    if "fork" in sys.argv and not forked:
        time.sleep(60)
    print(exchange.pid, forked, exchange.url, flush=True)
    if "end" in sys.argv:
        return
    if "raise" in sys.argv:
        raise SystemExit(3)
    time.sleep(60)

main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads processes from /proc")
@pytest.mark.parametrize("how", ["end", "raise", "SIGKILL", "SIGTERM", "SIGINT", "SIGKILL fork"])
def test_it_ends_when_its_parent_does(how):
    command = [sys.executable, "-c", textwrap.dedent(PARENT), *how.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        pid, forked, url = parent.stdout.readline().split()
        try:
            if how.startswith("SIG"):
                assert alive(int(pid))
                parent.send_signal(getattr(signal, how.split()[0]))
            # A fork of the parent keeps its pipes open.
            assert wait_for_the_end(int(pid)), f"the exchange at {url} outlives its parent"
            assert not int(forked) or alive(int(forked))
        finally:
            if int(forked):
                os.kill(int(forked), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # a fork of a process with threads
def test_a_fork_of_the_parent_cannot_call_it(exchange):
    pid = os.fork()
    if not pid:
        with contextlib.suppress(RuntimeError):
            _ = exchange.url
            os._exit(1)
        exchange.stop()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert exchange.url
