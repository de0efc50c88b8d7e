"""OrderMirror: its life, its callbacks, accounts, and what it refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fastws
from fastws import ConnectionLost, InvalidRequest, NotConnected, OrderMirror
from helpers.losing import until
from helpers.mirroring import LIMIT, MARKET, place
from helpers.support import run


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
