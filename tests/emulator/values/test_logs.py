"""What the exchange logs: nothing on standard error unless the program configures logging."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fastws.emulator import Emulator
from helpers.emulator.wire import run
from helpers.support import LOOPS

HEAD = (
    b"GET /ws-api/v3 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
REQUEST = b'{"id":1,"method":"ticker.price"}'
# Mistakes of clients: no HTTP, a head without an end, frames that are malformed, not masked or too long, and a request
# whose reply cannot be encoded.
WRONG = [
    b"\0" * 100,
    b"GET / HTTP/1.1\r\n\r\n",
    b"a" * 100_000,
    HEAD + b"\x83\x80\0\0\0\0",
    HEAD + b"\x81\x01a",
    HEAD + b"\xf1\x80\0\0\0\0",
    HEAD + b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0",
    HEAD + b"\x88\x81\0\0\0\0a",
    HEAD + b"\x81" + bytes([0x80 | len(REQUEST)]) + b"\0\0\0\0" + REQUEST,
]


async def misbehave():
    """Make all these mistakes, at an exchange with an internal error and at one with TLS."""
    async with Emulator() as exchange, Emulator(tls=True) as secure:
        exchange.core.engine = None
        for port, words in ((exchange.port, WRONG), (secure.port, [b"", b"hello\r\n\r\n"])):
            for data in words:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(data)
                with contextlib.suppress(ConnectionError):
                    writer.write_eof()
                    await reader.read()
                writer.close()
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection("127.0.0.1", secure.port, ssl=ssl.create_default_context())


@pytest.mark.parametrize("loop", LOOPS)
def test_nothing_goes_to_standard_error_unless_logging_is_configured(loop):
    program = f"""
        import fastws
        from emulator.values.test_logs import misbehave

        fastws.run(misbehave(), loop={loop!r})
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    folder = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


def test_who_configures_logging_reads_it(caplog):
    run(misbehave)
    assert {record.name.partition(".wire")[0] for record in caplog.records} == {"fastws.emulator"}
    assert "invalid opcode" in caplog.text
    assert "does it trust the certificate?" in caplog.text
    (failure,) = [record for record in caplog.records if record.exc_info]
    assert failure.levelno == logging.ERROR
