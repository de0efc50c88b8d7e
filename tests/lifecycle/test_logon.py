"""fastws.lifecycle.logon and relogon: logons that the exchange revoked, and those that only the caller can restore."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from test_core import ed25519_key

import fastws
from fastws.emulator import Emulator
from helpers.losing import keyed, lose, nothing_left, until, watched
from helpers.support import CLOSE, KEY, Peer, frame, refusal, reply, run, serving

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000",
    "quantity": "0.001",
}


async def revoke(exchange: Emulator, client: fastws.Client) -> None:
    """The exchange revokes the key of the client, as its next request shows."""
    exchange.faults.add("revoke", "account.status")
    with pytest.raises(fastws.SessionRevoked):
        await client.account_status()


def signer_of(account: Any) -> fastws.Signer:
    return fastws.load_signer(account.api_key, private_key=account.private_key)


def test_a_revoked_logon() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            client._supervisor.backoff.refused = 60.0
            key = client._options.signer.api_key  # type: ignore[union-attr]
            seen: list[Any] = []

            def on_reply(result: Any, error: Exception | None) -> None:
                seen.append(type(error))
                with pytest.raises(fastws.NotSent, match="the logon was revoked"):
                    client.order_place(**ORDER)

            exchange.faults.add("revoke", "account.status")
            client.account_status(on_reply=on_reply)
            await until(lambda: len(steps) == 2)
            assert seen == [fastws.SessionRevoked], "in its callback, trading is refused already"
            assert steps == [("open", "open")] * 2
            assert reasons[0].startswith("the logon was revoked; trading is refused until it is restored: ")
            assert reasons[1].startswith("the logon was refused: session.logon: ")
            assert reasons[1].endswith("the next attempt follows in 60 s")
            assert (client.state, client.connected, client.connection) == ("open", True, 1)
            count = len(exchange.journal)
            for send in (
                lambda: client.order_place(**ORDER),
                lambda: client.order_cancel(symbol="BTCUSDT", orderId=1),
                lambda: client.open_orders_cancel_all(symbol="BTCUSDT"),
            ):
                with pytest.raises(fastws.NotSent, match="trading is refused until it is restored"):
                    send()
            assert await client.ping() == {}, "reads pass"
            assert len(exchange.journal) == count + 1
            exchange.restore(key)
            client._supervisor.attempts._woken(
                0.0
            )  # changes nothing: it waits for the logon, not for a connection
            client._supervisor._relogon._due()
            await until(lambda: client.logged_on)
            assert reasons[-1] == "logged on again"
            assert steps[-1] == ("open", "open")
            assert (await client.order_place(**ORDER))["status"] == "NEW"
            assert client.connection == 1
            assert client._supervisor._relogon._timer is None

    run(main())


def test_a_revoked_logon_with_many_requests_in_flight_is_told_once() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            exchange.faults.add("revoke", "account.status")
            replies = [client.account_status() for _ in range(5)]
            await asyncio.gather(*replies, return_exceptions=True)
            assert steps.count(("open", "open")) >= 1
            assert sum(reason.startswith("the logon was revoked") for reason in reasons) >= 1

    run(main())


def test_a_logon_that_is_refused() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            key = client._options.signer.api_key  # type: ignore[union-attr]
            await revoke(exchange, client)  # backoff.refused is 0: it is tried again at once
            await until(lambda: sum(reason.startswith("the logon was refused") for reason in reasons) >= 3)
            assert set(steps) == {("open", "open")}
            exchange.restore(key)
            await until(lambda: client.logged_on)
            assert reasons[-1] == "logged on again"

    run(main())


def test_a_logon_that_fails() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, reasons):
            key = client._options.signer.api_key  # type: ignore[union-attr]
            exchange.faults.add("server_error", "session.logon", times=2)
            await revoke(exchange, client)
            exchange.restore(key)
            await until(lambda: client.logged_on)
            failed = [reason for reason in reasons if reason.startswith("the logon failed: ")]
            assert len(failed) == 2
            assert failed[0].endswith("the next attempt follows in 0.00 s")

    run(main())


def test_a_restored_logon_does_not_undo_that_of_the_user_which_is_under_way() -> None:
    """Else the user's orders would reach the account of the logon before."""

    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            client._supervisor.backoff.refused = 0.05
            key = client._options.signer.api_key  # type: ignore[union-attr]
            other = signer_of(exchange.add_account("Ed25519"))
            await revoke(exchange, client)
            await until(lambda: client._supervisor._relogon._timer is not None)
            exchange.restore(key)
            exchange.faults.add("hold", "session.logon", times=2, seconds=0.2)
            await client.session_logon(signer=other)
            await asyncio.sleep(0.2)
            assert (await client.session_status())["apiKey"] == other.api_key
            assert client.logged_on
            assert client._session.route.logon_key == other.api_key  # type: ignore[union-attr]
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


def test_a_loss_while_the_logon_is_revoked_ends_in_the_table_of_attempts() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            client._supervisor.backoff.refused = 60.0
            key = client._options.signer.api_key  # type: ignore[union-attr]
            await revoke(exchange, client)
            await until(lambda: len(steps) == 2)
            lose(client)
            await until(lambda: client.state == "waiting")
            assert reasons[-1].startswith("refused: session.logon: ")
            exchange.restore(key)
            client._supervisor.attempts._woken(0.0)
            await client.wait_open(5)
            assert client.logged_on
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


def test_closing_while_the_logon_is_revoked_leaves_nothing() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            client._supervisor.backoff.refused = 60.0
            await revoke(exchange, client)
            await until(lambda: len(steps) == 2)
            await client.close()
            await nothing_left(client, asyncio.all_tasks())
            assert client._handler._revoking == {}

    run(main())


@pytest.mark.parametrize("way", ["logon", "logout"])
def test_the_user_may_log_on_or_out_instead(way: str) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, reasons):
            client._supervisor.backoff.refused = 60.0
            other = exchange.add_account("Ed25519")
            await revoke(exchange, client)
            await until(lambda: len(steps) == 2)
            if way == "logon":
                await client.session_logon(signer=signer_of(other))
                assert reasons[-1] == "logged on again"
                assert (await client.order_place(**ORDER))["status"] == "NEW"
            else:
                await client.session_logout()
                assert reasons[-1] == "logged out"
                with pytest.raises(fastws.ApiError):
                    await client.order_place(**ORDER)
            assert client._limiter.holds == ()
            assert client._supervisor._relogon._timer is None

    run(main())


@pytest.mark.parametrize("way", ["fastws", "the user"])
@pytest.mark.parametrize("order", ["iterator", "on_event"])
def test_the_subscription_of_a_revoked_logon_comes_back_and_its_gap_is_told(way: str, order: str) -> None:
    """Without this, a strategy would go on to trade, and hear of no fill any more."""

    async def main() -> None:
        gaps: list[fastws.Gap] = []
        events: list[Any] = []
        async with keyed(on_gap=gaps.append) as (exchange, client, steps, _):
            client._supervisor.backoff.refused = 60.0
            signer = client._options.signer
            assert signer is not None
            on_event = events.append if order == "on_event" else None
            subscription = await client.user_data_stream_subscribe(on_event=on_event)
            await revoke(exchange, client)
            await until(lambda: len(steps) == 2)
            assert (subscription.active, subscription.id, subscription.reason) == (True, -1, None)
            with pytest.raises(fastws.NotSent, match="the logon was revoked"):
                client.order_place(**ORDER)
            exchange.restore(signer.api_key)
            if way == "fastws":
                client._supervisor._relogon._due()
            else:
                await client.session_logon()
            await until(lambda: subscription.connection == 1 and subscription.id >= 0)
            assert client.connection == 1
            assert len(gaps) == 1
            assert "revoked" in gaps[0].reason
            with pytest.raises(fastws.GapOpen):
                client.order_place(**ORDER)
            if order == "iterator":
                with pytest.raises(fastws.EventGap):
                    await subscription.__anext__()
            gaps[0].accept()
            placed = await client.order_place(**ORDER)
            if order == "iterator":
                events.append(await subscription.__anext__())
            await until(lambda: events)
            assert {event.get("i", placed["orderId"]) for event in events} == {placed["orderId"]}
            assert client._session.detached == []
            assert client.stats["unknown_events"] == 0

    run(main())


async def log_on_by_hand(client: fastws.Client, signer: fastws.Signer) -> None:
    params = {"apiKey": signer.api_key, "timestamp": client.clock.now() // 1000}
    await client.session_logon(**params, signature=signer.sign(signer.payload(params)))


def test_a_foreign_logon_that_the_caller_signed_is_not_replaced_by_the_own_key() -> None:
    """Without this, orders for the one account would be placed for the other one after a loss."""

    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            signer = signer_of(exchange.add_account("Ed25519"))
            await log_on_by_hand(client, signer)
            lose(client)
            await until(lambda: client.connection == 2)
            assert not client.logged_on
            for send in (lambda: client.order_place(**ORDER), client.account_status):
                with pytest.raises(fastws.NotSent, match="signed the last session"):
                    send()
            assert await client.ping() == {}
            lose(client)
            await until(lambda: client.connection == 3)
            with pytest.raises(fastws.NotSent):
                client.order_place(**ORDER)
            placed = await client.order_place(**ORDER, signer=signer)
            assert placed["status"] == "NEW", "a request with a key of its own passes"
            await log_on_by_hand(client, signer)
            assert (await client.session_status())["apiKey"] == signer.api_key
            assert (await client.order_place(**ORDER))["status"] == "NEW"
            lose(client)
            await until(lambda: client.connection == 4)
            await client.session_logout()
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


def test_an_own_logon_that_the_caller_signed_holds_nothing_after_a_loss() -> None:
    async def main() -> None:
        async with keyed() as (_, client, __, ___):
            signer = client._options.signer
            assert signer is not None
            await log_on_by_hand(client, signer)
            lose(client)
            await until(lambda: client.connection == 2)
            assert not client.logged_on
            assert (await client.order_place(**ORDER))["status"] == "NEW", "it is signed with the same key"

    run(main())


def test_a_logon_that_the_caller_signed_and_the_exchange_revoked_waits_for_the_caller() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            signer = client._options.signer
            assert signer is not None
            await log_on_by_hand(client, signer)
            await revoke(exchange, client)
            await asyncio.sleep(0.02)
            assert steps == [("open", "open")]
            with pytest.raises(fastws.NotSent, match="the logon was revoked"):
                client.order_place(**ORDER)
            exchange.restore(signer.api_key)
            await log_on_by_hand(client, signer)
            assert steps == [("open", "open")] * 2
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


# ------------------------------------------------------------------------------------------------- exchanges that lie

ED25519 = {"api_key": KEY["api_key"], "private_key": ed25519_key(), "sync_every": None}
REVOKED = refusal(None, 401, -2015)


async def answer(peer: Peer, revokes: Callable[[int], bool]) -> None:
    """Answer all requests; revoke the logon in the same write where ``revokes`` says so for the number of it."""
    count = 0
    while True:
        opcode, payload = await peer.frame()
        if opcode == CLOSE:
            peer.writer.write(frame(CLOSE, payload))
            return
        request = json.loads(payload)
        count += 1
        said = reply(request, {"apiKey": KEY["api_key"]})
        peer.send(*[said, REVOKED] if revokes(count) else [said])


def test_a_logon_that_is_revoked_at_once_is_restored_again() -> None:
    async def main() -> None:
        async with serving(lambda peer: answer(peer, lambda number: number in (2, 3, 4))) as url:
            client, steps, _ = watched(url, **ED25519)
            async with client:
                await client.ping()
                await until(lambda: len(steps) == 8)
                assert steps[2:] == [("open", "open")] * 6
                assert client.logged_on
                assert not client._limiter.holds

    run(main())


def test_a_logon_that_is_revoked_while_the_connection_is_opening_fails_the_attempt() -> None:
    """Else the client would be open, and sign the requests of another account's logon with its own key."""

    async def main() -> None:
        connections = 0

        async def script(peer: Peer) -> None:
            nonlocal connections
            connections += 1
            mine = connections
            await answer(peer, lambda number: mine == 2)

        async with serving(script) as url:
            client, _, reasons = watched(url, **ED25519)
            async with client:
                lose(client)
                await until(lambda: client.connection == 3)
                assert client.logged_on
                assert "the exchange revoked the logon while the connection was opening" in reasons[3]

    run(main())


def test_a_logon_that_is_revoked_again_and_again_is_not_repeated_in_a_tight_loop() -> None:
    async def main() -> None:
        asked: list[float] = []
        async with serving(lambda peer: answer(peer, lambda number: number > 1)) as url:
            client = fastws.connect(url, **ED25519)
            client._supervisor.backoff.uniform = lambda low, high: asked.append(high) or 0.0  # type: ignore[func-returns-value]
            async with client:
                await client.ping()
                await until(lambda: len(asked) >= 8)
                assert asked[:8] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]

    run(main())


def test_an_error_that_fastws_does_not_know_does_not_end_the_attempts_to_log_on() -> None:
    async def main() -> None:
        reported: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: reported.append(repr(context["exception"])))
        async with serving(lambda peer: answer(peer, lambda number: number == 2)) as url:
            client, _, reasons = watched(url, **ED25519)
            async with client:
                restore = client._supervisor.connector.logon.restore
                faults = [OSError("no hardware"), OSError("no hardware")]

                async def fail(requester: Any) -> None:
                    if faults:
                        raise faults.pop()
                    await restore(requester)

                client._supervisor.connector.logon.restore = fail  # type: ignore[method-assign]
                await client.ping()
                await until(lambda: client.logged_on)
                assert reported == ["OSError('no hardware')"] * 2
                assert sum("no hardware" in reason for reason in reasons) == 2
                assert not client._limiter.holds

    run(main())
