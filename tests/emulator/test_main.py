"""The command line, in a process of its own."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from fastws.emulator import Credentials
from fastws.emulator.__main__ import main as command_line

from .wire import Wire, limit_order, run, signed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends its processes with POSIX signals")


@contextmanager
def served(*arguments):
    """A running exchange, and what it says when it starts."""
    command = [sys.executable, "-m", "fastws.emulator", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
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
        assert len(lines) == 3
        assert "order.place id=1 executed 200 order=" in lines[0]
        assert "(shown)" in lines[0]


def test_it_says_where_it_listens_and_with_which_keys():
    with served("--tls") as process:
        lines = [process.stdout.readline() for _ in range(12)]
        text = "".join(lines)
        assert "wss://127.0.0.1:" in lines[0]
        for word in ("HMAC", "secret", "Ed25519", "private key", "ca.pem", "Ctrl-C"):
            assert word in text
        folder = Path(next(line for line in lines if "ca.pem" in line).split()[-1]).parent
        assert folder.is_dir()
        assert ended(process, signal.SIGINT) == (0, "", "")
        assert not folder.exists(), "a temporary folder goes with the process"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "99999"], "'99999' is no port"),
        (["--port", "x"], "'x' is no port"),
        (["--engine-delay", "-1"], "'-1' is no number of seconds"),
        (["--gateway-delay", "soon"], "'soon' is no number of seconds"),
        (["--gateway-delay", "nan"], "'nan' is no number of seconds"),
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
