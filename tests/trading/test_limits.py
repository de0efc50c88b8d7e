"""Rate limits: the mirror, the gate, what closes it, what passes, and when it opens again."""

# ruff: noqa: PT012, ASYNC110  # batches and loops that end in an error; tests that wait for a calendar's window

from __future__ import annotations

import asyncio
import pickle
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import fastws
from fastws import LocallyLimited
from fastws.emulator import Emulator
from fastws.emulator.values.limits import Limits
from fastws.methods import METHODS
from fastws.trading.limits import weight_of
from helpers import facts
from helpers.offline import Offline
from helpers.support import KEY, ORDER, refusal, run

UTC = timezone.utc
LIMIT = {**ORDER, "price": "50000.00", "quantity": "0.001"}
REPLACE = {**LIMIT, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": 1}
OTHER = fastws.load_signer("o" * 64, secret="s" * 64)


def call(client: fastws.Client, method: str, **params: Any) -> Any:
    return client.request(method, params)


def refuse(offline: Offline, reply: Any, status: int, code: int, msg: str = "no", **data: Any) -> None:
    offline.client.flush()
    offline.send(refusal(reply.info.id, status, code, msg, **data))


# An exchange whose clock is an hour ahead of ours: what it says of itself counts.
BASE = time.time_ns() // 1_000_000 + 3_600_000
MINUTE = {"retryAfter": BASE + 60_000, "serverTime": BASE}
END = datetime.fromtimestamp((BASE + 60_000) / 1000, UTC)


def passes(client: fastws.Client, names: dict[str, bool], **options: Any) -> None:
    """Which requests leave: in a batch that is given up, so that nothing is sent."""
    calls = {
        "read": lambda: client.depth(symbol="X"),
        "session": lambda: client.session_status(),
        "place": lambda: client.order_place(**LIMIT, **options),
        "list": lambda: client.request("orderList.place.oco", {"symbol": "X"}, **options),
        "test": lambda: client.order_test(**LIMIT),
        "amend": lambda: client.order_amend_keep_priority(symbol="X", orderId=1, newQty="1"),
        "replace": lambda: client.order_cancel_replace(**REPLACE, **options),
        "cancel only": lambda: client.order_cancel_replace(
            **REPLACE, orderRateLimitExceededMode="CANCEL_ONLY", **options
        ),
        "cancel": lambda: client.order_cancel(symbol="X", orderId=1),
        "cancel list": lambda: client.order_list_cancel(symbol="X", orderListId=1),
        "cancel all": lambda: client.open_orders_cancel_all(symbol="X"),
        "prepared": lambda: client.prepare("order.place", **LIMIT)(**options),
    }
    found = {}
    for name in names:
        batch = client.batch()
        batch.__enter__()
        try:
            calls[name]()
            found[name] = True
        except LocallyLimited:
            found[name] = False
        finally:
            batch.__exit__(KeyError, KeyError(), None)
    assert found == names


PLACING = ("place", "list", "replace", "prepared")
ALL = (*PLACING, "read", "session", "test", "amend", "cancel only")
CANCELS = ("cancel", "cancel list", "cancel all")


def dictionary(closed: Any, opened: Any) -> dict[str, bool]:
    return dict.fromkeys(closed, False) | dict.fromkeys(opened, True)


# --- what closes which gate


@pytest.mark.parametrize("data", [MINUTE, {"retryAfter": None}, {}])
def test_a_ban_stops_everything_even_cancels(data: dict[str, Any]) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        passes(client, dictionary((), (*ALL, *CANCELS)))
        refuse(offline, client.ping(), 418, -1003, **data)
        passes(client, dictionary((*ALL, *CANCELS), ()))
        with pytest.raises(LocallyLimited, match="banned this address; until 2") as caught:
            client.order_cancel(symbol="X", orderId=1)
        if "serverTime" in data:
            assert abs(caught.value.until - END) < timedelta(milliseconds=1)
        else:
            assert timedelta(seconds=110) < caught.value.until - datetime.now(UTC) < timedelta(seconds=121)
        assert client.in_flight == 0

    run(main())


@pytest.mark.parametrize(
    ("status", "code", "data"),
    [
        (429, -1003, MINUTE),
        (429, -1003, {name: 1000 * value for name, value in MINUTE.items()}),
        (429, -1034, MINUTE),
        (429, -1003, {}),
        (400, -1003, {}),
    ],
)
def test_weight_stops_all_but_cancels(status: int, code: int, data: dict[str, Any]) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        reply = client.ping()
        refuse(offline, reply, status, code, **data)
        passes(client, dictionary(ALL, CANCELS))
        with pytest.raises(LocallyLimited, match="request weight of this address") as caught:
            client.ping()
        if data:
            assert abs(caught.value.until - END) < timedelta(milliseconds=1)
        else:
            assert caught.value.until.second == 0, "the calendar's minute"
            assert caught.value.until - datetime.now(UTC) <= timedelta(minutes=1)
        if status == 429:
            error = reply.exception()
            assert error.retry_after is not None

    run(main())


@pytest.mark.parametrize(
    "text", ["Too many new orders; current limit is 50 orders per 10 SECOND.", "Too many."]
)
def test_too_many_orders_stop_what_places_orders_for_that_account(text: str) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        reply = client.order_place(**LIMIT)
        refuse(offline, reply, 429, -1015, text)
        passes(client, dictionary(PLACING, set(ALL + CANCELS) - set(PLACING)))
        passes(client, dictionary((), PLACING), signer=OTHER)
        with pytest.raises(LocallyLimited, match="limit of new orders of this account") as caught:
            client.order_place(**LIMIT)
        until = caught.value.until
        assert until.timestamp() % 10 == 0
        assert timedelta() < until - datetime.now(UTC) <= timedelta(seconds=10)
        assert reply.exception().retry_after == until, "the exchange does not say it; fastws does"

    run(main())


def test_too_many_orders_of_another_account_do_not_stop_the_own_one() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        refuse(offline, client.order_place(**LIMIT, signer=OTHER), 429, -1015)
        passes(client, {"place": True, "list": True})
        passes(client, {"place": False, "replace": False, "cancel only": True}, signer=OTHER)
        own = fastws.load_signer(KEY["api_key"], secret=KEY["secret"])
        passes(client, {"place": True}, signer=own)
        refuse(offline, client.order_place(**LIMIT, signer=own), 429, -1015)
        passes(client, {"place": False})

    run(main())


@pytest.mark.parametrize("unit", [1000, 1])
def test_a_ban_without_data_lasts_as_long_as_its_text_says(unit: int) -> None:
    async def main() -> None:
        offline = Offline()
        reply = offline.client.time()
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
        end = round(until.timestamp() * 1_000_000) // unit
        refuse(
            offline,
            reply,
            418,
            -1003,
            f"Way too much request weight used; IP banned until {end}. Please use …",
        )
        with pytest.raises(LocallyLimited, match="banned") as caught:
            offline.client.ping()
        assert abs(caught.value.until - until) < timedelta(milliseconds=1)
        assert isinstance(reply.exception(), fastws.Banned)
        assert reply.exception().retry_after == until

    run(main())


@pytest.mark.parametrize(("status", "code"), [(409, -2021), (400, -2022), (429, -2022)])
def test_the_half_of_a_cancel_replace_that_was_over_the_limit_closes_the_gate_too(
    status: int, code: int
) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        response = {"code": -1015, "msg": "Too many new orders; current limit is 9 orders per 1 DAY."}
        refuse(
            offline,
            client.order_cancel_replace(**REPLACE, orderRateLimitExceededMode="CANCEL_ONLY"),
            status,
            code,
            cancelResult="SUCCESS",
            newOrderResult="FAILURE",
            cancelResponse={},
            newOrderResponse=response,
        )
        passes(client, {"place": False, "read": True, "cancel": True})
        with pytest.raises(LocallyLimited) as caught:
            client.order_place(**LIMIT)
        assert caught.value.until.timestamp() % 86400 == 0

    run(main())


@pytest.mark.parametrize(
    ("status", "code"), [(400, -1013), (429, -1034), (403, 0), (500, -1000), (409, -2021)]
)
def test_other_refusals_close_nothing(status: int, code: int) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        reply = offline.client.order_place(**LIMIT)
        refuse(offline, reply, status, code)
        passes(offline.client, dictionary((), (*ALL, *CANCELS)))
        assert reply.exception() is not None

    run(main())


def test_a_refusal_without_an_id_closes_the_gate() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        replies = [offline.client.ping(), offline.client.ping()]
        offline.client.flush()
        offline.send(refusal(None, 418, -1003))
        passes(offline.client, dictionary(("read", "cancel"), ()))
        offline.lose()
        await asyncio.gather(*replies, return_exceptions=True)

    run(main())


# --- opening again, and cost


def test_a_closed_gate_hides_no_wrong_argument() -> None:
    async def main() -> None:
        client = Offline(**KEY).client
        client._limiter.close_gate("orders", 10**9, 1, "full", "another key")
        for wrong in ({"signer": "me"}, {"apiKey": ["k"]}):
            with pytest.raises(fastws.InvalidRequest, match=next(iter(wrong))):
                client.order_place(**ORDER, **wrong)

    run(main())


def test_gates_open_by_time_alone_and_a_longer_one_stays() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        refuse(offline, client.ping(), 429, -1003, retryAfter=1050, serverTime=1000)
        with pytest.raises(LocallyLimited):
            client.ping()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                reply = client.ping()
                break
            except LocallyLimited:
                await asyncio.sleep(0.005)
        assert reply.info.id
        offline.lose()
        await asyncio.gather(reply, return_exceptions=True)

    async def longer() -> None:
        offline = Offline(**KEY)
        client = offline.client
        first, second = client.ping(), client.ping(urgent=True)
        refuse(offline, first, 429, -1003, **MINUTE)
        refuse(offline, second, 429, -1003, retryAfter=BASE + 1, serverTime=BASE)
        with pytest.raises(LocallyLimited) as caught:
            client.ping()
        assert abs(caught.value.until - END) < timedelta(milliseconds=1)

    run(main())
    run(longer())


def test_what_is_refused_locally_leaves_no_trace() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        refuse(offline, client.ping(), 418, -1003)
        before = client.stats
        params = dict(LIMIT)
        for _ in range(100):
            with pytest.raises(LocallyLimited) as caught:
                client.order_place(**params)
        assert isinstance(caught.value, fastws.NotSent)
        assert caught.value.info is None
        assert (client.stats, client.in_flight) == (before, 0)
        assert len(offline.requests()) == 1
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (copy.until, str(copy)) == (caught.value.until, str(caught.value))

    run(main())


# --- the mirror


def limits_reply(id_: int, *rows: tuple[str, str, int, int, int]) -> dict[str, Any]:
    names = ("rateLimitType", "interval", "intervalNum", "limit", "count")
    return {
        "id": id_,
        "status": 200,
        "result": {},
        "rateLimits": [dict(zip(names, row, strict=True)) for row in rows],
    }


def test_counters_reset_with_the_calendars_interval() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        client = offline.client
        while time.time() % 1 > 0.8:
            await asyncio.sleep(0.01)
        offline.send(
            limits_reply(
                client.ping().info.id, ("ORDERS", "SECOND", 1, 10, 7), ("REQUEST_WEIGHT", "HOUR", 2, 10, 12)
            )
        )
        orders, weight = client.limits
        assert (orders.used, orders.count, orders.remaining) == (7, 7, 3)
        assert (weight.used, weight.remaining) == (12, 0)
        assert weight.resets_at is not None
        assert weight.resets_at.timestamp() % 7200 == 0
        assert orders.resets_at is not None
        assert orders.resets_at - datetime.now(UTC) <= timedelta(seconds=1)
        await asyncio.sleep(max(0, orders.resets_at.timestamp() - time.time()) + 0.01)
        again, weight = client.limits
        assert (again.used, again.limit) == (0, 10)
        assert again.resets_at == orders.resets_at + timedelta(seconds=1)
        assert weight.used == 12

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
def test_the_mirror_on_the_exchange_in_both_formats_and_accounts_apart(sbe: bool) -> None:
    async def main() -> None:
        async with Emulator(limits=Limits(orders_10s=1000)) as exchange:
            first, second = exchange.add_account("HMAC"), exchange.add_account("HMAC")
            async with fastws.connect(
                exchange.url, sbe=sbe, api_key=first.api_key, secret=first.secret
            ) as client:
                other = fastws.load_signer(second.api_key, secret=second.secret)
                assert client.limits == client.limits_of(other) == []
                for _ in range(3):
                    await client.order_place(**LIMIT)
                await client.order_place(**LIMIT, signer=other)
                await client.ping()
                own = {(row.rateLimitType, row.interval): row for row in client.limits}
                theirs = {(row.rateLimitType, row.interval): row for row in client.limits_of(other)}
                assert set(theirs) == {("ORDERS", "SECOND"), ("ORDERS", "DAY")}
                assert set(own) == {*theirs, ("REQUEST_WEIGHT", "MINUTE")}
                assert (own["ORDERS", "DAY"].used, theirs["ORDERS", "DAY"].used) == (3, 1)
                assert own["ORDERS", "SECOND"].limit == 1000
                itself = fastws.load_signer(first.api_key, secret=first.secret)
                assert client.limits_of(itself) == client.limits
                for row in own.values():
                    assert row.resets_at is not None
                    assert row.resets_at > datetime.now(UTC)

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("unit", ["ms", "us"])
def test_over_the_limits_of_the_exchange(sbe: bool, unit: Any) -> None:
    async def main() -> None:
        async with Emulator(limits=Limits(orders_10s=3, request_weight=200)) as exchange:
            account = exchange.add_account("HMAC")
            key = {"api_key": account.api_key, "secret": account.secret}
            async with fastws.connect(exchange.url, sbe=sbe, time_unit=unit, **key) as client:
                placed = [await client.order_place(**LIMIT) for _ in range(3)]
                with pytest.raises(fastws.RateLimited) as limited:
                    await client.order_place(**LIMIT)
                assert limited.value.code == -1015
                with pytest.raises(LocallyLimited) as caught:
                    client.order_place(**LIMIT)
                assert caught.value.until == limited.value.retry_after
                assert caught.value.until.timestamp() % 10 == 0
                journal = len(exchange.journal)
                with pytest.raises(fastws.RateLimited) as heavy:
                    while True:
                        await client.exchange_info(symbol="BTCUSDT")
                assert heavy.value.code == -1003
                assert heavy.value.retry_after.second == 0
                assert timedelta() < heavy.value.retry_after - datetime.now(UTC) <= timedelta(minutes=1)
                with pytest.raises(LocallyLimited, match="request weight") as caught:
                    client.ping()
                assert abs(caught.value.until - heavy.value.retry_after) < timedelta(seconds=0.1)
                assert len(exchange.journal) > journal
                cancel = client.order_cancel(symbol="BTCUSDT", orderId=placed[0]["orderId"])
                with pytest.raises(fastws.RateLimited):
                    await cancel  # passed the gate: the exchange has the last word

    run(main())


# --- room for what matters


def test_reads_leave_the_reserve() -> None:
    async def main() -> None:
        async with Emulator(limits=Limits(request_weight=100)) as exchange:
            account = exchange.add_account("HMAC")
            key = {"api_key": account.api_key, "secret": account.secret}
            async with fastws.connect(exchange.url, reserve_weight=40, **key) as client:
                while datetime.now(UTC).second > 55:
                    await asyncio.sleep(0.1)
                await client.ping()
                (weight,) = client.limits
                replies = []
                with pytest.raises(LocallyLimited, match=r"40 is kept \(reserve_weight\)") as caught:
                    while True:
                        replies.append(client.depth(symbol="BTCUSDT", limit=5))
                # what is on its way counts, although no reply has shown it yet
                assert len(replies) == (100 - 40 - weight.used) // 5
                assert caught.value.until == weight.resets_at
                cheap = client.ping() if (60 - weight.used) % 5 else None
                await asyncio.gather(*replies, *([cheap] if cheap else []))
                (weight,) = client.limits
                assert 55 <= weight.used <= 60
                with pytest.raises(LocallyLimited):
                    client.prepare("depth", symbol="BTCUSDT", limit=100)()
                assert (await client.order_place(**LIMIT))["status"] == "NEW", "not a read"
                assert await client.session_status()

    run(main())


def test_reads_that_never_left_give_their_weight_back() -> None:
    async def main() -> None:
        offline = Offline(**KEY, reserve_weight=0)
        assert offline.client.ping().info.id, "a reserve of nothing is none"
        offline = Offline(**KEY, reserve_weight=10)
        client = offline.client
        offline.send(limits_reply(client.ping().info.id, ("REQUEST_WEIGHT", "DAY", 1, 100, 0)))
        for _ in range(50):
            with pytest.raises(ValueError, match="x"), client.batch():
                for _ in range(9):
                    client.avg_price(symbol="X")
                raise ValueError("x")
            cancelled = [client.avg_price(symbol="X") for _ in range(3)]
            for reply in cancelled[1:]:
                reply.cancel()
            await asyncio.sleep(0)
            offline.send({"id": cancelled[0].info.id, "status": 200, "result": {}})
            with pytest.raises(fastws.InvalidRequest):
                client.avg_price()
        assert [client.klines(symbol="X", interval="1m") for _ in range(45)]
        with pytest.raises(LocallyLimited):
            client.ping()
        offline.lose()

    run(main())


def test_weights_are_the_documented_ones() -> None:
    documented = {m["method"]: m["weight"] for m in facts.methods()}
    for name, method in METHODS.items():
        if method.role == "READ" and documented[name].strip('"').isdigit():
            assert weight_of(name, {}) == int(documented[name].strip('"')), name
    for name, params, weight in (
        ("depth", {}, 5),
        ("depth", {"limit": 100}, 5),
        ("depth", {"limit": 101}, 25),
        ("depth", {"limit": 1000}, 50),
        ("depth", {"limit": 5000}, 250),
        ("depth", {"limit": "5"}, 250),
        ("ticker.24hr", {"symbol": "X"}, 2),
        ("ticker.24hr", {"symbols": ["X"] * 21}, 40),
        ("ticker.24hr", {}, 80),
        ("ticker", {"symbols": ["X"] * 51}, 200),
        ("ticker.tradingDay", {"symbols": ["X"] * 3}, 12),
        ("ticker.price", {"symbol": "X"}, 2),
        ("ticker.book", {}, 4),
        ("executionRules", {"symbols": ["X"] * 3}, 6),
        ("executionRules", {}, 40),
        ("order.test", {"computeCommissionRates": True}, 20),
        ("order.test", {}, 1),
        ("openOrders.status", {"symbol": "X"}, 6),
        ("openOrders.status", {}, 80),
        ("myTrades", {}, 20),
        ("myTrades", {"orderId": 1}, 5),
        ("myPreventedMatches", {"orderId": 1}, 20),
        ("myPreventedMatches", {"preventedMatchId": 1}, 2),
        ("v3/myFilters", {}, 40),
    ):
        assert weight_of(name, params) == weight, (name, params)


@pytest.mark.parametrize("value", [-1, 1.5, True, "5"])
def test_a_wrong_reserve_is_named(value: Any) -> None:
    with pytest.raises(fastws.InvalidRequest, match="reserve_weight"):
        fastws.connect("testnet", reserve_weight=value)
