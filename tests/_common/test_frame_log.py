"""The frame log: what it shows of each frame, and that it shows no key, no signature and no token."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import Any

import pytest

import fastws
from fastws._common.frame_log import SHOWN, log_frames, shown_payload
from fastws._common.log import FIELDS, wire_log
from fastws._native import cork
from fastws.emulator import Emulator
from helpers.offline import Offline
from helpers.support import CLOSE, KEY, ORDER, PING, PONG, Peer, frame, reply, run, talking

FRAME = re.compile(r"connection (\S+) (sent|received) ([^,]+), (\d+) bytes: (.*)", re.DOTALL)


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="fastws.wire")
    return caplog


def frames(caplog: pytest.LogCaptureFixture) -> list[tuple[str, ...]]:
    """(connection, direction, kind, size, payload) of each frame that was logged."""
    found = []
    for record in caplog.records:
        if record.name == "fastws.wire":
            parts = FRAME.fullmatch(record.getMessage())
            assert parts is not None, record.getMessage()
            assert str(record.__dict__["connection"]) == parts[1]
            found.append(parts.groups())
    return found


def kinds(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [(way, kind, payload) for _, way, kind, _, payload in frames(caplog)]


def test_each_frame_of_a_connection_is_shown_in_order(shown: pytest.LogCaptureFixture) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        peer.send(frame(PING, b"now"), reply(request, {"a": 1}))
        assert await peer.frame() == (PONG, b"now")
        text = json.dumps(reply(await peer.request())).encode()
        peer.send(frame(1, text[:6], fin=False), frame(0, text[6:]))
        await peer.end()

    async def main() -> None:
        async with talking(script) as client:
            await client.ping()
            await client.ping()

    run(main())
    found = kinds(shown)
    assert found[0][:2] == ("sent", "text")
    assert json.loads(found[0][2])["method"] == "ping"
    assert found[1] == ("received", "ping", "now")
    assert found[2] == ("sent", "pong", "now")
    assert found[3][:2] == ("received", "text")
    assert found[4][:2] == ("sent", "text")
    assert found[5] == ("received", "text (to be continued)", '{"id":')
    assert found[6][:2] == ("received", "continuation")
    assert found[7][:2] == ("sent", "close")
    assert found[7][2].startswith("1000")
    assert found[8][:2] == ("received", "close")
    assert {row[0] for row in frames(shown)} == {"1"}


def test_corked_requests_are_one_frame_each(shown: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        offline = Offline()
        with offline.client.batch():
            replies = [offline.client.ping(), offline.client.depth(symbol="BTCUSDT"), offline.client.time()]
        assert offline.writes == 1
        for each in replies:
            each.cancel()
        offline.lose()

    run(main())
    methods = [json.loads(payload)["method"] for _, _, payload in kinds(shown)]
    assert methods == ["ping", "depth", "time"]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_frames_of_any_size_are_read_back(size: int, shown: pytest.LogCaptureFixture) -> None:
    text = b"{" * size
    log_frames(3, cork.mask_frame(text, 0x01020304) + cork.mask_frame(b"next", 0xFF))
    first, second = frames(shown)
    assert first[:4] == ("3", "sent", "text", str(size))
    assert first[4] == "{" * min(size, SHOWN) + "..." * (size > SHOWN)
    assert second == ("3", "sent", "text", "4", "next")


def test_each_connection_of_a_session_shows_its_own_number(shown: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        offline = Offline()
        other = offline.another()
        other.send(frame(PING, b"b"))
        offline.send(frame(PING, b"a"))
        offline.lose()
        other.lose()

    run(main())
    assert [(number, payload) for number, way, _, _, payload in frames(shown) if way == "received"] == [
        ("2", "b"),
        ("1", "a"),
    ]


def test_a_frame_that_picows_refuses_shows_the_close_frame_of_it(shown: pytest.LogCaptureFixture) -> None:
    async def script(peer: Peer) -> None:
        peer.writer.write(b"\x83\x00")  # an opcode that does not exist
        await peer.end()

    async def main() -> None:
        async with talking(script) as client:
            await client.wait_closed()

    run(main())
    assert [(way, kind) for way, kind, _ in kinds(shown)] == [("sent", "close")]


def test_off_it_shows_nothing_and_a_change_of_the_level_counts_within_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        offline = Offline()
        offline.send(frame(PING, b"off"))
        wire_log.setLevel(logging.DEBUG)
        offline.session._look()
        offline.send(frame(PING, b"on"))
        wire_log.setLevel(logging.NOTSET)
        offline.session._look()
        offline.send(frame(PING, b"off"))
        offline.lose()

    run(main())
    assert kinds(caplog) == [("received", "ping", "on"), ("sent", "pong", "on")]


def test_its_timer_ends_with_the_last_connection() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        offline = Offline()
        other = offline.another()
        assert any(not timer.cancelled() for timer in loop._scheduled)
        offline.lose()
        other.lose()
        assert all(timer.cancelled() for timer in loop._scheduled)

    asyncio.run(main())


def test_a_handler_that_sends_a_request_or_raises_breaks_nothing(shown: pytest.LogCaptureFixture) -> None:
    class Meddling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            refused.append(record.getMessage())
            offline.client.ping(on_reply=print)

    async def main() -> None:
        nonlocal offline
        offline = Offline()
        logger = logging.getLogger("fastws.wire")
        meddling = Meddling()
        logger.addHandler(meddling)
        try:
            pong = offline.client.ping()
            logger.removeHandler(meddling)
        finally:
            logger.removeHandler(meddling)
        offline.send(reply(pong.info.id, {}))
        assert await pong == {}
        offline.lose()

    offline: Any = None
    refused: list[str] = []
    run(main())
    assert len(refused) == 1


# ------------------------------------------------------------------------------------------------- secrets

SECRET = "Zm9vYmFy" * 8  # 64 characters, as an API key has


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("kind", ["HMAC", "Ed25519"])
def test_no_key_and_no_signature_is_shown(sbe: bool, kind: Any, shown: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            account = exchange.add_account(kind)
            async with fastws.connect(
                exchange.url,
                sbe=sbe,
                api_key=account.api_key,
                secret=account.secret,
                private_key=account.private_key,
            ) as client:
                signed = await client.order_place(**{**ORDER, "price": "50000.00", "quantity": "0.01"})
                assert signed["orderId"]
                if kind == "Ed25519":
                    assert (await client.session_status())["apiKey"] == account.api_key
                else:
                    await client.account_status()
                sub = await client.user_data_stream_subscribe_signature()
                await client.order_place(**{**ORDER, "price": "50000.00", "quantity": "0.01"})
                async for _ in sub:
                    break
            secrets.append(account.api_key)

    secrets: list[str] = []
    run(main())
    key = secrets[0]
    text = "\n".join(record.getMessage() for record in shown.records)
    assert len(frames(shown)) > 8
    assert '"apiKey":"***"' in text
    assert '"signature":"***"' in text
    assert key not in text
    assert key[:12] not in text
    assert key.encode().hex()[:24] not in text
    assert not re.search(r'"signature":"(?!\*\*\*")', text)


@pytest.mark.parametrize("key", ["short", "with-dash_es", SECRET])
def test_a_key_of_any_length_is_masked_wherever_it_stands(key: str) -> None:
    text = b'{"said":"no key ' + key.encode() + b'"}'
    assert shown_payload(1, text, [key]) == '{"said":"no key ***"}'
    header = bytes([0, 0, 51, 0, 3, 0, 4, 0])
    message = header + bytes([len(key)]) + key.encode() + b"\x01\x02"
    shown = shown_payload(2, message, [key])
    assert shown == f"SBE message 51 of schema 3:4: {header.hex()}{len(key):02x}***0102"


@pytest.mark.parametrize("name", ["apiKey", "signature", "listenToken", "listenKey"])
@pytest.mark.parametrize("value", ["a", 'with \\" quote', "x" * 100, "%2F%3D", "é"])
def test_the_members_that_hold_a_secret_are_masked(name: str, value: str) -> None:
    text = f'{{"{name}" : "{value}","symbol":"BTCUSDT"}}'
    assert shown_payload(1, text.encode()) == f'{{"{name}" : "***","symbol":"BTCUSDT"}}'


def test_client_order_ids_and_numbers_are_shown() -> None:
    text = f'{{"newClientOrderId":"{"x" * 36}","orderId":12345678901234567890}}'
    assert shown_payload(1, text.encode()) == text


def test_the_cut_of_a_long_frame_leaves_no_part_of_a_key() -> None:
    for before in range(SHOWN - 70, SHOWN + 2):
        text = b"{" * before + SECRET.encode() + b"}" * 100
        shown = shown_payload(1, text)
        assert "Zm9v" not in shown
        assert shown.endswith("...")
    half = SHOWN // 2
    for before in range(half - 70, half + 2):
        assert b"Zm9v".hex() not in shown_payload(2, b"\0" * before + SECRET.encode() + b"\0" * 100)


def test_a_text_that_is_not_utf_8_is_shown() -> None:
    assert shown_payload(1, b"\xff{") == "\\xff{"
    assert shown_payload(CLOSE, b"") == ""
    assert shown_payload(CLOSE, b"\x03\xe8bye") == "1000 bye"
    assert shown_payload(2, b"\x01\x02") == "0102"


def test_each_record_has_the_fields(shown: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        offline.send("{no json")
        offline.lose()

    run(main())
    for record in shown.records:
        for name in FIELDS:
            assert name in record.__dict__, record
    assert [record.__dict__["code"] for record in shown.records if record.levelno >= logging.WARNING] == [
        "unreadable-message"
    ]
