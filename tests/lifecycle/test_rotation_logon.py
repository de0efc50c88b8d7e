"""A successor is logged on as the connection that it replaces, whatever happens to the logon meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from test_logon import ORDER, log_on_by_hand, signer_of
from test_rekey import two_keys
from test_rotation_steps import hold_prepare, successors

import fastws
from fastws._native.methods import method_spec
from fastws.lifecycle import rotation as rotation_module
from helpers.losing import keyed, lose, until
from helpers.rotating import draining, key_of, old_of, rotating, unanswered
from helpers.support import run


def test_it_is_logged_on_as_the_last_logon_was() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            other = exchange.add_account("Ed25519")
            await client.session_logon(signer=signer_of(other))
            await client.rotate()
            assert await key_of(client) == other.api_key
            await client.session_logout()
            await client.rotate()
            assert await key_of(client) is None
            assert not client.logged_on
            await client.session_logon()
            await client.rotate()
            assert await key_of(client) == client._options.signer.api_key  # type: ignore[union-attr]

    run(main())


def test_an_own_logon_that_the_caller_signed_is_left_and_orders_are_signed() -> None:
    async def main() -> None:
        async with keyed() as (_, client, __, ___):
            signer = client._options.signer
            assert signer is not None
            await log_on_by_hand(client, signer)
            await client.rotate()
            assert not client.logged_on
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


def test_a_foreign_logon_that_the_caller_signed_is_refused_from_the_switch_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            signer = signer_of(exchange.add_account("Ed25519"))
            await log_on_by_hand(client, signer)
            hold_prepare(client)
            rotation = rotating(client)
            await until(lambda: successors(client))
            assert (await client.order_place(**ORDER))["status"] == "NEW", "until then, the old one has it"
            await rotation
            for send in (lambda: client.order_place(**ORDER), client.account_status):
                with pytest.raises(fastws.NotSent, match="signed the last session"):
                    send()
            assert [vars(each)["connection"] for each in caplog.records if each.levelname == "WARNING"] == [2]
            await client.rotate()
            with pytest.raises(fastws.NotSent, match="signed the last session"):
                client.order_place(**ORDER)
            await log_on_by_hand(client, signer)
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


@pytest.mark.parametrize("end", ["rotation", "loss"])
def test_a_stream_of_the_own_key_is_carried_over_while_such_a_logon_is_missing(end: str) -> None:
    """Its subscribe never relies on the logon. If it were refused, the client could never connect again."""

    async def main() -> None:
        async with keyed(after_gap="go") as (exchange, client, _, __):
            subscription = await client.user_data_stream_subscribe_signature()
            await log_on_by_hand(client, signer_of(exchange.add_account("Ed25519")))
            await client.rotate()
            with pytest.raises(fastws.NotSent, match="signed the last session"):
                client.order_place(**ORDER)
            if end == "rotation":
                await client.rotate()
            else:
                lose(client)
            await until(lambda: client.connection == 3)
            assert subscription.connection == 3

    run(main())


def test_the_successor_of_a_lost_successor_has_the_logon_that_the_caller_signed() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            signer = signer_of(exchange.add_account("Ed25519"))
            await log_on_by_hand(client, signer)
            rotation, _ = await draining(exchange, client)
            with pytest.raises(fastws.NotSent, match="signed the last session"):
                client.order_place(**ORDER)
            lose(client)
            with pytest.raises(fastws.ConnectionLost):
                await rotation
            assert (client.connection, client.logged_on) == (1, True)
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


@pytest.mark.parametrize("which", ["own", "foreign"])
def test_an_old_connection_without_the_logon_that_the_caller_signed_takes_over_again(which: str) -> None:
    """It had none from the start: what relies on it is refused as before."""

    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            own = client._options.signer
            assert own is not None
            await log_on_by_hand(
                client, own if which == "own" else signer_of(exchange.add_account("Ed25519"))
            )
            await client.rotate()
            rotation, reply = await draining(exchange, client)
            lose(client)
            with pytest.raises(fastws.ConnectionLost):
                await rotation
            assert (client.state, client.connection, client.logged_on) == ("open", 2, False)
            if which == "own":
                assert (await client.order_place(**ORDER))["status"] == "NEW"
            else:
                with pytest.raises(fastws.NotSent, match="signed the last session"):
                    client.order_place(**ORDER)
            reply.cancel()

    run(main())


def test_an_old_connection_that_lost_the_logon_of_the_caller_does_not_take_over_again() -> None:
    """No order for that account is signed with the client's own key."""

    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            account = exchange.add_account("Ed25519")
            await log_on_by_hand(client, signer_of(account))
            connection = exchange.connections.pick("oldest")
            reply = unanswered(exchange, client)
            await until(lambda: exchange.journal.find(method="time"))
            connection.stall()
            exchange.faults.add("revoke", "account.status")
            asked = client.account_status()
            rotation = rotating(client)
            await until(lambda: client.state == "draining")
            connection.resume()
            with pytest.raises(fastws.SessionRevoked):
                await asked
            assert not old_of(client).logged_on
            lose(client)
            with pytest.raises(fastws.ConnectionLost):
                await rotation
            await client.wait_open(5)
            assert client.connection == 3
            with pytest.raises(fastws.NotSent, match="signed the last session"):
                client.order_place(**ORDER)
            reply.cancel()

    run(main())


def test_another_key_is_used_while_a_successor_is_made() -> None:
    async def main() -> None:
        async with two_keys("Ed25519", "Ed25519") as (_, client, old, new, __):
            hold_prepare(client)
            rotation = rotating(client)
            await until(lambda: successors(client) and successors(client)[0].logged_on)
            assert successors(client)[0].logon_key == old.api_key
            await client.rekey(new)
            assert client.connection == 1
            await rotation
            assert client.connection == 2
            assert await key_of(client) == new.api_key
            assert not client._limiter.holds

    run(main())


@pytest.mark.parametrize("method", ["session.logon", "session.logout"])
def test_it_waits_for_the_users_own(method: str) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            signer = signer_of(exchange.add_account("Ed25519"))
            exchange.faults.add("hold", method, seconds=0.1)
            signed = {"signer": signer} if method == "session.logon" else {}
            changing = client.request(method, **signed)  # type: ignore[arg-type]
            rotation = rotating(client)
            await until(lambda: successors(client))
            await asyncio.sleep(0.03)
            assert client.state == "rotating"
            await changing
            await rotation
            assert await key_of(client) == (signer.api_key if signed else None)
            assert len(steps) == 3

    run(main())


@pytest.mark.parametrize("method", ["session.logon", "session.logout"])
def test_it_follows_one_that_is_answered_behind_the_switch(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a notice, the successor does not wait for it for longer than a second."""

    async def main() -> None:
        monkeypatch.setattr(rotation_module, "_PATIENCE", 0.02)
        async with keyed() as (exchange, client, steps, _):
            signer = signer_of(exchange.add_account("Ed25519"))
            exchange.faults.add("hold", method, seconds=0.1)
            signed = {"signer": signer} if method == "session.logon" else {}
            changing = client.request(method, **signed)  # type: ignore[arg-type]
            exchange.connections.pick("oldest").shutdown(seconds=None)
            await until(lambda: client.connection == 2)
            assert not changing.done()
            await changing
            await until(lambda: len(steps) == 3)
            assert await key_of(client) == (signer.api_key if signed else None)
            assert not client._limiter.holds
            await client.rotate()
            assert await key_of(client) == (signer.api_key if signed else None)

    run(main())


@pytest.mark.parametrize("method", ["session.logon", "session.logout"])
def test_it_follows_after_a_failure(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(rotation_module, "_PATIENCE", 0.02)
        async with keyed() as (exchange, client, steps, reasons):
            signer = signer_of(exchange.add_account("Ed25519"))
            exchange.faults.add("hold", method, seconds=0.1, connection=1)
            signed = {"signer": signer} if method == "session.logon" else {}
            changing = client.request(method, **signed)  # type: ignore[arg-type]
            exchange.connections.pick("oldest").shutdown(seconds=None)
            await until(lambda: client.connection == 2)
            exchange.faults.add("server_error", method, times=2, connection=2)
            await changing
            await until(lambda: any(reason.startswith("logged o") for reason in reasons))
            assert any("could not be repeated" in reason for reason in reasons)
            assert await key_of(client) == (signer.api_key if signed else None)
            await until(lambda: client.state == "open")
            assert not client._limiter.holds
            assert ("draining", "draining") in steps

    run(main())


@pytest.mark.parametrize("method", ["session.logon", "session.logout"])
def test_it_follows_when_the_old_connection_has_ended_before(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No order reaches the account of the key that the successor was logged on with."""

    async def main() -> None:
        monkeypatch.setattr(rotation_module, "_PATIENCE", 0.02)
        async with keyed() as (exchange, client, steps, _):
            signer = signer_of(exchange.add_account("Ed25519"))
            exchange.faults.add("hold", method, seconds=0.1, connection=1)
            signed = {"signer": signer} if method == "session.logon" else {}
            changing = client.request(method, **signed)  # type: ignore[arg-type]
            exchange.connections.pick("oldest").shutdown(seconds=None)
            await until(lambda: client.connection == 2)
            exchange.faults.add("hold", method, times=2, seconds=0.1, connection=2)
            await changing
            old = old_of(client)
            old.close()
            with pytest.raises(fastws.NotSent, match="the connection was closed"):
                client.order_place(**ORDER)
            old.abort()
            await until(lambda: client.state == "open")
            with pytest.raises(fastws.NotSent, match="is not repeated yet"):
                client.order_place(**ORDER)
            await until(lambda: not client._limiter.holds)
            assert await key_of(client) == (signer.api_key if signed else None)
            assert len(exchange.journal.find(method="order.place")) == 0
            assert len(steps) >= 3

    run(main())


@pytest.mark.parametrize("before", ["logged on", "logged out"])
def test_one_that_the_caller_signed_holds_until_the_old_connection_is_gone(
    before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No order reaches another account: first they stay on the old connection, then they are refused."""

    async def main() -> None:
        monkeypatch.setattr(rotation_module, "_PATIENCE", 0.02)
        async with keyed(drain_timeout=0.3) as (exchange, client, steps, _):
            account = exchange.add_account("Ed25519")
            if before == "logged out":
                await client.session_logout()
            exchange.faults.add("hold", "session.logon", seconds=0.1)
            changing = asyncio.ensure_future(log_on_by_hand(client, signer_of(account)))
            await asyncio.sleep(0)
            exchange.connections.pick("oldest").shutdown(seconds=None)
            await until(lambda: client.connection == 2)
            await changing
            placed = client.order_place(**ORDER)
            assert placed.info.connection == 1
            assert (await placed)["status"] == "NEW"
            assert len(await client.open_orders_status(signer=signer_of(account))) == 1
            await until(lambda: len(steps) == 3)
            with pytest.raises(fastws.NotSent, match="signed the last session"):
                client.order_place(**ORDER)
            await log_on_by_hand(client, signer_of(account))
            assert await key_of(client) == account.api_key

    run(main())


def test_another_key_is_used_while_the_old_connection_is_left() -> None:
    async def main() -> None:
        async with two_keys("Ed25519", "Ed25519") as (exchange, client, _, new, __):
            rotation, reply = await draining(exchange, client)
            await client.rekey(new)
            assert await key_of(client) == new.api_key
            lose(client)  # the old connection has the old key: it does not take over
            with pytest.raises(fastws.ConnectionLost):
                await rotation
            await client.wait_open(5)
            assert (client.connection, await key_of(client)) == (3, new.api_key)
            reply.cancel()

    run(main())


def test_a_logon_on_the_successor_is_later_than_one_that_the_old_one_still_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        monkeypatch.setattr(rotation_module, "_PATIENCE", 0.02)
        async with keyed() as (exchange, client, steps, _):
            first, last = (signer_of(exchange.add_account("Ed25519")) for _ in range(2))
            exchange.faults.add("hold", "session.logon", seconds=0.1)
            changing = client.session_logon(signer=first)
            exchange.connections.pick("oldest").shutdown(seconds=None)
            await until(lambda: client.connection == 2)
            await client.session_logon(signer=last)
            await changing
            await until(lambda: len(steps) == 3)
            assert await key_of(client) == last.api_key
            await client.rotate()
            assert await key_of(client) == last.api_key

    run(main())


def test_the_old_one_does_not_take_over_again_for_another_account() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            other = signer_of(exchange.add_account("Ed25519"))
            rotation, _ = await draining(exchange, client)
            await client.session_logon(signer=other)
            lose(client)
            with pytest.raises(fastws.ConnectionLost):
                await rotation
            await client.wait_open(5)
            assert (client.connection, await key_of(client)) == (3, other.api_key)
            assert steps[2] == ("draining", "connecting")

    run(main())


def test_an_old_one_that_lost_its_logon_does_not_take_over_again() -> None:
    """Without the logon, its requests would be signed with the client's own key, for another account."""

    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            other = signer_of(exchange.add_account("Ed25519"))
            await client.session_logon(signer=other)
            rotation, _ = await draining(exchange, client)
            exchange.revoke(other.api_key)
            old = old_of(client)
            asked = client._session.send_to(old, method_spec("account.status"), {}, None, None, None, None)
            with pytest.raises(fastws.ApiError):
                await asked
            assert not old.logged_on
            exchange.restore(other.api_key)
            lose(client)
            with pytest.raises(fastws.ConnectionLost):
                await rotation
            await client.wait_open(5)
            assert (client.connection, await key_of(client)) == (3, other.api_key)
            assert steps[2] == ("draining", "connecting")

    run(main())


def test_a_subscribe_of_the_users_is_waited_for() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, __, ___):
            reply = unanswered(exchange, client, "userDataStream.unsubscribe")
            rotation = rotating(client)
            await until(lambda: successors(client))
            await asyncio.sleep(0.03)
            assert client.state == "rotating"
            exchange.connections.pick("oldest").abort()
            await rotation
            with pytest.raises(fastws.ConnectionLost):
                await reply

    run(main())


@pytest.mark.parametrize("change", ["logon", "logout"])
def test_a_logon_of_the_users_outlives_a_loss_while_that_of_the_successor_is_under_way(change: str) -> None:
    """The reply to the successor's says nothing of what the user wants now, nor may its account stay."""

    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            other = signer_of(exchange.add_account("Ed25519"))
            exchange.faults.add("hold", "session.logon", seconds=0.1)
            rotation = rotating(client)
            await until(lambda: [each.method for each in exchange.journal].count("session.logon") == 2)
            if change == "logon":
                await client.session_logon(signer=other)
            else:
                await client.session_logout()
            assert client.connection == 1
            lose(client)
            await rotation
            assert client.connection == 2
            assert client.logged_on == (change == "logon")
            assert await key_of(client) == (other.api_key if change == "logon" else None)

    run(main())
