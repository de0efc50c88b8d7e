"""fastws.cli.demo: the whole demonstration, as people run it: piped, on a terminal, interrupted, killed."""

import asyncio
import io
import os
import re
import signal
import socket
import sys
import time

import pytest

from fastws.cli import demo
from fastws.cli import exchange as exchange_module
from fastws.cli.exchange import ExchangeFailed, exchange_process
from fastws.cli.rounds import IN_FLIGHT, Rounds, in_flight, one_at_a_time
from fastws.cli.screen import Screen

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals of Unix")
ADDRESS = re.compile(r"ws://127\.0\.0\.1:(\d+)/ws-api/v3")


def wait_until_refused(port):
    """The exchange of a demonstration is gone with it."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError(f"the exchange at port {port} is still there")


def test_demo(start):
    process = start("demo", "--orders", 100)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "\x1b" not in out

    steps = re.findall(r"^ ?(\d+)  (\S+) +\d\S* .?s  ", out, re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, 15))
    assert {method for _, method in steps} == {
        "exchangeInfo",
        "account.status",
        "depth",
        "order.place",
        "order.status",
        "order.amend.keepPriority",
        "order.cancelReplace",
        "openOrders.status",
        "order.cancel",
        "openOrders.cancelAll",
    }
    assert "BadRequest -2010: Account has insufficient balance" in out

    orders = re.findall(r"^ +\d+  (BUY|SELL) +(\S+) +\S+ +(\S+) +(\S+) +(\S+)$", out, re.MULTILINE)
    assert orders == [
        ("BUY", "LIMIT", "0.01", "0", "CANCELED"),
        ("BUY", "MARKET", "0.01", "0.01", "FILLED"),
        ("SELL", "LIMIT", "0.01", "0", "CANCELED"),
        ("SELL", "LIMIT_MAKER", "0.01", "0", "CANCELED"),
    ]
    assert re.search(r"BTC +1 +1\.00999 +\+0\.00999 +0\n", out)

    assert re.search(r"requests +min +p50 +p90 +p99 +max\n", out)
    for name in ("place", "cancel", "place, 64 in flight", "cancel, 64 in flight"):
        assert re.search(rf"^  {name} +100( +[0-9.]+ .?s){{5}}$", out, re.MULTILINE)
    bars = re.findall(r"^ +(?:≥ \d\S*|\d\S* to \d\S*) .?s +(\d+) ?([█▏▎▍▌▋▊▉]*)$", out, re.MULTILINE)
    assert sum(int(count) for count, _ in bars) == 100

    wait_until_refused(int(ADDRESS.search(out).group(1)))


def on_terminal(start, *arguments, **environment):
    """What the demonstration writes to a terminal of 120 columns."""
    import pty

    near, far = pty.openpty()
    process = start(
        "demo",
        "--orders",
        100,
        "--pace",
        0.001,
        *arguments,
        stdin=far,
        stdout=far,
        stderr=far,
        env={"TERM": "xterm", "COLUMNS": "120", "LINES": "40", "NO_COLOR": "", **environment},
    )
    os.close(far)
    written = b""
    try:
        while True:
            try:
                more = os.read(near, 65536)
            except OSError:  # Linux's way to say that the other side has closed
                break
            if not more:
                break
            written += more
    finally:
        os.close(near)
    assert process.wait(timeout=20) == 0
    return written.decode()


@unix_only
def test_demo_on_a_terminal(start):
    written = on_terminal(start)
    assert "\x1b[1mOrders\x1b[0m" in written
    assert "\x1b[32mFILLED\x1b[0m" in written
    # The table of orders is redrawn as they change.
    assert written.count("order  side  type") > 10
    assert written.count("\x1b[J") > 10


@unix_only
@pytest.mark.parametrize("columns", [80, 60, 40])
def test_demo_on_a_narrow_terminal_breaks_no_line(start, columns):
    written = on_terminal(start, "--no-color", COLUMNS=str(columns), LINES="24")
    lines = [re.sub(r"\x1b\[[0-9]*[AJ]", "", line).rstrip("\r") for line in written.split("\n")]
    long = [line for line in lines if len(line) > columns]
    assert long == []
    assert re.search(r"order +side.* +status", written)
    assert re.search(r"p50 .*p99", written)
    throughput = lines[next(i for i, line in enumerate(lines) if line.endswith("requests/s  CPU each")) :][
        1:3
    ]
    assert all(re.fullmatch(r"  (one at a time|64 in flight) +[\d,]+ +\S+ \S?s", line) for line in throughput)
    assert "→ order 41 NEW" in written
    assert len(written[written.rindex("Round trips") :].split("\n")) <= 24 or columns < 80


@pytest.mark.parametrize("columns", [120, 80, 60, 40, 30, 16])
@pytest.mark.parametrize("name", ["one at a time", "64 in flight"])
def test_the_count_of_the_progress_is_whole_on_any_terminal(monkeypatch, name, columns):
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    show = demo._progress(Screen(terminal, color=False), name, 5000)
    for done in (0, 1234, 5000):
        show(Rounds(place=[1] * done, cancel=[1] * done))
        line = terminal.getvalue().splitlines()[-1].partition("\x1b[J")[2] or terminal.getvalue().strip("\n")
        assert len(line) < columns
        assert line.endswith(f"{2 * done:,} requests")
        assert line.startswith(name) or columns < 40
        assert ("█" in line) == (done > 0 and columns >= 40)


@unix_only
@pytest.mark.parametrize("way", ["--no-color", "NO_COLOR"])
def test_demo_without_colours(start, way):
    written = on_terminal(start, "--no-color") if way == "--no-color" else on_terminal(start, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*m", written)
    assert "FILLED" in written


def started(process):
    """The port of the demonstration's exchange, once the strategy is at work."""
    port = 0
    for line in process.stdout:
        found = ADDRESS.search(line)
        port = int(found.group(1)) if found else port
        if line.startswith(" 1  "):
            return port
    raise AssertionError(process.stderr.read())


@unix_only
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_to_both_processes(start, name, code):
    process = start("demo", "--orders", 100_000, "--seconds", 60, start_new_session=True)
    port = started(process)
    os.killpg(process.pid, getattr(signal, name))  # as a terminal does, or a supervisor
    _out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (code, "")
    wait_until_refused(port)


@unix_only
def test_the_exchange_ends_with_a_killed_parent(start):
    process = start("demo", "--orders", 100_000, "--seconds", 60)
    port = started(process)
    process.kill()
    wait_until_refused(port)


@pytest.mark.parametrize("arguments", [["--orders", "0"], ["--seconds", "x"], ["--loop", "trio"], ["extra"]])
def test_wrong_usage(command, arguments):
    outcome = command("demo", *arguments)
    assert (outcome.code, outcome.out) == (2, "")


def test_an_exchange_that_does_not_start(monkeypatch, command):
    async def main():
        async with exchange_process():
            raise AssertionError("it started")

    monkeypatch.setattr(exchange_module, "_MODULE", "fastws.no_such_module")
    with pytest.raises(ExchangeFailed, match=r"ended: .*no_such_module"):
        asyncio.run(main())
    monkeypatch.setattr(exchange_module, "_MODULE", "this")  # prints what is no address
    with pytest.raises(ExchangeFailed, match="The Zen"):
        asyncio.run(main())


class FakeClient:
    """Answers after one turn of the loop; counts what is in flight."""

    def __init__(self):
        self.most = self.now = self.orders = 0
        self.open = set()

    async def _reply(self, result):
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return result

    def order_place(self, **order):
        self.orders += 1
        self.open.add(self.orders)
        return self._reply({"orderId": self.orders})

    def order_cancel(self, symbol, orderId):
        self.open.remove(orderId)
        return self._reply({})


@pytest.mark.parametrize(
    ("measure", "orders", "most"), [(one_at_a_time, 50, 1), (in_flight, 500, IN_FLIGHT), (in_flight, 5, 5)]
)
def test_rounds(measure, orders, most):
    client = FakeClient()
    rounds = asyncio.run(measure(client, {"symbol": "BTCUSDT"}, orders, 60.0, lambda rounds: None))
    assert (client.orders, client.open, client.most) == (orders, set(), most)
    assert len(rounds.place) == len(rounds.cancel) == orders
    assert rounds.requests == 2 * orders
    assert rounds.per_second == pytest.approx(2 * orders * 1e9 / rounds.elapsed)
    assert min(rounds.place) > 0
    assert rounds.cpu >= 0


@pytest.mark.parametrize("measure", [one_at_a_time, in_flight])
def test_rounds_end_in_time(measure):
    shown = []
    client = FakeClient()
    rounds = asyncio.run(measure(client, {"symbol": "BTCUSDT"}, 10**9, 0.06, shown.append))
    assert shown
    assert client.open == set()
    assert 0.05e9 < rounds.elapsed < 5e9
    assert Rounds().per_second == 0
