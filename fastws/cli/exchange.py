"""The embedded exchange in its own process, while a demonstration runs.

The child (``python -m fastws.cli.exchange``) prints one line of JSON: its URL and the key of an account. It serves
until its standard input ends. So it ends with its parent, even if the parent is killed.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from ..errors import FastwsError
from ..run import run

_MODULE = "fastws.cli.exchange"
BALANCES = {"USDT": "100000", "BTC": "1"}
_START_WITHIN = 20.0
_END_WITHIN = 3.0


class Place(NamedTuple):
    """Where the exchange is, and an Ed25519 key for it."""

    url: str
    api_key: str
    private_key: bytes

    def __repr__(self) -> str:
        return f"<exchange at {self.url}>"


class ExchangeFailed(FastwsError):
    """The exchange's process did not start."""


@asynccontextmanager
async def exchange_process() -> AsyncIterator[Place]:
    """Run the exchange in another process while the block runs."""
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _MODULE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            try:
                line = await asyncio.wait_for(process.stdout.readline(), _START_WITHIN)
            except asyncio.TimeoutError:
                raise ExchangeFailed(
                    f"the exchange's process did not start within {_START_WITHIN:g} s"
                ) from None
            if not line:
                await process.wait()
                log.seek(0)
                said = log.read().decode(errors="replace").strip().splitlines()
                raise ExchangeFailed(
                    f"the exchange's process ended: {said[-1] if said else 'it printed no error'}"
                )
            try:
                url, api_key, private_key = json.loads(line)
            except (ValueError, TypeError):
                text = line.decode(errors="replace").strip()
                raise ExchangeFailed(f"the exchange's process printed an unexpected line: {text}") from None
            yield Place(url, api_key, private_key.encode())
        finally:
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), _END_WITHIN)
            except asyncio.TimeoutError:
                process.kill()
                await process.wait()


async def _serve() -> None:
    from ..emulator import Emulator

    # Rate limits are not enforced: a demonstration sends more orders than an account may.
    async with Emulator(enforce_limits=False) as exchange:
        key = exchange.add_account("Ed25519", name="demo", balances=BALANCES)
        assert key.private_key is not None
        print(json.dumps([exchange.url, key.api_key, key.private_key.decode()]), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    # A signal to the parent often reaches this process, too. Ignore it: the parent's clean-up needs the exchange, and
    # then closes its standard input.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None:
            signal.signal(number, signal.SIG_IGN)
    run(_serve())
