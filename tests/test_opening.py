"""fastws.opening: what an exchange that refuses the handshake is reported as, and where a connection comes from."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ways import answer, answering

import fastws
from fastws.emulator import Emulator
from support import run

UTC = timezone.utc
TEXT = b'{"code":-1003,"msg":"Way too many requests; IP banned until 1659146460000."}'
DATA = b'{"code":-1003,"msg":"IP banned until 1.","data":{"serverTime":1,"retryAfter":1659146460000}}'
SAID = datetime(2022, 7, 30, 2, 1, tzinfo=UTC)


# --- refusals


@pytest.mark.parametrize(
    ("status", "kind"), [(418, fastws.Banned), (429, fastws.RateLimited), (503, fastws.ServerError)]
)
@pytest.mark.parametrize(
    ("body", "header", "after"),
    [
        (b"", "Retry-After: 120", timedelta(seconds=120)),
        (b"<html>", "retry-after:7", timedelta(seconds=7)),
        (TEXT, "Retry-After: 120", timedelta(seconds=120)),
        (DATA, "Retry-After: 120", SAID),
        (TEXT, "X: y", SAID),
        (TEXT, "Retry-After: soon", SAID),
        (b"", "Retry-After: -5", None),
        (b"", "X: y", None),
        (b"", "Retry-After: " + "9" * 5000, timedelta(seconds=999_999_999)),
    ],
)
def test_a_refused_handshake_says_when_to_come_back(
    status: int, kind: type[fastws.ApiError], body: bytes, header: str, after: timedelta | datetime | None
) -> None:
    async def main() -> None:
        said = answer(header, f"Content-Length: {len(body)}", status=f"HTTP/1.1 {status} No", body=body)
        async with answering(said, None) as url:
            with pytest.raises(kind) as caught:
                await fastws.connect(url)
            assert caught.value.status == status
            until = caught.value.retry_after
            if isinstance(after, timedelta):
                assert until is not None
                assert abs(until - datetime.now(UTC) - after) < timedelta(seconds=5)
            else:
                assert until == after

    run(main())


def test_a_banned_address_learns_until_when_from_the_exchange() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            async with fastws.connect(exchange.url) as client:
                exchange.faults.add("ban", "ping", seconds=7200)
                with pytest.raises(fastws.Banned):
                    await client.ping()
                await client.wait_closed()
            with pytest.raises(fastws.Banned) as caught:
                await fastws.connect(exchange.url)
            assert caught.value.retry_after is not None
            assert abs(caught.value.retry_after - datetime.now(UTC) - timedelta(hours=2)) < timedelta(
                minutes=1
            )

    run(main())
