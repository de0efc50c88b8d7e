"""README.md and CONTRIBUTING.md: the code runs, and what they name exists."""

import ast
import asyncio
import gc
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import fastws
from fastws.cli.commands import _parser as command_parser
from fastws.emulator import Emulator
from fastws.emulator.arguments import parser as emulator_parser
from fastws.emulator.values.auth import new_private_key
from helpers.support import Peer, needs_affinity, needs_two_cores, reply, run, talking

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# "test-on-%" stands for each target that begins so
TARGETS = re.findall(r"^([a-z-]+%?):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def blocks(language):
    """The code blocks of the README, by the heading above them."""
    found = {}
    heading = fence = ""
    for line in README.splitlines():
        if fence:
            fence = "" if line == "```" else fence
            if fence == language:
                found[heading] = found.get(heading, "") + line + "\n"
        elif line.startswith("```"):
            fence = line[3:]
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return found


PYTHON = blocks("python")
SHELL = [line.split("#")[0].strip() for text in blocks("sh").values() for line in text.splitlines()]
INLINE = re.findall(r"`((?:make|python -m) [^`]+)`", PAGES)
COMMANDS = [text for text in [*SHELL, *INLINE] if text.startswith("python -m fastws")]


def test_its_first_lines_say_how_a_reply_becomes_a_task():
    opening = README.partition("\n## ")[0]
    assert "asyncio.ensure_future(client.order_place(" in opening
    assert "`asyncio.create_task` refuses a Future" in opening


def write_keys(folder, ed25519):
    (folder / "ed25519.pem").write_bytes(ed25519.private_key)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    lock = serialization.BestAvailableEncryption(b"correct horse")
    (folder / "rsa.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    )


def run_block(heading, folder, monkeypatch, fault=None, **options):
    """Run a block as if it stood in a coroutine that has a client of the embedded exchange; its names."""
    monkeypatch.chdir(folder)
    code = compile(PYTHON[heading], f"README.md, {heading}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def main():
        async with Emulator(market="live" if heading == "Market data" else "still") as exchange:
            ed25519, hmac = exchange.add_account("Ed25519"), exchange.add_account("HMAC")
            write_keys(folder, ed25519)
            names = {
                "Emulator": Emulator,
                "exchange": exchange,
                "api_key": hmac.api_key,
                "asyncio": asyncio,
                "fastws": fastws,
                "json": json,
                "orders": [
                    {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": quantity}
                    for quantity in ("0.01", "0.02")
                ],
                "pytest": pytest,
                "secret": hmac.secret,
            }
            async with fastws.connect(
                exchange.url, api_key=ed25519.api_key, private_key=ed25519.private_key, **options
            ) as client:
                if fault:
                    exchange.faults.add(
                        fault, method="order.place", **({"code": -2010} if fault == "error" else {})
                    )
                names["client"] = client
                coroutine = eval(code, names)
                if coroutine is not None:
                    await coroutine
                await client.ping()  # what was sent by callbacks is answered by now
        return names

    return run(main())


def test_a_strategy_of_twelve_lines_sees_the_book_and_trades_on_it():
    text = PYTHON["Place an order"]
    assert len([line for line in text.splitlines() if line]) <= 12
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"(BUY|SELL) \d+\.\d+ NEW\n", done.stdout)


def test_market_data(tmp_path, monkeypatch, capsys):
    run_block("Market data", tmp_path, monkeypatch)
    quote, book = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"(btc|eth)usdt@bookTicker [\d.]+ [\d.]+", quote)
    assert re.fullmatch(r"[\d.]+ [\d.]+ live [\d.]+", book)


def test_keys_of_all_kinds_are_read(tmp_path, monkeypatch):
    names = run_block("Keys and logon", tmp_path, monkeypatch)
    assert {name: names[name]._options.signer.kind for name in ("ed25519", "rsa", "hmac")} == {
        "ed25519": "Ed25519",
        "rsa": "RSA",
        "hmac": "HMAC",
    }


def test_a_proxy_is_used_and_its_password_not_shown(tmp_path, monkeypatch):
    names = run_block("Proxy and local address", tmp_path, monkeypatch)
    shown = str(vars(names["client"]._supervisor.connector.opener))
    assert "socks5://127.0.0.1:1080" in shown
    assert "10.0.0.5" in shown
    assert "password" not in shown


def test_a_loop_that_handles_a_gap_has_ten_lines_and_misses_no_fill(tmp_path):
    text = PYTHON["Gaps"]
    assert len(text.partition("while True:")[2].splitlines()) < 10
    code = compile(text, "README.md, Gaps", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}

    async def main():
        async with Emulator(ports=2) as exchange:
            key = exchange.add_account("Ed25519")
            options = {"api_key": key.api_key, "private_key": key.private_key}
            recovered = asyncio.Event()
            async with (
                fastws.connect(exchange.urls[0], database_lag=0, **options) as client,
                fastws.connect(exchange.urls[1], **options) as other,
            ):
                client._supervisor.backoff.uniform = lambda low, high: 0.0
                recover_gap = client.recover_gap

                async def recover(gap):
                    try:
                        return await recover_gap(gap)
                    finally:
                        asyncio.get_running_loop().call_soon(recovered.set)

                client.recover_gap = recover
                names = {"client": client, "fastws": fastws}
                looping = asyncio.ensure_future(eval(code, names))
                await asyncio.sleep(0)
                await client.ping()  # the subscribe was sent before it
                await client.order_place(**order)
                exchange.listen(exchange.ports[0], False)
                exchange.connections.pick("oldest").abort()
                await other.order_place(**order)
                exchange.listen(exchange.ports[0], True)
                await recovered.wait()
                await client.order_place(**order)
                await client.close()
                await looping
                trades = await other.my_trades(symbol="BTCUSDT")
                return names["fills"], {("BTCUSDT", trade["id"]): trade["qty"] for trade in trades}

    fills, trades = run(main())
    assert fills == trades
    assert len({number for _, number in fills}) >= 3


def test_the_mirror_of_an_account_has_five_lines(tmp_path, monkeypatch, capsys):
    assert len(PYTHON["The mirror of an account"].splitlines()) == 5
    mirror = run_block("The mirror of an account", tmp_path, monkeypatch, database_lag=0)["mirror"]
    shown = capsys.readouterr().out
    assert "'BTCUSDT'" in shown
    assert (mirror.reason, mirror.error, len(mirror.balances) > 1) == ("closed", None, True)


def test_await_and_a_callback(tmp_path, monkeypatch, capsys):
    names = run_block("Await or callback", tmp_path, monkeypatch)
    known, took, status = capsys.readouterr().out.splitlines()
    assert known == f"{names['order']['clientOrderId']} True"
    assert float(took.removesuffix(" µs")) > 0
    assert status == "CANCELED"


def test_corking_takes_two_writes_for_three_orders(tmp_path, monkeypatch, capsys):
    names = run_block("Corking", tmp_path, monkeypatch)
    assert capsys.readouterr().out == "['NEW', 'NEW', 'NEW']\n"
    assert names["client"].stats["writes"] == 1 + 2 + 1  # logon, the orders, the ping of this test


def test_prepared_requests_and_a_batch(tmp_path, monkeypatch, capsys):
    names = run_block("Prepared requests and batches", tmp_path, monkeypatch)
    *cancel, statuses = capsys.readouterr().out.splitlines()
    assert statuses == "['NEW', 'NEW', 'NEW']"
    assert "CANCELED" in "".join(cancel)
    assert names["client"].stats["writes"] == 1 + 1 + 1  # logon, the batch, the ping of this test


def test_halt(tmp_path, monkeypatch, capsys):
    names = run_block("Halt and read-only", tmp_path, monkeypatch)
    assert capsys.readouterr().out.splitlines() == [
        "True halted: nothing is open",
        "order.place was not sent: the client is halted; client.resume() ends that",
    ]
    assert not names["client"].halted


def test_states_and_counters(tmp_path, monkeypatch, capsys):
    run_block("Lost connections", tmp_path, monkeypatch)
    assert capsys.readouterr().out.splitlines()[0] == "open 1"
    run_block("Logs and latencies", tmp_path, monkeypatch)
    assert capsys.readouterr().out == "0.0 µs\n0 0\n"


def test_a_planned_end(tmp_path, monkeypatch, capsys):
    run_block("Planned ends", tmp_path, monkeypatch)
    assert capsys.readouterr().out == "open 2\n1 0\n"


@needs_affinity
@needs_two_cores
def test_a_loop_that_never_sleeps():
    before = os.sched_getaffinity(0)
    core = max(before)

    async def main():
        seen.append((os.sched_getaffinity(0), gc.get_freeze_count() > 0))

    seen = []
    exec(PYTHON["A loop that never sleeps"].replace("cpu=3", f"cpu={core}"), {"fastws": fastws, "main": main})
    assert seen == [({core}, True)]
    assert os.sched_getaffinity(0) == before


def test_rate_limits_and_the_clock(tmp_path, monkeypatch, capsys):
    run_block("Rate limits", tmp_path, monkeypatch)
    assert re.fullmatch(r"REQUEST_WEIGHT \d+ of 6000 until \d{4}-.*:00\+00:00\n", capsys.readouterr().out)
    run_block("The exchange's clock", tmp_path, monkeypatch)
    assert re.fullmatch(
        r"-?\d+ µs ahead of this machine, give or take \d+ µs, 0 s ago\n", capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("fault", "said"), [(None, ""), ("drop_reply", "it was executed: "), ("error", "-2010 ")]
)
def test_errors_and_what_became_of_an_order(tmp_path, monkeypatch, capsys, fault, said):
    names = run_block("Errors", tmp_path, monkeypatch, fault, timeout=0.2)
    out = capsys.readouterr().out
    assert out.startswith(said)
    assert bool(out) == bool(said)
    if fault != "error":
        assert names["order"]["status"] == "FILLED"


def test_a_write_ahead_log_takes_three_lines(tmp_path, monkeypatch, capsys):
    assert PYTHON["After a crash"].splitlines()[3].startswith("with open")
    names = run_block("After a crash", tmp_path, monkeypatch)
    log = (tmp_path / "sent.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in log] == [reply.info.record() for reply in names["placed"]]
    assert capsys.readouterr().out.count("Executed(order={") == 2


def test_user_data_streams(capsys):
    code = compile(PYTHON["User data streams"], "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def script(peer: Peer):
        peer.send(reply(await peer.request(), {"apiKey": "a" * 64}))
        report = {"e": "executionReport", "c": "mine", "X": "NEW", "z": "0.00000000"}
        for number in range(2):
            peer.send(reply(await peer.request(), {"subscriptionId": number}))
            for event in (report, {"e": "balanceUpdate"}, {**report, "X": "FILLED", "z": "1.00000000"}):
                peer.send({"subscriptionId": number, "event": event})
            if number:
                peer.send(reply(await peer.request()))
            request = await peer.request()
            assert request["params"] == {"subscriptionId": number}
            peer.send(reply(request), {"subscriptionId": number, "event": {"e": "eventStreamTerminated"}})

    async def main():
        key = new_private_key("Ed25519")
        async with talking(script, api_key="a" * 64, private_key=key) as client:
            await eval(code, {"client": client, "fastws": fastws, "api_key": "b" * 64, "secret": "c" * 64})

    run(main())
    assert capsys.readouterr().out.splitlines() == [
        "3 mine NEW 0.00000000",
        "5 mine FILLED 1.00000000",
        "executionReport",
        "balanceUpdate",
        "executionReport",
        "eventStreamTerminated",
    ]


def test_rounding_to_the_filters_of_a_symbol(tmp_path, monkeypatch, capsys):
    names = run_block("Numbers and times", tmp_path, monkeypatch)
    assert (names["price"], names["quantity"]) == ("52000.12", "0.01234")
    assert capsys.readouterr().out == "True 0.01000000\n"


def test_the_exchange_in_a_test(tmp_path, monkeypatch):
    run_block("An exchange for your tests", tmp_path, monkeypatch)


def test_sbe_and_views(tmp_path, monkeypatch):
    names = run_block("SBE and views", tmp_path, monkeypatch)
    assert "responseFormat=sbe" not in repr(names["client"])
    assert isinstance(names["client"], fastws.Client)


def test_every_block_of_python_is_tested():
    assert list(PYTHON) == [
        "Place an order",
        "Keys and logon",
        "Proxy and local address",
        "Await or callback",
        "Corking",
        "Lost connections",
        "Planned ends",
        "User data streams",
        "Gaps",
        "The mirror of an account",
        "Prepared requests and batches",
        "Halt and read-only",
        "A loop that never sleeps",
        "Rate limits",
        "The exchange's clock",
        "Errors",
        "After a crash",
        "Logs and latencies",
        "SBE and views",
        "Numbers and times",
        "Market data",
        "An exchange for your tests",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_pages_exist(command):
    arguments = shlex.split(command)[2:]
    if arguments[:2] == ["fastws", "emulator"]:
        arguments = ["fastws.emulator", *arguments[2:]]
    parser = emulator_parser() if arguments[0] == "fastws.emulator" else command_parser()
    if "--help" in arguments:
        with pytest.raises(SystemExit) as ended:
            parser.parse_known_args(arguments[1:])
        assert ended.value.code == 0
        return
    _, more = parser.parse_known_args(arguments[1:])
    assert not any(text.startswith("-") for text in more)


def test_make_has_the_targets_that_the_pages_name():
    named = {
        word
        for text in [*SHELL, *INLINE]
        if text.startswith("make ")
        for word in shlex.split(text)[1:]
        if "=" not in word
    }
    assert {"demo", "test", "lint", "types", "dist", "smoke", "bench"} <= named
    patterns = [re.escape(target).replace("%", ".+") for target in TARGETS]
    assert [name for name in named if not any(re.fullmatch(pattern, name) for pattern in patterns)] == []


def test_names_of_the_readme_exist():
    for name in re.findall(r"fastws\.([A-Z]\w+)", README):
        assert hasattr(fastws, name)
    table = README.partition("| `fastws.` |")[2].partition("\n\n")[0]
    for name in re.findall(r"`([A-Z]\w+)`", table):
        assert issubclass(getattr(fastws, name), fastws.FastwsError)
    for name in re.findall(r"client\.(\w+)", README):
        assert hasattr(fastws.Client, name)
    options = inspect.signature(fastws.connect).parameters
    for name in re.findall(r"connect\((\w+)=", README):
        assert name in options
