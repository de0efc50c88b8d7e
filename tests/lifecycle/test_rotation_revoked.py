"""A logon that the exchange revokes while a connection is replaced."""

from __future__ import annotations

import pytest
from test_logon import ORDER, revoke
from test_rotation_steps import hold_prepare, successors

import fastws
from helpers.losing import keyed, lose, until
from helpers.rotating import draining, key_of, old_of, rotating
from helpers.support import run


def test_a_revoked_logon_comes_back_with_the_successor() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            client._supervisor.backoff.refused = 60.0
            key = client._options.signer.api_key  # type: ignore[union-attr]
            await revoke(exchange, client)
            await until(lambda: len(steps) == 2)
            with pytest.raises(fastws.ApiError):
                await client.rotate()
            assert (client.state, client.connection) == ("open", 1)
            with pytest.raises(fastws.NotSent, match="the logon was revoked"):
                client.order_place(**ORDER)
            exchange.restore(key)
            await client.rotate()
            assert (client.connection, client.logged_on) == (3, True)
            assert (await client.order_place(**ORDER))["status"] == "NEW"
            assert client._supervisor._relogon._timer is None

    run(main())


def test_a_logon_that_is_revoked_while_a_successor_is_made() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            client._supervisor.backoff.refused = 60.0
            key = client._options.signer.api_key  # type: ignore[union-attr]
            hold_prepare(client)
            rotation = rotating(client)
            await until(lambda: successors(client) and successors(client)[0].logged_on)
            await revoke(exchange, client)
            assert ("rotating", "rotating") in steps
            with pytest.raises(fastws.NotSent, match="the logon was revoked"):
                client.order_place(**ORDER)
            with pytest.raises(fastws.ConnectionLost, match="revoked the logon"):
                await rotation  # the logon of the successor may be as worthless
            assert client.connection == 1
            exchange.restore(key)
            await client.rotate()
            assert (client.connection, await key_of(client)) == (3, key)
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


def test_a_logon_that_is_revoked_while_draining() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            key = client._options.signer.api_key  # type: ignore[union-attr]
            rotation, _ = await draining(exchange, client)
            exchange.faults.add("server_error", "session.logon", times=1)
            await revoke(exchange, client)
            assert ("draining", "draining") in steps
            with pytest.raises(fastws.NotSent, match="the logon was revoked"):
                client.order_place(**ORDER)
            exchange.restore(key)
            await until(lambda: client.logged_on)
            assert (await client.order_place(**ORDER))["status"] == "NEW"
            old_of(client).abort()
            await rotation
            assert await key_of(client) == key

    run(main())


def test_a_revoked_logon_is_tried_on_the_connection_that_carries_the_requests() -> None:
    """The successor is lost while its logon is restored: the old one is logged on, and trading goes on there."""

    async def main() -> None:
        async with keyed() as (exchange, client, steps, _):
            client._supervisor.backoff.refused = 60.0
            rotation, reply = await draining(exchange, client)
            await revoke(exchange, client)
            await until(lambda: steps.count(("draining", "draining")) == 2)
            exchange.restore(client._options.signer.api_key)  # type: ignore[union-attr]
            lose(client)
            with pytest.raises(fastws.ConnectionLost):
                await rotation
            await client.wait_open(5)
            await until(lambda: client.logged_on and not client._limiter.holds)
            assert (await client.order_place(**ORDER))["status"] == "NEW"
            reply.cancel()

    run(main())
