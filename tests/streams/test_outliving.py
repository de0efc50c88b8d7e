"""Subscriptions that outlive connections, on an exchange: what was missed, and what recover_gap() finds of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any, NamedTuple

import pytest

import fastws
from fastws import EventGap, Gap, GapOpen
from fastws.emulator import Emulator
from helpers.halting import LIMIT
from helpers.support import run

FORMATS: list[dict[str, Any]] = [{}, {"sbe": True}, {"time_unit": "us"}, {"sbe": True, "time_unit": "us"}]
IDS = ["json", "sbe", "json-us", "sbe-us"]


class Floor(NamedTuple):
    """An exchange; a client that reconnects at once; another one of the same account, on another port."""

    exchange: Emulator
    client: fastws.Client
    watcher: fastws.Client
    gaps: list[Gap]
    states: list[tuple[str, str]]

    async def lose(self, missed: Awaitable[Any] | None = None) -> Any:
        """Lose the client's connection; it opens again when ``missed`` is done, whose result is returned."""
        port = self.exchange.ports[0]
        self.exchange.listen(port, False)
        for connection in self.exchange.connections:
            if connection.port == port:
                connection.abort()
        await self.down()
        result = None if missed is None else await missed
        self.exchange.listen(port, True)
        await self.client.wait_open(5.0)
        return result

    async def down(self) -> None:
        """Wait until the client has noticed a loss."""
        while self.client.state == "open":  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    async def trade(self) -> tuple[int, int]:
        """Place an order on the other connection, and fill it. Returns its id and that of its trade."""
        maker = await self.watcher.order_place(**LIMIT, newOrderRespType="FULL")
        account = self.exchange.add_account("HMAC")
        async with fastws.connect(
            self.exchange.urls[1], api_key=account.api_key, secret=account.secret
        ) as other:
            taker = await other.order_place(**{**LIMIT, "side": "SELL", "newOrderRespType": "FULL"})
        return maker["orderId"], taker["fills"][0]["tradeId"]


@contextlib.asynccontextmanager
async def floor(key: Any = "Ed25519", **options: Any) -> AsyncIterator[Floor]:
    gaps: list[Gap] = []
    states: list[tuple[str, str]] = []
    async with Emulator(ports=2, market="quiet", enforce_limits=False) as exchange:
        account = exchange.add_account(key)
        keys: dict[str, Any] = {"api_key": account.api_key}
        keys |= {"secret": account.secret} if account.secret else {"private_key": account.private_key}
        client = fastws.connect(
            exchange.urls[0],
            **keys,
            database_lag=0,
            on_gap=gaps.append,
            on_state=lambda old, new, reason: states.append((old, new)),
            **options,
        )
        client._supervisor.backoff.uniform = lambda low, high: 0.005
        async with client, fastws.connect(exchange.urls[1], **keys) as watcher:
            yield Floor(exchange, client, watcher, gaps, states)


async def kinds(subscription: Any, last: str) -> list[Any]:
    """What a consumer gets until the event of this kind: kinds of events, and EventGap."""
    found: list[Any] = []
    while last not in found:
        try:
            found.append((await anext(subscription))["e"])
        except EventGap:
            found.append(EventGap)
    return found


@pytest.mark.parametrize("options", FORMATS, ids=IDS)
@pytest.mark.parametrize("by", ["logon", "logon of another key", "signature", "signer"])
def test_the_loop_goes_on_and_the_recovery_names_what_it_missed(by: str, options: dict[str, Any]) -> None:
    async def main() -> None:
        async with floor(**options) as here:
            client = here.client
            others = None
            if by == "logon":
                subscription = await client.user_data_stream_subscribe()
            elif by == "logon of another key":
                account = here.exchange.add_account("Ed25519")
                others = fastws.load_signer(account.api_key, private_key=account.private_key)
                await client.session_logon(signer=others)
                subscription = await client.user_data_stream_subscribe()
            elif by == "signature":
                subscription = await client.user_data_stream_subscribe_signature()
            else:
                account = here.exchange.add_account("HMAC", api_key="o" * 64)
                others = fastws.load_signer(account.api_key, secret=account.secret)
                subscription = await client.user_data_stream_subscribe_signature(signer=others)
            before = await client.order_place(**{**LIMIT, "price": "49000.00"}, signer=others)
            while (await anext(subscription))["e"] != "executionReport":
                pass
            missed, trade = await here.lose(here.trade())
            if others is not None:
                missed = (await here.watcher.order_place(**LIMIT, signer=others))["orderId"]
            with pytest.raises(GapOpen) as caught:
                await client.order_place(**LIMIT, signer=others)
            told = caught.value.gap
            assert told is not None
            await client.order_cancel(symbol="BTCUSDT", orderId=before["orderId"], signer=others)
            assert EventGap in await kinds(subscription, "executionReport")
            assert here.gaps == [told]
            assert told.symbols == ("BTCUSDT",)
            recovery = await client.recover_gap(told)
            assert recovery.complete, recovery.missing
            rows = {row["orderId"]: row for row in recovery.orders}
            assert rows.keys() == {before["orderId"], missed}
            if others is None:
                assert rows[missed]["status"] == "FILLED"
                assert [(row["orderId"], row["id"]) for row in recovery.trades] == [(missed, trade)]
            await client.order_place(**LIMIT, signer=others)
            assert subscription.connection == client.connection > 1
            assert subscription.active

    run(main(), timeout=20)


def test_on_gap_comes_between_the_events_of_a_callback_and_of_a_plain_request() -> None:
    async def main() -> None:
        seen: list[Any] = []
        async with floor("HMAC", on_event=lambda event, number: seen.append(("plain", event["e"]))) as here:
            account = here.exchange.add_account("HMAC", api_key="o" * 64)
            others = fastws.load_signer(account.api_key, secret=account.secret)
            await here.client.user_data_stream_subscribe_signature(
                on_event=lambda event: seen.append(event["e"])
            )
            await here.client.request("userDataStream.subscribe.signature", signer=others)
            here.client.on_gap = lambda gap: seen.append(gap.account)
            await here.lose()
            for gap in here.client._handler.keeper.gaps.told():
                assert gap.gap is not None
                gap.gap.accept()
            await here.client.order_place(**LIMIT)
            await here.client.order_place(**LIMIT, signer=others)
            await here.client.ping()
            identity = here.client._handler.accounts.identity
            assert seen[:2] == [identity(None)[0], identity("o" * 64)[0]]
            assert ("plain", "executionReport") in seen[2:]
            assert "executionReport" in seen[2:]

    run(main())


def test_what_the_user_sends_in_on_state_open_meets_the_hold() -> None:
    """The gap is there before the first request of the new connection."""

    async def main() -> None:
        refused: list[Any] = []
        async with floor() as here:
            subscription = await here.client.user_data_stream_subscribe()

            def on_state(old: str, new: str, reason: str) -> None:
                if new == "open":
                    assert len(here.gaps) == 1
                    try:
                        here.client.order_place(**LIMIT)
                    except GapOpen as error:
                        refused.append(error)

            here.client.on_state = on_state
            await here.lose()
            assert [error.gap for error in refused] == here.gaps
            assert subscription.active

    run(main())


def test_no_event_is_told_twice_and_none_outside_of_a_gap_is_missing() -> None:
    """Losses at any time, while another connection trades: each event is delivered once, or is in a told gap."""

    async def main() -> None:
        async with floor(after_gap="go") as here:
            subscription = await here.client.user_data_stream_subscribe()
            ended = asyncio.Event()

            async def trade() -> None:
                while not ended.is_set():
                    order = await here.watcher.order_place(**LIMIT)
                    await here.watcher.order_cancel(symbol="BTCUSDT", orderId=order["orderId"])

            trading = asyncio.ensure_future(trade())
            got: list[Any] = []

            async def consume() -> None:
                while True:
                    try:
                        async for event in subscription:
                            got.append((event["e"], event["E"], event.get("i"), event.get("x")))
                        return
                    except EventGap as error:
                        got.append(error.gap)

            consuming = asyncio.ensure_future(consume())
            for _ in range(10):
                await asyncio.sleep(0.02)
                await here.lose()
            ended.set()
            await trading
            await here.client.order_place(**{**LIMIT, "newClientOrderId": "the-last"})
            await here.client.ping()
            await asyncio.sleep(0)
            await here.client.close()
            await consuming
            reports = [each for each in got if not isinstance(each, Gap) and each[0] == "executionReport"]
            assert len(reports) == len(set(reports)) > 10
            assert [each for each in got if isinstance(each, Gap)] == here.gaps
            assert len(here.gaps) == 10
            happened = [
                event.event for event in here.exchange.events if event.event["e"] == "executionReport"
            ]
            told = {(each[2], each[3]) for each in reports}
            for event in happened:
                at = event["E"]
                if (event["i"], event["x"]) not in told and not any(
                    gap.start <= at <= gap.end for gap in here.gaps
                ):
                    raise AssertionError(f"an event outside of the gaps is missing: {event}")

    run(main(), timeout=30)


# ------------------------------------------------------------------------------------------------ losses in between


def test_a_loss_while_the_stream_is_being_restored_is_another_gap_and_nothing_is_lost() -> None:
    async def main() -> None:
        async with floor(connect_timeout=0.3) as here:
            subscription = await here.client.user_data_stream_subscribe()
            port = here.exchange.ports[0]
            here.exchange.faults.add("cut_after", "userDataStream.subscribe", 2)
            await here.lose()
            assert subscription.connection == here.client.connection > 3
            assert len(here.gaps) == 1
            assert port == here.exchange.ports[0]
            here.exchange.faults.add("drop_reply", "userDataStream.subscribe", 1)
            await here.lose()
            assert len(here.gaps) == 2
            assert await kinds_until_gap(subscription, 2) == [EventGap, EventGap]

    run(main())


async def kinds_until_gap(subscription: Any, gaps: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < gaps:
        try:
            await anext(subscription)
        except EventGap:
            found.append(EventGap)
    return found


def test_a_refused_subscribe_is_repeated_on_the_open_connection() -> None:
    async def main() -> None:
        async with floor() as here:
            subscription = await here.client.user_data_stream_subscribe()
            here.exchange.faults.add("error", "userDataStream.subscribe", 2, status=400, code=-1191)
            await here.lose()
            assert here.client.connected
            assert (subscription.connection, subscription.active, here.gaps) == (-1, True, [])
            with pytest.raises(GapOpen, match="refused to subscribe again"):
                await here.client.order_place(**LIMIT)
            await here.client.open_orders_status()
            assert await kinds_until_gap(subscription, 1) == [EventGap]
            assert subscription.connection == here.client.connection
            assert (await here.client.recover_gap(here.gaps[0])).complete
            await here.client.order_place(**LIMIT)

    run(main())


def test_a_loss_during_the_recovery_does_not_end_it() -> None:
    async def main() -> None:
        async with floor(timeout=1.0) as here:
            subscription = await here.client.user_data_stream_subscribe()
            await here.client.order_place(**LIMIT)
            await here.lose()
            here.exchange.faults.add("cut_before", "openOrders.status", 1)
            here.exchange.faults.add("cut_after", "myTrades", 1)
            recovery = await here.client.recover_gap(here.gaps[0], timeout=5.0)
            assert recovery.complete, recovery.missing
            assert len(recovery.orders) == 1
            with pytest.raises(GapOpen) as caught:  # for the losses during the recovery
                await here.client.order_place(**LIMIT)
            assert caught.value.gap in here.gaps[1:]
            for gap in here.gaps[1:]:
                assert (await here.client.recover_gap(gap, timeout=5.0)).complete
            await here.client.order_place(**LIMIT)
            assert subscription.active

    run(main(), timeout=20)


def test_a_recovery_that_finds_no_connection_says_so_in_its_time() -> None:
    async def main() -> None:
        async with floor() as here:
            subscription = await here.client.user_data_stream_subscribe()
            await here.lose()

            async def recover() -> None:
                before = time.monotonic()
                recovery = await here.client.recover_gap(here.gaps[0], timeout=0.3)
                assert time.monotonic() - before < 0.6
                assert (recovery.complete, recovery.missing) == (False, ["the time: no time was left"])

            await here.lose(recover())
            assert (await here.client.recover_gap(here.gaps[0])).complete
            assert subscription.active

            async def close() -> None:
                asking = asyncio.ensure_future(here.client.recover_gap(Gap.since(here.gaps[1].start)))
                await asyncio.sleep(0)
                await here.client.close()
                recovery = await asking
                assert "the time: the client is closed" in recovery.missing[0]

            with pytest.raises(fastws.NotConnected):
                await here.lose(close())

    run(main())


def test_on_gap_may_ask_for_the_recovery_at_once() -> None:
    """It is called before the client is open again."""

    async def main() -> None:
        found: list[Any] = []
        async with floor() as here:
            subscription = await here.client.user_data_stream_subscribe()
            here.client.on_gap = lambda gap: found.append(asyncio.ensure_future(here.client.recover_gap(gap)))
            await here.lose()
            assert (await found[0]).complete
            await here.client.order_place(**LIMIT)
            assert subscription.active

    run(main())


def test_with_reconnect_off_a_subscription_ends_with_its_connection_as_ever() -> None:
    async def main() -> None:
        async with floor(reconnect=False) as here:
            subscription = await here.client.user_data_stream_subscribe()
            here.exchange.connections.pick("oldest").abort()
            with pytest.raises(fastws.ConnectionLost):
                await anext(subscription)
            assert (here.gaps, subscription.connection) == ([], -1)

    run(main())


def test_closing_while_down_ends_the_subscription_cleanly() -> None:
    async def main() -> None:
        async with floor() as here:
            subscription = await here.client.user_data_stream_subscribe()
            here.exchange.listen(here.exchange.ports[0], False)
            here.exchange.connections.pick("oldest").abort()
            await here.down()
            await here.client.close()
            assert [event async for event in subscription] == []
            assert subscription.error is None
            assert here.client._session.detached == []

    run(main())


def test_a_revoked_key_keeps_the_subscription_wanted_and_a_restored_one_brings_it_back() -> None:
    async def main() -> None:
        async with floor("HMAC") as here:
            subscription = await here.client.user_data_stream_subscribe_signature()
            key = here.client._options.signer.api_key  # type: ignore[union-attr]
            port = here.exchange.ports[0]
            here.exchange.listen(port, False)
            here.exchange.connections.pick("oldest").abort()
            await here.down()
            here.exchange.revoke(key)
            here.exchange.listen(port, True)
            await here.client.wait_open(5.0)
            assert (subscription.connection, subscription.active) == (-1, True)
            here.exchange.restore(key)
            assert await kinds_until_gap(subscription, 1) == [EventGap]
            assert subscription.connection == here.client.connection

    run(main())


def test_a_client_that_holds_nothing_does_not_collect_gaps() -> None:
    async def main() -> None:
        async with floor(after_gap="go") as here:
            gaps = here.client._handler.keeper.gaps
            for number in range(300):
                gaps.complete(gaps.open(None, None, "a test"), 1 + number, 2 + number)
            assert len(gaps.told()) == 100
            assert gaps.told()[-1].gap.start == 300  # type: ignore[union-attr]

    run(main())
