"""fastws.lifecycle.answers: each row of the table of what answers an attempt to connect, and what follows."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from fastws.emulator.network.tls import Certificate
from fastws.lifecycle.answers import ANSWERS, judge
from fastws.lifecycle.table import ROWS
from helpers.losing import keyed, lose, until, watched
from helpers.rotating import due_now
from helpers.support import run
from helpers.ways import GOOD, LOOPS, answer, answering, proxying, run_on

NOW = 1_700_000_000_000_000


def test_each_row_names_its_test_and_an_event_of_an_attempt() -> None:
    this = importlib.import_module(__name__)
    events = {row.event for row in ROWS if row.state == "connecting"}
    for row in ANSWERS:
        assert inspect.isfunction(getattr(this, row.test)), row
        assert row.event in events


@pytest.mark.parametrize(
    "fault",
    [
        ("refuse", {"status": 500}),
        ("refuse", {"status": 503}),
        ("reset", {}),
        ("garbage", {}),
        ("hang", {}),
        ("drop_reply", {"method": "session.logon"}),
        ("cut_before", {"method": "session.logon"}),
        ("server_error", {"method": "session.logon"}),
        ("drop_reply", {"method": "userDataStream.subscribe"}),
        ("cut_before", {"method": "userDataStream.subscribe"}),
    ],
)
def test_what_fails(fault: tuple[str, dict[str, Any]]) -> None:
    async def main() -> None:
        async with keyed(connect_timeout=0.2) as (exchange, client, steps, reasons):
            subscription = await client.user_data_stream_subscribe()
            exchange.faults.add(fault[0], **fault[1])
            lose(client)
            await until(lambda: client.connection > 1)
            assert steps.count(("connecting", "waiting")) == 1
            assert "the next attempt follows in 0.00 s" in reasons[1]
            assert not reasons[1].startswith("refused")
            assert client.logged_on
            assert subscription.active

    run(main())


@pytest.mark.parametrize("fault", [("refuse", {"status": 503}), ("reset", {}), ("garbage", {}), ("hang", {})])
def test_what_fails_ends_the_first_opening_when_each_port_failed(fault: tuple[str, dict[str, Any]]) -> None:
    async def main() -> None:
        async with Emulator(ports=2) as exchange:
            exchange.faults.add(fault[0], times=2, **fault[1])
            client, steps, _ = watched(exchange.url, ports=exchange.ports, connect_timeout=0.2)
            with pytest.raises(fastws.FastwsError):
                await client
            assert steps == [("new", "connecting"), ("connecting", "closed")]
            exchange.faults.add(fault[0], **fault[1])
            async with watched(exchange.url, ports=exchange.ports, connect_timeout=0.2)[0] as other:
                assert other.connection == 1, "only a connection that opened has a number"

    run(main())


@pytest.mark.parametrize(
    ("status", "after", "least", "most"),
    [
        (429, "30", 29.9, 31.1),
        (418, "30", 119.9, 121.1),
        (418, "600", 599.9, 601.1),
        (418, None, 119.9, 121.1),
    ],
)
def test_what_fails_until_a_time(
    status: int, after: str | None, least: float, most: float, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            exchange.faults.add("refuse", status=status, retry_after=after)
            lose(client)
            await until(lambda: client.state == "waiting")
            timer = client._supervisor.attempts._timer
            assert timer is not None
            assert least < timer.when() - asyncio.get_running_loop().time() < most
            assert f"(status {status})" in reasons[1]
            assert len(steps) == 2
            assert vars(caplog.records[-1])["code"] == "attempt-forbidden"
            with pytest.raises(fastws.LocallyLimited):
                await fastws.connect(exchange.url)

    run(main())


def test_a_ban_while_reconnecting_is_waited_for() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, reasons):
            exchange.faults.add("ban", "ping", seconds=7200)
            with pytest.raises(fastws.Banned):
                await client.ping()
            await until(lambda: client.state == "waiting")
            assert reasons[1].startswith(
                "the exchange has banned this address; the next attempt follows in 7"
            )
            assert len(exchange.connections) == 0

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    "what",
    ["403", "404", "the certificate", "407", "the logon"],
)
def test_what_is_refused(what: str, loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the first connect(), and its other port is not tried; a client that was open tries on."""

    async def main() -> None:
        certificate = Certificate()
        tls = what == "the certificate"
        async with (
            answering(answer(*GOOD), tls=certificate.server_context() if tls else None) as url,
            proxying() as proxy,
        ):
            port = int(url.rpartition(":")[2].partition("/")[0])
            options: dict[str, Any] = {"ports": (port, 1)}
            if what == "407":
                options["proxy"] = f"http://127.0.0.1:{proxy.port}"
            if tls:
                options["ssl_context"] = certificate.client_context()
            client, _, reasons = watched(url, **options)
            opener = client._supervisor.connector.opener
            await client
            if what == "407":
                proxy.answer = answer(status="HTTP/1.1 407 Proxy Authentication Required")
            elif what == "the certificate":
                opener._ssl_context = Certificate().client_context()
            else:
                refuse(monkeypatch, opener, what)
            client._supervisor.backoff.refused = 60.0
            lose(client)
            await until(lambda: reasons[-1].startswith("refused: "))
            assert reasons[-1].endswith("; the next attempt follows in 60 s")
            await client.close()

    run_on(loop, main(), monkeypatch)


def refuse(monkeypatch: pytest.MonkeyPatch, opener: Any, what: str) -> None:
    """Let the next attempts be refused as the exchange does."""
    status = 400 if what == "the logon" else int(what)

    async def open(url: str, listener: Any) -> Any:
        raise fastws.errors.api_error(status, {"code": -2015, "msg": "no"}, "connect")

    monkeypatch.setattr(opener, "open", open)


@pytest.mark.parametrize("code", [-1022, -2014, -2015, -4056])
def test_a_refused_logon_is_tried_every_minute_and_ends_the_first_connect(code: int) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            client._supervisor.backoff.refused = 0.0
            exchange.faults.add("error", "session.logon", times=3, status=400, code=code, msg="no")
            lose(client)
            await until(lambda: client.connection > 1)
            assert steps.count(("connecting", "waiting")) == 3
            assert reasons[1].startswith(f"refused: session.logon: no (code {code}")
            exchange.faults.add("error", "session.logon", status=401, code=code, msg="no")
            signer = client._options.signer
            with pytest.raises(fastws.ApiError, match=str(code)):
                await fastws.connect(exchange.url, signer=signer)

    run(main())


def test_a_refused_subscribe() -> None:
    async def main() -> None:
        async with keyed(after_gap="go") as (exchange, client, steps, _):
            subscription = await client.user_data_stream_subscribe()
            exchange.faults.add("error", "userDataStream.subscribe", status=400, code=-1191, msg="no")
            lose(client)
            await until(lambda: client.connection > 1)
            assert steps == [("open", "connecting"), ("connecting", "open")]
            assert subscription.active
            await until(lambda: subscription.connection == client.connection)

    run(main())


def test_a_refused_subscribe_in_a_rotation() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            subscription = await client.user_data_stream_subscribe()
            exchange.faults.add(
                "error", "userDataStream.subscribe", times=2, status=400, code=-1191, msg="no"
            )
            with pytest.raises(fastws.BadRequest):
                await client.rotate()
            assert (client.connection, subscription.connection) == (1, 1)
            due_now(client)
            await until(lambda: client.connection == 4)
            assert steps[2:5] == [("open", "rotating"), ("rotating", "open"), ("open", "rotating")]
            await until(lambda: client.state == "open")
            assert subscription.connection == client.connection
            assert client.stats["gaps"] == 0

    run(main())


@pytest.mark.parametrize("first", [True, False])
def test_a_clock_off_by_an_hour_is_corrected_in_the_opening(first: bool) -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            account = exchange.add_account("Ed25519")
            client, steps, _ = watched(exchange.url, api_key=account.api_key, private_key=account.private_key)
            if first:
                client.clock.adopt(client.clock.now() - _monotonic_us() - 3_600_000_000, 1)
            async with client:
                if not first:
                    client.clock.adopt(client.clock.now() - _monotonic_us() + 3_600_000_000, 1)
                    lose(client)
                    await until(lambda: client.connection > 1)
                assert client.logged_on
                assert ("connecting", "waiting") not in steps
                assert await client.account_status()

    run(main())


def _monotonic_us() -> int:
    import time

    return time.monotonic_ns() // 1000


@pytest.mark.parametrize(
    ("error", "event", "wait"),
    [
        (fastws.NotConnected("no"), "failed", 0.0),
        (fastws.ConnectionLost("no"), "failed", 0.0),
        (fastws.RequestTimeout("no"), "failed", 0.0),
        (fastws.JsonError("no"), "failed", 0.0),
        (fastws.ServerError(503, 0, "no"), "failed", 0.0),
        (fastws.RateLimited(429, -1003, "no"), "failed", 0.0),
        (fastws.RateLimited(429, -1003, "no", {"retryAfter": NOW // 1000 + 7000}), "failed", 7.0),
        (  # the exchange says its own time, and this clock is an hour late
            fastws.RateLimited(
                429,
                -1003,
                "no",
                {"serverTime": NOW // 1000 + 3_600_000, "retryAfter": NOW // 1000 + 3_607_000},
            ),
            "failed",
            7.0,
        ),
        (fastws.Banned(418, -1003, "no"), "failed", 120.0),
        (fastws.Banned(418, -1003, "no", {"retryAfter": NOW // 1000 + 7000}), "failed", 120.0),
        (fastws.Banned(418, -1003, "no", {"retryAfter": NOW // 1000 + 700_000}), "failed", 700.0),
        (fastws.Banned(418, -1003, "no", {"retryAfter": 4 * 10**12}), "failed", 3 * 86400.0),
        (fastws.LocallyLimited("no", NOW + 2_500_000), "failed", 2.5),
        (fastws.LocallyLimited("no", NOW - 1), "failed", 0.0),
        (fastws.Forbidden(403, 0, "no"), "refused", 0.0),
        (fastws.BadRequest(404, 0, "no"), "refused", 0.0),
        (fastws.SessionRevoked(401, -2015, "no"), "refused", 0.0),
        (fastws.InvalidRequest("no"), "refused", 0.0),
    ],
)
def test_what_an_error_means(error: fastws.FastwsError, event: str, wait: float) -> None:
    assert judge(error, NOW) == (event, wait)
