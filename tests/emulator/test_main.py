"""The command line, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

import fastws
from fastws.emulator import Credentials
from fastws.emulator.__main__ import main as command_line
from fastws.emulator.testing.script import ACTIONS
from fastws.emulator.values.faults import KINDS
from helpers.emulator.wire import Wire, limit_order, run, signed

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends its processes with POSIX signals")


@contextmanager
def served(*arguments):
    """A running exchange, and the lines that it prints when it starts."""
    command = [sys.executable, "-m", "fastws.emulator", "--port", "0", *arguments]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process, number):
    process.send_signal(number)
    output, errors = process.communicate(timeout=10)
    return process.returncode, output, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_prints_its_keys_and_ends_cleanly(number, tmp_path):
    with served("--json", "--verbose", "--no-limits", "--keys-dir", str(tmp_path / "keys")) as process:
        start = json.loads(process.stdout.readline())
        assert start["url"].startswith("ws://127.0.0.1:")
        key = start["keys"]["HMAC"]
        key_file = Path(start["keys"]["Ed25519"]["privateKeyFile"])
        assert key_file.parent == tmp_path / "keys"
        assert key_file.stat().st_mode & 0o077 == 0

        ed25519_key = Credentials(
            start["keys"]["Ed25519"]["apiKey"], "Ed25519", None, key_file.read_bytes(), None
        )

        async def main():
            hmac_key = Credentials(key["apiKey"], "HMAC", key["secret"], None, None)
            async with connect(start["url"]) as connection:
                client = Wire(connection)
                await client.result("order.place", signed(hmac_key, **limit_order(newClientOrderId="shown")))
                await client.log_on(ed25519_key)
                (order,) = await client.result("openOrders.status", timestamp=limit_order()["timestamp"])
                assert order["clientOrderId"] == "shown", "both keys belong to one account"

        run(main)
        code, output, errors = ended(process, number)
        assert (code, errors) == (0, "")
        lines = output.splitlines()
        assert len(lines) == 5
        assert lines[0].endswith("#1 connected, JSON")
        assert "#1 order.place id=1 executed 200 order=" in lines[1]
        assert "(shown)" in lines[1]
        assert lines[4].endswith("#1 disconnected")


def greeting(process):
    """The lines that it prints at its start."""
    lines = []
    while not (lines and lines[-1].startswith("Ctrl-C")):
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr.read()
    return lines


def test_it_says_where_it_listens_and_with_which_keys():
    with served("--tls") as process:
        lines = greeting(process)
        text = "".join(lines)
        assert "wss://127.0.0.1:" in lines[0]
        for word in ("HMAC", "secret", "Ed25519", "private key", "ca.pem", "Ctrl-C"):
            assert word in text
        folder = Path(next(line for line in lines if line.startswith("  certificate")).split()[-1]).parent
        assert folder.is_dir()
        assert ended(process, signal.SIGINT) == (0, "", "")
        assert not folder.exists(), "a temporary folder goes with the process"


@pytest.mark.parametrize("arguments", [[], ["--tls"]])
def test_what_it_says_can_be_pasted_into_another_terminal(arguments):
    """Run the printed commands in another process: a public request and an order."""
    with served(*arguments) as process:
        lines = greeting(process)
        first = lines.index("In another terminal:\n") + 1
        commands = "".join(lines[first : lines.index("\n", first)])
        script = f'set -e\npython() {{ "{sys.executable}" "$@"; }}\n{commands}'
        done = subprocess.run(["sh", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stderr) == (0, "")
        assert '"serverTime": 1' in done.stdout
        assert '"status": "NEW"' in done.stdout
        assert ended(process, signal.SIGINT) == (0, "", "")


def test_a_client_that_does_not_trust_its_certificate_is_told_and_it_says_so_in_one_line():
    with served("--tls") as process:
        url = greeting(process)[0].split()[-1]
        command = [sys.executable, "-m", "fastws", "call", "time", "--endpoint", url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stdout) == (1, "")
        assert "its certificate is not trusted" in done.stderr
        assert done.stderr.count("\n") == 1
        code, _, errors = ended(process, signal.SIGINT)
        assert code == 0
        assert "Traceback" not in errors
        assert errors.count("\n") == 1
        assert "does it trust the certificate?" in errors


@pytest.mark.parametrize("arguments", [["--readings"], ["--verbose"]])
def test_a_reader_that_goes_away_ends_it_without_a_traceback(arguments):
    with served(*arguments) as process:
        if arguments == ["--verbose"]:
            url = greeting(process)[0].split()[-1]
            process.stdout.close()
            command = [sys.executable, "-m", "fastws", "call", "ping", "--endpoint", url]
            subprocess.run(command, cwd=ROOT, capture_output=True, timeout=20)
        else:
            process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(10) == 141


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "99999"], "'99999' is not a port"),
        (["--port", "x"], "'x' is not a port"),
        (["--engine-delay", "-1"], "'-1' is not a number of seconds"),
        (["--gateway-delay", "soon"], "'soon' is not a number of seconds"),
        (["--gateway-delay", "nan"], "'nan' is not a number of seconds"),
        (["--reply-delay", "2-1"], "'2-1' is not a range"),
        (["--symbols", "ETHBTC,LTC"], "'LTC' is not a symbol such as LTCUSDT: it must end in one of USDT, "),
        (["--limit", "luck=1"], "'luck=1' is not a limit"),
        (["--ports", "0"], "'0' is not a number of ports"),
        (["--ports", "x"], "'x' is not a number of ports"),
        (["--hosts", "127.0.0.2,"], "'127.0.0.2,' is not a list of hosts"),
        (["--differing-fields", "E,"], "'E,' is not a list of fields, such as E,W"),
        (["--differing-fields", "[E]"], "'[E]' is not a list of fields"),
        (["--limit", "orders_10s=x"], "'orders_10s=x' is not a limit"),
    ],
)
def test_wrong_arguments_are_explained(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        command_line(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_port_that_is_taken_is_an_error_in_one_sentence(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert command_line(["--port", str(taken.getsockname()[1])]) == 1
    output = capsys.readouterr()
    assert output.err.startswith("Cannot serve: ")
    assert output.err.count("\n") == 1
    assert output.out == ""


@pytest.mark.parametrize(
    ("arguments", "moves"), [((), True), (("--speed", "1000"), True), (("--market", "still"), False)]
)
def test_its_market_lives_unless_told_otherwise(arguments, moves):
    with served("--json", *arguments) as process:
        url = json.loads(process.stdout.readline())["url"]

        async def main():
            async with connect(url) as connection:
                client = Wire(connection)
                before = await client.result("ticker.price")
                start = (await client.result("time"))["serverTime"]
                await asyncio.sleep(1.2)
                assert (await client.result("ticker.price") != before) == moves
                passed = (await client.result("time"))["serverTime"] - start
                assert (passed > 1_000_000) == ("--speed" in arguments)

        run(main)


def test_symbols_are_added_by_their_names():
    with served("--json", "--symbols", "ETHBTC, ltcusdt") as process:
        served_at = json.loads(process.stdout.readline())

        async def main():
            key = served_at["keys"]["HMAC"]
            async with fastws.connect(
                served_at["url"], api_key=key["apiKey"], secret=key["secret"]
            ) as client:
                assert {"ETHBTC", "LTCUSDT", "BTCUSDT"} <= {
                    row["symbol"] for row in await client.ticker_price()
                }
                order = await client.order_place(symbol="LTCUSDT", side="SELL", type="MARKET", quantity="1")
                assert order["status"] == "FILLED"

        run(main)


def test_events_break_the_rules_by_request():
    options = (
        "--differing-fields",
        "E",
        "--termination-overtakes",
        "--types-overtake",
        "--event-delay",
        "0.05",
    )
    with served("--json", *options, "--limit", "account_subscriptions=2") as process:
        served_at = json.loads(process.stdout.readline())

        async def main():
            key = served_at["keys"]["HMAC"]
            credentials = Credentials(key["apiKey"], "HMAC", key["secret"], None, None)
            async with (
                connect(served_at["url"]) as a,
                connect(served_at["url"]) as b,
                connect(served_at["url"]) as c,
            ):
                one, two, three = Wire(a), Wire(b), Wire(c)
                for client in (one, two):
                    await client.result("userDataStream.subscribe.signature", signed(credentials))
                refused = await three.error("userDataStream.subscribe.signature", signed(credentials))
                assert refused[1] == -2035
                await three.result("order.place", signed(credentials, **limit_order()))
                await two.result("userDataStream.unsubscribe")
                assert (await two.receive())["event"]["e"] == "eventStreamTerminated", (
                    "before the order's events"
                )
                reports = [(await client.receive())["event"] for client in (one, two)]
                assert reports[0]["i"] == reports[1]["i"]
                assert reports[0]["E"] + 1 == reports[1]["E"]

        run(main)


@pytest.mark.parametrize("arguments", [("--market", "loud"), ("--speed", "0"), ("--speed", "fast")])
def test_markets_and_speeds_that_there_are_not(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        command_line(arguments)
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_what_can_be_scripted_is_listed(capsys):
    assert command_line(["--faults"]) == 0
    output = capsys.readouterr().out
    for name in (*KINDS, *ACTIONS):
        assert f"\n  {name} " in output


def test_a_script_that_is_none_is_an_error_in_one_sentence(capsys, tmp_path):
    script = tmp_path / "script"
    script.write_text("# fine\nexplode\n")
    assert command_line(["--port", "0", "--script", str(script)]) == 2
    output = capsys.readouterr()
    assert output.err.startswith(
        "Cannot understand the script: line 2: 'explode' is neither a fault nor an action"
    )
    assert output.err.count("\n") == 1


def test_delays_limits_and_faults_from_the_command_line(tmp_path):
    script = tmp_path / "script"
    script.write_text("error@time code=-1008 times=1\n")
    options = [
        "--verbose",
        "--engine-delay=0.001-0.002",
        "--reply-delay=0.001",
        "--limit=orders_10s=1",
        f"--script={script}",
        "--fault=drop_reply@ping",
        "--control",
    ]
    with served("--json", *options) as process:
        start = json.loads(process.stdout.readline())
        key = Credentials(
            start["keys"]["HMAC"]["apiKey"], "HMAC", start["keys"]["HMAC"]["secret"], None, None
        )

        async def main():
            async with connect(start["url"]) as connection:
                client = Wire(connection)
                assert (await client.error("time"))[1] == -1008
                await client.send("ping")
                await client.result("order.place", signed(key, **limit_order()))
                assert (await client.error("order.place", signed(key, **limit_order())))[1] == -1015
                print("nonsense", file=process.stdin, flush=True)
                print("shutdown seconds=0.01", file=process.stdin, flush=True)
                assert (await client.receive())["event"]["e"] == "serverShutdown"
                await connection.wait_closed()

        run(main)
        code, output, errors = ended(process, signal.SIGTERM)
        assert code == 0
        assert errors.startswith("'nonsense' is neither a fault nor an action")
        assert errors.count("\n") == 1
        assert "fault=drop_reply no reply" in output


def test_several_ports_hosts_and_lines_for_one_connection():
    arguments = ("--ports", "2", "--hosts", "exchange.test", "--tls", "--json", "--control", "--verbose")
    with served(*arguments) as process:
        start = json.loads(process.stdout.readline())
        assert start["urls"][0] == start["url"]
        first, second = (int(url.split(":")[2].split("/")[0]) for url in start["urls"])

        async def main():
            context = ssl.create_default_context(cafile=start["caFile"])
            url = f"wss://exchange.test:{second}/ws-api/v3"
            async with connect(url, ssl=context, host="127.0.0.1") as client:
                process.stdin.write(
                    f"listen port={first} yes=false\nabort connection=7\nshutdown connection=newest\n"
                )
                process.stdin.flush()
                assert "serverShutdown" in await client.recv()
                with pytest.raises(ConnectionRefusedError):
                    await connect(start["url"], ssl=context)

        run(main)
        code, _, errors = ended(process, signal.SIGTERM)
        assert (code, errors) == (0, "there is no open connection 7; open are 1\n")


def test_market_data_streams_from_the_command_line():
    options = ("--json", "--stream-ports", "2", "--sbe-stream-ports", "2", "--nested-stream-errors")
    with served(*options, "--fault", "error@SUBSCRIBE code=2 msg=no") as process:
        start = json.loads(process.stdout.readline())
        assert (len(start["streamUrls"]), len(start["sbeStreamUrls"])) == (2, 2)

        async def main():
            headers = {"X-MBX-APIKEY": start["keys"]["Ed25519"]["apiKey"]}
            for url in (*start["streamUrls"], *start["sbeStreamUrls"]):
                async with connect(f"{url}/ws", additional_headers=headers) as connection:
                    await connection.send('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}')
                    reply = json.loads(await connection.recv())
                    if url == start["streamUrls"][0]:
                        assert reply == {"error": {"code": 2, "msg": "no"}, "id": 1}
                    else:
                        assert reply == {"result": None, "id": 1}

        run(main)
        assert ended(process, signal.SIGINT)[0] == 0
