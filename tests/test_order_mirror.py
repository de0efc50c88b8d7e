"""OrderMirror on the embedded exchange: its life, its callbacks, and what it refuses."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

import fastws
from fastws import ConnectionLost, InvalidRequest, NotConnected, OrderMirror
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


# ---------------------------------------------------------------------------------------------------------- its life


def test_its_callbacks_come_behind_its_state_and_may_raise() -> None:
    async def main() -> None:
        async with place() as at:
            heard: list[Any] = []
            raised: list[Any] = []
            asyncio.get_running_loop().set_exception_handler(
                lambda loop, context: raised.append(context["exception"])
            )

            def on_event(event: Any) -> None:
                heard.append((event["e"], len(mirror.open_orders)))
                raise LookupError("a fault of the user")

            mirror = await at.mirror(on_event=on_event)
            await mirror.ready()
            await at.client.order_place(**LIMIT)
            await until(lambda: len(heard) == 2)
            assert heard == [("executionReport", 1), ("outboundAccountPosition", 1)]
            assert [str(each) for each in raised] == ["a fault of the user"] * 2
            await at.agrees(mirror)
            await mirror.close()

    run(main())


def test_its_end_leaves_the_subscription_and_no_task() -> None:
    async def main() -> None:
        async with place() as at:
            subscription = await at.client.user_data_stream_subscribe()
            before = asyncio.all_tasks()
            async with OrderMirror(at.client, subscription) as mirror:
                await mirror.ready()
            assert asyncio.all_tasks() == before
            assert (mirror.reason, mirror.error, mirror.stale) == ("closed", None, True)
            with pytest.raises(NotConnected, match="the mirror has ended: closed"):
                await mirror.ready()
            await mirror.close()
            await at.client.order_place(**LIMIT)
            assert (await anext(subscription))["e"] == "executionReport"
            async with OrderMirror(at.client, subscription) as mirror:  # another one goes on
                await mirror.ready()
                assert len(mirror.open_orders) == 1

    run(main())


def test_it_may_end_before_its_first_turn() -> None:
    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.close()
            assert (mirror.reason, mirror.stale) == ("closed", True)
            with pytest.raises(NotConnected, match="the mirror has ended: closed"):
                await mirror.ready()

    run(main())


def test_without_a_measured_clock_it_asks_for_the_time() -> None:
    async def main() -> None:
        async with (
            place() as at,
            fastws.connect(at.exchange.urls[1], **at.key, sync_every=None, database_lag=0.0) as client,
        ):
            assert not client.clock.synced
            await at.other.order_place(**MARKET)
            await asyncio.sleep(0.002)
            async with OrderMirror(client, await client.user_data_stream_subscribe()) as mirror:
                at.exchange.faults.add("cut_before", "time")
                await mirror.ready()
                assert mirror.fills == {}
                await client.order_place(**MARKET)
                await until(lambda: mirror.fills)

    run(main())


@pytest.mark.parametrize("end", ["unsubscribe", "client"])
def test_it_ends_with_the_subscription(end: str) -> None:
    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            waiting = asyncio.ensure_future(mirror.ready())
            await asyncio.sleep(0)
            if end == "unsubscribe":
                await mirror.subscription.unsubscribe()
            else:
                await at.client.close()
            with pytest.raises(NotConnected, match="the mirror has ended"):
                await waiting
            assert mirror.reason == mirror.subscription.reason
            assert mirror.stale
            assert f"ended ({mirror.reason})" in repr(mirror)

    run(main())


def test_it_ends_in_the_error_of_the_subscription() -> None:
    async def main() -> None:
        async with place(reconnect=False) as at:
            mirror = await at.mirror()
            await mirror.ready()
            at.lose()
            await until(lambda: mirror.reason)
            assert isinstance(mirror.error, ConnectionLost)
            with pytest.raises(ConnectionLost):
                await mirror.ready()

    run(main())


def test_a_fault_of_its_own_ends_it_and_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with place() as at:
            mirror = await at.mirror()
            await mirror.ready()
            monkeypatch.setattr(mirror, "_take_event", lambda event: event.nothing)
            await at.client.order_place(**LIMIT)
            await until(lambda: mirror.reason)
            assert isinstance(mirror.error, AttributeError)
            with pytest.raises(AttributeError):
                await mirror.ready()

    run(main())
    assert [record.code for record in caplog.records if record.levelname == "ERROR"] == ["mirror-ended"]  # type: ignore[attr-defined]


def test_it_is_of_another_account_with_its_signer() -> None:
    async def main() -> None:
        async with place() as at:
            key = at.exchange.add_account("HMAC", name="another", balances={"USDT": "1000"})
            signer = fastws.load_signer(key.api_key, secret=key.secret)
            subscription = await at.client.user_data_stream_subscribe_signature(signer=signer)
            assert not subscription.own
            at.account = key.account
            mirror = OrderMirror(at.client, subscription)
            await mirror.ready()
            await at.client.order_place(**LIMIT)
            await at.client.order_place(**LIMIT, signer=signer)
            await at.agrees(mirror)
            at.lose()
            await until(lambda: mirror.stale)
            await at.agrees(mirror)
            assert len(mirror.open_orders) == 1
            await mirror.close()

    run(main())


def test_what_it_cannot_use_is_refused() -> None:
    async def main() -> None:
        async with place() as at:
            subscription = await at.client.user_data_stream_subscribe()
            by_callback = await at.other.user_data_stream_subscribe(on_event=print)

            async def later(event: Any) -> None: ...

            for arguments, text in (
                ((at.client, None), "subscription: expected one of <fastws.Client .*, got None"),
                ((None, subscription), "expected one of None, got <fastws.Subscription "),
                ((at.other, subscription), "expected one of <fastws.Client .*, got <fastws.Subscription "),
                (
                    (at.other, by_callback),
                    r"expected one without on_event; use OrderMirror\(on_event=…\)",
                ),
            ):
                with pytest.raises(InvalidRequest, match=text):
                    OrderMirror(*arguments)
            for options, text in (
                ({"on_event": later}, "on_event: expected a plain function"),
                ({"on_fill": 1}, "on_fill: expected a callable, got 1"),
                ({"symbols": "BTCUSDT"}, "symbols: expected several symbols"),
            ):
                with pytest.raises(InvalidRequest, match=text):
                    OrderMirror(at.client, subscription, **options)

    run(main())


def test_an_account_that_the_client_cannot_ask_about_ends_it() -> None:
    async def main() -> None:
        async with place() as at:
            key = at.exchange.add_account("HMAC")
            signer = fastws.load_signer(key.api_key, secret=key.secret)
            params: dict[str, Any] = {
                "apiKey": key.api_key,
                "timestamp": at.exchange.core.clock.now_us() // 1000,
            }
            params["signature"] = signer.sign(signer.payload(params))
            subscription = await at.client.user_data_stream_subscribe_signature(**params)
            mirror = OrderMirror(at.client, subscription)
            with pytest.raises(InvalidRequest, match="the gap is of another account"):
                await mirror.ready()

    run(main())
