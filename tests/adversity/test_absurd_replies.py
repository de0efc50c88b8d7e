"""Replies that are well-formed and absurd: they end their own request, lock nothing for years, and break nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
from typing import Any

import pytest

import fastws
from fastws import DecodeError, ExecutionUnknown, LocallyLimited
from helpers.offline import Offline
from helpers.support import KEY, frame, run

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
DAY = 86400
HUGE = 10**30
NINES = "9" * 5000

ERRORS: list[Any] = [
    {"code": [1], "msg": 5},
    {"code": {"a": 1}, "msg": None},
    {"code": "x", "msg": "m"},
    {"code": 1.5, "msg": []},
    {"code": True, "msg": "m"},
    {"code": 2**80, "msg": "m"},
    {},
    {"code": -1003, "msg": "m", "data": {"retryAfter": HUGE, "serverTime": 1}},
    {"code": -1003, "msg": "m", "data": {"retryAfter": -HUGE, "serverTime": 1}},
    {"code": -1003, "msg": "m", "data": {"retryAfter": 2**63 - 1, "serverTime": -(2**63)}},
    {"code": -1003, "msg": "m", "data": {"retryAfter": 1_700_000_000_000, "serverTime": 0}},
    {"code": -1003, "msg": "m", "data": {"retryAfter": 10**17 - 1}},
    {"code": -1003, "msg": "m", "data": {"retryAfter": True}},
    {"code": -1003, "msg": "m", "data": {"retryAfter": "soon", "serverTime": []}},
    {"code": -1003, "msg": "m", "data": [1]},
    {"code": -1015, "msg": "limit is 5 orders per 0 SECOND."},
    {"code": -1015, "msg": "limit is 5 orders per 999999 DAY."},
    {"code": -1015, "msg": f"limit is 5 orders per {NINES} DAY."},
    {"code": -1015, "msg": 17},
    {"code": -2021, "msg": "m", "data": {"newOrderResponse": {"code": [1], "msg": {}}}},
    {"code": -2021, "msg": "m", "data": {"newOrderResponse": {"code": -1015, "msg": {}}}},
    {"code": -2021, "msg": "m", "data": {"cancelResponse": {"code": {}}}},
]


@pytest.mark.parametrize("status", [400, 409, 418, 429, 503])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: json.dumps(error)[:60])
def test_an_error_of_any_shape_ends_its_request_and_locks_nothing_for_long(error: Any, status: int) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        waiting = client.order_place(**ORDER)
        offline.send({"id": offline.requests()[0]["id"], "status": status, "error": error})
        assert waiting.done()
        raised = waiting.exception()
        if isinstance(raised, ExecutionUnknown):
            raised = raised.cause
        assert isinstance(raised, fastws.ApiError)
        assert isinstance(raised.code, int)
        assert isinstance(raised.msg, str)
        assert str(raised)
        assert raised.name is None or isinstance(raised.name, str)
        assert raised.retry_after is None or raised.retry_after.year
        assert str(pickle.loads(pickle.dumps(raised))) == str(raised)
        assert client.connected
        for method, params in (("time", {}), ("order.place", ORDER)):
            try:
                client.request(method, dict(params))
            except LocallyLimited as limited:
                left = limited._until_us - client.clock.now()
                assert left <= 3 * DAY * 1_000_000
        offline.lose()

    run(main())


def test_a_refusal_for_years_is_believed_for_days_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        with caplog.at_level(logging.WARNING, "fastws"):
            waiting = offline.client.time()
            later = offline.client.clock.now() // 1000 + 400 * DAY * 1000
            error = {"code": -1003, "msg": "banned", "data": {"retryAfter": later}}
            offline.send({"id": offline.requests()[0]["id"], "status": 418, "error": error})
            assert isinstance(waiting.exception(), fastws.Banned)
        with pytest.raises(LocallyLimited) as caught:
            offline.client.time()
        assert abs(caught.value._until_us - offline.client.clock.now() - 3 * DAY * 10**6) < 10**6
        assert "longer than can be" in caplog.text
        offline.lose()

    run(main())


@pytest.mark.parametrize("value", ["x" * 1000, HUGE, -1, 0, None, 1.5, [], {"a": 1}, True, 2**63, "absent"])
def test_a_server_time_that_can_be_none_is_refused_and_the_clock_kept(value: Any) -> None:
    async def main() -> None:
        offline = Offline()
        measuring = asyncio.ensure_future(offline.client.sync_time(samples=1))
        await asyncio.sleep(0)
        result = [] if value == "absent" else {"serverTime": value}
        offline.send({"id": offline.requests()[0]["id"], "status": 200, "result": result})
        with pytest.raises(DecodeError, match="serverTime"):
            await measuring
        assert not offline.client.clock.synced
        offline.lose()

    run(main())


@pytest.mark.parametrize("interval", ["SECOND", "DAY", "é", ""])
@pytest.mark.parametrize("number", [0, 1, -1, 2**31 - 1, -(2**31), 200])
@pytest.mark.parametrize("count", [5, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("limit", [5, 2**63 - 1, -(2**63)])
def test_rate_limits_of_absurd_numbers_can_be_looked_at_and_lock_nothing_for_long(
    interval: str, number: int, count: int, limit: int
) -> None:
    async def main() -> None:
        offline = Offline(reserve_weight=100)
        waiting = offline.client.time()
        row = {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": interval,
            "intervalNum": number,
            "limit": limit,
            "count": count,
        }
        message = {"id": offline.requests()[0]["id"], "status": 200, "result": {}, "rateLimits": [row]}
        offline.send(message)
        assert waiting.result() == {}
        for seen in offline.client.limits:
            assert repr(seen)
            assert seen.remaining >= 0
        refused = None
        try:
            offline.client.time()
        except LocallyLimited as limited:
            refused = limited
        if refused is not None:
            assert refused._until_us - offline.client.clock.now() <= 31 * DAY * 10**6
            assert max(count, 0) + 1 > min(max(limit, 0), 2**60) - 100, "no sum may overflow"
        offline.lose()

    run(main())


def test_what_applying_a_refusal_raises_is_reported_and_the_request_ends() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        raised: list[Any] = []
        offline.loop.set_exception_handler(lambda loop, context: raised.append(context["exception"]))

        def broken(*args: object) -> None:
            raise RuntimeError("broken")

        offline.client._handler.apply_refusal = broken  # type: ignore[method-assign]
        waiting = offline.client.order_place(**ORDER)
        offline.send({"id": offline.requests()[0]["id"], "status": 400, "error": {"code": -1100, "msg": "m"}})
        assert isinstance(waiting.exception(), fastws.BadRequest)
        assert [str(error) for error in raised] == ["broken"]
        offline.lose()

    run(main())


@pytest.mark.parametrize("cut", range(0, 50, 7))
@pytest.mark.parametrize("broken", [b"\xff", b"\x01"])
def test_a_key_in_a_message_that_cannot_be_read_is_in_no_log_and_no_exception(
    cut: int, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither whole, nor as far as an excerpt reaches."""

    async def main() -> None:
        offline = Offline(**KEY)
        waiting = offline.client.order_place(**ORDER)
        key = b"vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
        with caplog.at_level(logging.DEBUG, "fastws"):
            text = b'{"x":"' + b"-" * cut + b'","result":{"apiKey":"' + key + b'","y":"' + broken + b'"}}'
            offline.send(frame(1, text), frame(1, text))
            offline.lose()
        raised = f"{waiting.exception()!r} {waiting.exception()} {offline.client.close_reason} {caplog.text}"
        assert "vmPU" not in raised
        assert "apiKey" in raised

    run(main())


def test_events_of_ever_new_subscriptions_fill_neither_the_log_nor_the_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        with caplog.at_level(logging.WARNING, "fastws"):
            for number in range(3000):
                offline.send({"subscriptionId": number * 10**6, "event": {"e": "balanceUpdate"}})
        assert offline.client.stats["unknown_events"] == 3000
        assert len(caplog.records) <= 1024
        offline.lose()

    run(main())
