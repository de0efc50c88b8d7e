"""The embedded exchange in its own process, while a demonstration runs.

The child (``python -m fastws.cli.exchange SYMBOL…``) prints one line of JSON: its URLs and the key of an account. Of
the symbols, a crowd trades there until a line comes on its standard input. It serves until that ends. So it ends with
its parent, even if the parent is killed.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from ..errors import FastwsError
from ..run import run

_MODULE = "fastws.cli.exchange"
BALANCES = {"USDT": "100000", "BTC": "1"}
_START_WITHIN = 20.0
_END_WITHIN = 3.0


class Place(NamedTuple):
    """Where the exchange is: its requests, its streams in JSON and in SBE; an Ed25519 key for it; its process."""

    url: str
    stream_url: str
    sbe_stream_url: str
    api_key: str
    private_key: bytes
    process: asyncio.subprocess.Process

    def calm(self) -> None:
        """End the trading of the crowd."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"calm\n")

    def __repr__(self) -> str:
        return f"<exchange at {self.url}>"


class ExchangeFailed(FastwsError):
    """The exchange's process did not start."""


@asynccontextmanager
async def exchange_process(symbols: Sequence[str] = ()) -> AsyncIterator[Place]:
    """Run the exchange in another process while the block runs; a crowd trades these symbols.

    Raises:
        ExchangeFailed: it did not start.
    """
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _MODULE,
            *symbols,
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
                *urls, api_key, private_key = json.loads(line)
                url, stream_url, sbe_stream_url = urls
            except (ValueError, TypeError):
                text = line.decode(errors="replace").strip()
                raise ExchangeFailed(f"the exchange's process printed an unexpected line: {text}") from None
            yield Place(url, stream_url, sbe_stream_url, api_key, private_key.encode(), process)
        finally:
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), _END_WITHIN)
            except asyncio.TimeoutError:
                process.kill()
                await process.wait()


async def _serve(symbols: Sequence[str]) -> None:
    from ..emulator import Emulator
    from .crowd import trade

    # Rate limits are not enforced: a demonstration sends more orders than an account may.
    async with Emulator(enforce_limits=False) as exchange:
        key = exchange.add_account("Ed25519", name="demo", balances=BALANCES)
        assert key.private_key is not None
        urls = (exchange.url, exchange.stream_url, exchange.sbe_stream_url)
        print(json.dumps([*urls, key.api_key, key.private_key.decode()]), flush=True)
        loop = asyncio.get_running_loop()
        crowd = asyncio.ensure_future(trade(exchange, symbols)) if symbols else None
        if await loop.run_in_executor(None, sys.stdin.buffer.readline):
            await _end(crowd)
            await loop.run_in_executor(None, sys.stdin.buffer.read)
        await _end(crowd)


async def _end(task: asyncio.Future[None] | None) -> None:
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


if __name__ == "__main__":
    # A signal to the parent often reaches this process, too. Ignore it: the parent's clean-up needs the exchange, and
    # then closes its standard input.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None:
            signal.signal(number, signal.SIG_IGN)
    run(_serve(sys.argv[1:]))
