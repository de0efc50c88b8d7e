"""An exchange for the commands to talk to, in a thread of the test run, and a way to run a command."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from fastws.cli import main
from fastws.emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]


class Exchange:
    """The embedded exchange, running in a thread of its own, with a key of each kind that tests use."""

    def __init__(self):
        self.emulator = Emulator()
        self._loop = None
        self._ready = threading.Event()
        self._stop = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self.emulator:
            self.url = self.emulator.url
            self.ed25519 = self.emulator.add_account("Ed25519")
            self.hmac = self.emulator.add_account("HMAC")
            self._ready.set()
            await self._stop.wait()

    def do(self, action):
        """Call ``action`` in the exchange's thread."""

        async def call():
            return action()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(5)

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


@pytest.fixture(scope="session")
def exchange():
    exchange = Exchange()
    yield exchange
    exchange.close()


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("FASTWS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def command(capsys):
    """Runs ``python -m fastws ARGS`` inside of the test's process: what it prints, and its exit code."""

    def run(*args):
        try:
            code = main([str(arg) for arg in args])
        except SystemExit as exit_:  # argparse ends like this
            code = exit_.code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Outcome(code, out, err)

    return run


@pytest.fixture
def start():
    """Starts ``python -m fastws ARGS`` as a process; it is ended with the test."""
    started = []

    def popen(*args, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **options.pop("env", {})}
        process = subprocess.Popen(
            [sys.executable, "-m", "fastws", *map(str, args)], cwd=ROOT, env=environment, **options
        )
        started.append(process)
        return process

    yield popen
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
