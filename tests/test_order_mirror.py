"""OrderMirror on the embedded exchange: what it shows, gaps, placements of unknown outcome."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

import fastws
from fastws import ConnectionLost, OrderMirror
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from helpers.losing import until
from helpers.mirroring import LIMIT, MARKET, place
from helpers.mirrors import shown_by
from helpers.support import run

# ------------------------------------------------------------------------------------------------------ what it shows


@pytest.mark.parametrize(
    "client", [{}, {"sbe": True}, {"numbers": "float"}, {"numbers": "decimal", "time_unit": "us"}]
)
def test_it_shows_what_the_account_has(client: dict[str, Any]) -> None:
    async def main() -> None:
        async with place(**client) as at:
            earlier = await at.client.order_place(**LIMIT)
            await at.client.order_place(**MARKET)
            # nothing of this counts, as it is before the start
            filled = set(at.truth()["fills"])
            await at.client.sync_time()
            await asyncio.sleep(0.002 + (at.client.clock.uncertainty or 0) / 1e6)
            mirror = await at.mirror()
            assert mirror.stale
            await mirror.ready()
            assert list(mirror.open_orders) == [("BTCUSDT", earlier["orderId"])]
            assert mirror.fills == {}
            await at.client.order_place(**MARKET)
            await at.client.order_amend_keep_priority(
                symbol="BTCUSDT", orderId=earlier["orderId"], newQty="0.0005", newClientOrderId="amended"
            )
            at.exchange.core.deposit(at.account, "USDT", "7")
            at.exchange.core.lock_externally(at.account, "USDT", "5")
            truth = at.truth()
            await until(lambda: len(mirror.fills) == len(truth["fills"]) - len(filled))
            await until(lambda: shown_by(mirror)["balances"] == truth["balances"])
            assert shown_by(mirror)["orders"] == truth["orders"]
            assert mirror.open_orders["BTCUSDT", earlier["orderId"]]["clientOrderId"] == "amended"
            await mirror.close()

    run(main())


def test_a_row_of_an_event_is_that_of_an_answer() -> None:
    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.ready()
            await at.client.order_place(**LIMIT, icebergQty="0.0005")
            await until(lambda: mirror.open_orders)
            (row,) = await at.client.open_orders_status()
            assert mirror.open_orders == {
                ("BTCUSDT", row["orderId"]): {
                    name: value for name, value in row.items() if name != "workingTime"
                }
            }
            await at.client.order_place(**MARKET)
            await until(lambda: mirror.fills)
            trades = await at.client.my_trades(symbol="BTCUSDT")
            assert list(mirror.fills.values()) == [
                {"allocationId": -1} | {name: value for name, value in trade.items() if name != "isBestMatch"}
                for trade in trades
            ]
            await mirror.close()

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
def test_allocations_of_a_gap_are_fills(sbe: bool) -> None:
    sor = {**LIMIT, "price": "70000.00"}

    async def main() -> None:
        async with place({"symbols": _sor_symbols()}, sbe=sbe) as at:
            mirror = await at.mirror()
            await mirror.ready()
            await at.client.sor_order_place(**sor)
            await at.agrees(mirror)
            at.exchange.listen(at.exchange.ports[0], False)
            at.lose()
            await at.other.sor_order_place(**sor)
            at.exchange.listen(at.exchange.ports[0], True)
            await until(lambda: not at.client.connected or mirror.stale)
            await at.agrees(mirror)
            assert {key[2] for key in mirror.fills} == {-1}
            assert len(mirror.fills) > 1
            await mirror.close()

    run(main())


def _sor_symbols() -> list[Any]:
    return [dataclasses.replace(each, sor=each.name == "BTCUSDT") for each in DEFAULT_SYMBOLS]


# ------------------------------------------------------------------------------------------------------------- gaps


def test_a_gap_makes_it_stale_until_it_has_recovered_it() -> None:
    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.ready()
            orders = [await at.client.order_place(**LIMIT) for _ in range(3)]
            await at.agrees(mirror)
            at.exchange.listen(at.exchange.ports[0], False)
            at.lose()
            await until(lambda: not at.client.connected)
            assert mirror.stale
            await at.other.order_cancel(symbol="BTCUSDT", orderId=orders[0]["orderId"])
            await at.other.order_place(**MARKET)
            await at.other.order_place(**LIMIT)
            at.exchange.listen(at.exchange.ports[0], True)
            await at.agrees(mirror)
            await at.client.order_place(**LIMIT)  # it has closed the gap
            await at.agrees(mirror)
            await mirror.close()

    run(main())


def test_it_is_stale_before_it_has_heard_of_the_gap() -> None:
    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.ready()
            told: list[bool] = []
            at.client.on_gap = lambda gap: told.append(
                mirror.stale
            )  # the EventGap is in the buffer, and not taken
            at.lose()
            await until(lambda: told)
            assert told == [True]
            await at.agrees(mirror)
            await mirror.close()

    run(main())


def test_a_revoked_logon_is_a_gap() -> None:
    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.ready()
            hmac = at.exchange.add_key("me", "HMAC")  # of the same account
            await at.client.order_place(**LIMIT)
            at.client._supervisor.backoff.refused = 0.01  # seconds until a refused logon is tried again
            at.exchange.revoke(at.key["api_key"])
            with pytest.raises(fastws.FastwsError):
                await at.client.account_status()
            await until(lambda: mirror.stale)
            async with fastws.connect(at.exchange.urls[1], api_key=hmac.api_key, secret=hmac.secret) as other:
                await other.open_orders_cancel_all(symbol="BTCUSDT")
                await other.order_place(**MARKET)
            at.exchange.restore(at.key["api_key"])
            await at.agrees(mirror)
            assert (mirror.open_orders, len(mirror.fills) > 0) == ({}, True)
            await mirror.close()

    run(main())


def test_a_client_that_only_reads_may_have_one() -> None:
    async def main() -> None:
        async with place(read_only=True) as at:
            mirror = await at.mirror()
            await mirror.ready()
            await at.other.order_place(**LIMIT)
            await at.agrees(mirror)
            at.lose()
            await until(lambda: mirror.stale)
            await at.agrees(mirror)
            assert len(mirror.open_orders) == 1
            await mirror.close()

    run(main())


def test_an_incomplete_recovery_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws.order_mirror._PAUSE", 0.01)

    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.ready()
            seen: list[str] = []
            recover_gap, left = (
                at.client.recover_gap,
                [
                    lambda: fastws.Recovery(missing=["allOrders of BTCUSDT: no time was left"]),
                    lambda: (_ for _ in ()).throw(fastws.LocallyLimited("weight is used up", 1)),
                    lambda: fastws.Recovery(complete=True),  # a lie: it has no account
                ],
            )

            async def recover(gap: Any, **options: Any) -> Any:
                seen.append(repr(mirror))
                return left.pop(0)() if left else await recover_gap(gap, **options)

            monkeypatch.setattr(at.client, "recover_gap", recover)
            at.lose()
            await until(lambda: len(seen) > 1)
            await at.agrees(mirror)
            assert "stale" in seen[1]
            assert "no time was left" in seen[1]
            assert "weight is used up" in seen[2]
            assert mirror.missing == []
            await mirror.close()

    run(main())


def test_a_second_gap_during_a_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.ready()
            recover_gap, gaps = at.client.recover_gap, []

            async def recover(gap: Any, **options: Any) -> Any:
                gaps.append(gap)
                found = await recover_gap(gap, **options)
                if len(gaps) == 1:
                    at.exchange.listen(at.exchange.ports[0], False)
                    at.lose()
                    await at.other.order_place(**MARKET)
                    await at.other.open_orders_cancel_all(symbol="BTCUSDT")
                    at.exchange.listen(at.exchange.ports[0], True)
                    await at.client.wait_open()
                return found

            monkeypatch.setattr(at.client, "recover_gap", recover)
            await at.client.order_place(**LIMIT)
            at.lose()
            await until(lambda: gaps)
            await at.agrees(mirror)
            assert len(gaps) == 2
            assert mirror.open_orders == {}
            await mirror.close()

    run(main())


def test_events_without_room_are_recovered() -> None:
    async def main() -> None:
        async with place() as at:
            subscription = await at.client.user_data_stream_subscribe(buffer=1)
            mirror = OrderMirror(at.client, subscription)
            await mirror.ready()
            with at.client.batch():
                replies = [at.client.order_place(**LIMIT) for _ in range(20)]
            await asyncio.gather(*replies)
            await at.agrees(mirror)
            assert subscription.lost
            assert len(mirror.open_orders) == 20
            await mirror.close()

    run(main())


def test_an_event_that_cannot_be_read_is_recovered() -> None:
    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.ready()
            number = at.exchange.core.clock.now_us()
            # NaN is no JSON: a DecodeError takes its place; the second event has not what a balance needs
            unreadable = {"e": "balanceUpdate", "E": number, "a": "BTC", "d": float("nan"), "T": number}
            lacking = {"e": "outboundAccountPosition", "E": number, "u": number, "B": [{"a": "BTC"}]}
            for event in (unreadable, lacking):
                at.exchange.core.emit(at.account, event)
                await until(lambda: mirror.stale)
                await at.agrees(mirror)
            await mirror.close()

    run(main())


def test_what_a_balance_update_does_not_say_is_asked() -> None:
    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.ready()
            # a change of which only the difference is told
            at.account.external_locks["USDT"] = 10**8
            at.account.balance("USDT").free -= 10**8
            at.account.balance("USDT").locked += 10**8
            now = at.exchange.core.clock.now_us()
            at.account.update_time = now
            at.exchange.core.emit(
                at.account, {"e": "externalLockUpdate", "E": now, "a": "USDT", "d": "1.00000000", "T": now}
            )
            stale: list[bool] = []
            while shown_by(mirror) != at.truth():
                stale.append(mirror.stale)
                await asyncio.sleep(0.005)
            assert not any(stale)
            assert mirror.balances["USDT"]["locked"] == "1.00000000"
            await mirror.close()

    run(main())


# ------------------------------------------------------------------------------------------------ unknown placements


def test_unknown_placements_leave_with_their_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws.order_mirror._LOOK", 0.01)

    async def main() -> None:
        async with place(timeout=0.05) as at:
            mirror = await at.mirror()
            await mirror.ready()
            at.exchange.faults.add("drop_reply", "order.place")
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await at.client.order_place(**LIMIT)
            assert [info.client_order_id for info in at.client.unknown_placements()] == [
                caught.value.info.client_order_id
            ]
            assert mirror.unknown == at.client.unknown_placements()
            assert at.client.unknown_placements("another key") == []
            assert "1 unknown placements" in repr(mirror)
            await until(lambda: not mirror.unknown)
            await at.agrees(mirror)
            assert len(mirror.open_orders) == 1
            await mirror.close()

    run(main())


def test_an_amendment_of_unknown_outcome_is_no_placement() -> None:
    async def main() -> None:
        async with place(timeout=0.05) as at:
            order = await at.client.order_place(**LIMIT)
            at.exchange.faults.add("drop_reply", "order.amend.keepPriority")
            with pytest.raises(fastws.ExecutionUnknown):
                await at.client.order_amend_keep_priority(
                    symbol="BTCUSDT", orderId=order["orderId"], newQty="0.0005"
                )
            assert at.client.unknown_placements() == []

    run(main())


def test_a_resolve_that_fails_is_repeated_and_one_without_a_verdict_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fastws.order_mirror._LOOK", 0.005)

    async def main() -> None:
        async with place(timeout=0.05) as at:
            mirror = await at.mirror()
            await mirror.ready()
            calls: list[Any] = []
            answers = [ConnectionLost("no"), fastws.StillOpen()]

            async def resolve(info: Any) -> Any:
                calls.append(info)
                answer = answers[len(calls) - 1]
                if isinstance(answer, Exception):
                    raise answer
                return answer

            monkeypatch.setattr(at.client, "resolve", resolve)
            at.exchange.faults.add("drop_reply", "order.place")
            with pytest.raises(fastws.ExecutionUnknown):
                await at.client.order_place(**LIMIT)
            await until(lambda: len(calls) == 2)
            await asyncio.sleep(0.03)
            assert len(calls) == 2
            assert mirror.unknown == [calls[0]]
            await mirror.close()

    run(main())
