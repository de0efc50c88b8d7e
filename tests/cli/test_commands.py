"""fastws.cli.commands: help, exit codes, and no traceback whatever happens."""

import subprocess
import sys

import picows
import pytest

import fastws
from fastws.cli import commands, ping
from fastws.errors import NotConnected


def test_help(command):
    outcome = command("--help")
    assert outcome.code == 0
    for word in (
        "demo",
        "watch",
        "top",
        "call",
        "events",
        "methods",
        "ping",
        "emulator",
        "schema",
        "exit codes",
    ):
        assert word in outcome.out
    for name in ("demo", "watch", "top", "call", "events", "methods", "ping", "schema"):
        outcome = command(name, "--help")
        assert (outcome.code, outcome.err) == (0, "")
        assert "examples:" in outcome.out


def test_help_fits_a_terminal_of_80_columns(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in ([], ["demo"], ["watch"], ["top"], ["call"], ["methods"], ["ping"], ["emulator"]):
        outcome = command(*arguments, "--help")
        assert outcome.code == 0
        assert [line for line in outcome.out.splitlines() if len(line) > 79] == []


def test_version(command):
    outcome = command("--version")
    assert outcome.code == 0
    assert outcome.out.startswith(f"fastws {fastws.__version__}, picows {picows.__version__}, Python 3.")


def test_without_a_command_there_is_help(command):
    outcome = command()
    assert (outcome.code, outcome.out) == (2, "")
    assert "first steps:" in outcome.err


def test_unknown_command(command):
    outcome = command("pnig")
    assert outcome.code == 2
    assert "pnig" in outcome.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (NotConnected("gone"), 1, "fastws: gone\n"),
        (OSError(5, "Input/output error"), 1, "fastws: [Errno 5] Input/output error\n"),
        (KeyboardInterrupt(), 130, ""),
        (
            KeyError("x"),
            1,
            "fastws: KeyError: 'x' (a bug in fastws; FASTWS_TRACEBACK=1 shows the traceback)\n",
        ),
    ],
)
def test_ends(command, monkeypatch, error, code, said):
    def fail(args):
        raise error

    monkeypatch.setattr(ping, "ping", fail)
    outcome = command("ping", "--url", "ws://127.0.0.1:1")
    assert (outcome.code, outcome.err) == (code, said)


def test_traceback_on_request(monkeypatch, capsys):
    monkeypatch.setenv("FASTWS_TRACEBACK", "1")
    monkeypatch.setattr(ping, "ping", lambda args: {}["x"])
    assert commands.main(["ping"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_emulator_command():
    process = subprocess.run(
        [sys.executable, "-m", "fastws", "emulator", "--help"], capture_output=True, text=True, timeout=20
    )
    assert process.returncode == 0
    assert "--port" in process.stdout
