"""The use of picows: its log, and the codes of close frames."""

from __future__ import annotations

import asyncio
import io
import logging

import pytest
from websockets.asyncio.client import connect as websocket

from fastws.emulator import Emulator
from fastws.emulator.network.websocket import answer_to
from fastws.emulator.testing.record import Recorder
from helpers.emulator.wire import run, wire


@pytest.mark.parametrize(
    ("code", "answer"),
    [(None, 1000), (1000, 1000), (1014, 1014), (3000, 3000), (4999, 4999)]
    + [(code, 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000)],
)
def test_the_code_that_answers_a_code(code, answer):
    assert answer_to(code) == answer


def test_what_breaks_the_protocol_is_logged_and_ends_its_connection_alone(caplog):
    async def main():
        async with Emulator() as exchange, wire(exchange) as one, wire(exchange) as other:
            one.socket.transport.write(b"\x83\x80\0\0\0\0")  # an unknown opcode
            await asyncio.wait_for(one.socket.wait_closed(), 5.0)
            assert one.socket.close_code == 1002
            assert await other.result("ping", {}) == {}

    run(main)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert {error.name for error in errors} == {"fastws.emulator.wire"}
    assert all("invalid opcode=0x3" in error.getMessage() for error in errors)


def test_an_answered_close_frame_hides_no_other_connections_error(caplog):
    invalid = b"\x83\x80\0\0\0\0"

    async def main():
        async with Emulator() as exchange, Recorder(exchange.url, io.StringIO()) as recorder:
            for url in (exchange.url, recorder.url):
                caplog.clear()
                async with websocket(url) as one, websocket(url) as other:
                    one.transport.write(
                        b"\x88\x80\0\0\0\0" + invalid
                    )  # a close frame, and more in the same read
                    other.transport.write(invalid)
                    await asyncio.wait_for(asyncio.gather(one.wait_closed(), other.wait_closed()), 5.0)
                    assert (one.close_code, other.close_code) == (1000, 1002)
                assert "invalid opcode=0x3" in caplog.text

    run(main)


def test_what_a_filter_raises_ends_no_connection(capsys):
    def refuse(record):
        raise RuntimeError("a filter of the user's")

    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            assert await client.result("ping", {}) == {}

    wire_log = logging.getLogger("fastws.emulator.wire")
    level = wire_log.level
    wire_log.addFilter(refuse)
    wire_log.setLevel(logging.DEBUG)
    try:
        run(main)
    finally:
        wire_log.removeFilter(refuse)
        wire_log.setLevel(level)
    assert "a filter of the user's" in capsys.readouterr().err
