"""fastws.cli.watch and top: what they print of the emulator, how they end, what they refuse."""

import os
import re
import signal
import sys

import pytest

from fastws.cli import display
from fastws.cli.top import streams_of

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals of Unix")
EMULATOR = ("--endpoint", "emulator")


@pytest.mark.parametrize("more", [[], ["--sbe", "--connections", "2"]])
def test_watch_prints_a_line_a_second_in_a_pipe(start, more):
    process = start("watch", "BTCUSDT", *EMULATOR, "--for", "3", *more)
    out, err = process.communicate(timeout=40)
    assert (process.returncode, err) == (0, "")
    assert "\x1b" not in out
    last = out.splitlines()[-1]
    found = re.search(r"BTCUSDT  live  bid ([\d.]+) \(\S+\)  ask ([\d.]+) .* ([\d.]+) changes/s", last)
    assert found, last
    assert float(found[1]) < float(found[2])
    assert float(found[3]) > 0
    assert "by the exchange's clock (± " in last


@pytest.mark.parametrize("more", [[], ["--sbe"]])
def test_top_prints_a_table_at_the_end(start, more):
    process = start("top", "BTCUSDT", "ethusdt@trade", *EMULATOR, "--for", "2", *more)
    out, err = process.communicate(timeout=40)
    assert (process.returncode, err) == (0, "")
    table = out[out.index("\nstream ") :].splitlines()[1:]
    names = {line.split()[0]: int(line.split()[3].replace(",", "")) for line in table[1:]}
    assert names.keys() >= {"btcusdt@trade", "ethusdt@trade", "all"}
    assert names["all"] == sum(count for name, count in names.items() if name != "all") > 0


@unix_only
@pytest.mark.parametrize("command", ["watch", "top"])
def test_ctrl_c_ends_it_at_once(start, command):
    process = start(command, "BTCUSDT", *EMULATOR, start_new_session=True)
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")


@unix_only
@pytest.mark.parametrize("has_rich", [True, False])
def test_watch_on_a_terminal(start, has_rich, tmp_path):
    import pty

    if not has_rich:  # a module that is not there, as far as the command can see
        (tmp_path / "rich").mkdir()
        (tmp_path / "rich" / "__init__.py").write_text("raise ModuleNotFoundError('no rich', name='rich')")
    near, far = pty.openpty()
    env = {"TERM": "xterm", "COLUMNS": "120", "LINES": "40", "PYTHONPATH": str(tmp_path)}
    process = start("watch", "BTCUSDT", *EMULATOR, "--for", "3", stdin=far, stdout=far, env=env)
    os.close(far)
    written = b""
    try:
        while more := os.read(near, 65536):
            written += more
    except OSError:  # Linux's way to say that the other side has closed
        pass
    finally:
        os.close(near)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert err.strip() == ("" if has_rich else display.HINT)
    text = written.decode()
    assert "live" in text
    assert ("╭" in text) == has_rich
    assert text.count("\x1b[") > 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["watch", "BTCUSD", *EMULATOR], "emulator has no symbol BTCUSD"),
        (["watch", "BTC USDT", *EMULATOR], "space"),
        (
            ["watch", "BTCUSDT"],
            "no endpoint: give --endpoint prod, testnet, demo, market_data_only or emulator",
        ),
        (["watch", "BTCUSDT", "--endpoint", "testnet", "--sbe"], "needs the API key of an Ed25519 key"),
        (["watch", "BTCUSDT", "--url", "ws://127.0.0.1:1"], "give the URL of the WebSocket API"),
        (["watch", "BTCUSDT", "--url", "ws://127.0.0.1:1/ws-api/v3"], "is the WebSocket API"),
        (["top", "btcusdt@trad", *EMULATOR], 'did you mean "btcusdt@trade"'),
        (["top", "btcusdt@aggTrade", "--sbe", *EMULATOR], "only JSON has"),
    ],
)
def test_what_is_wrong_is_said(command, arguments, said):
    outcome = command(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_nothing_listens(command):
    outcome = command("top", "btcusdt@trade", "--url", "ws://127.0.0.1:1")
    assert outcome.code == 1
    assert "127.0.0.1:1" in outcome.err


def test_a_symbol_stands_for_its_streams():
    assert streams_of(["btcusdt", "btcusdt@trade", "!miniTicker@arr"], False) == (
        ["btcusdt@trade", "btcusdt@bookTicker", "btcusdt@depth@100ms", "!miniTicker@arr"],
        ["BTCUSDT"],
    )
    assert streams_of(["BTCUSDT"], True)[0] == ["btcusdt@trade", "btcusdt@bestBidAsk", "btcusdt@depth"]
