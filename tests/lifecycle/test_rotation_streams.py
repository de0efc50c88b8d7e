"""Streams that a rotation cannot carry over as they are."""

from __future__ import annotations

import pytest
from test_logon import ORDER, log_on_by_hand

import fastws
from helpers.losing import keyed, until
from helpers.rotating import rotating
from helpers.support import run


def test_a_stream_of_a_logon_that_the_caller_signed_ends_with_the_old_connection() -> None:
    """The successor cannot have it: as after a loss, no placement is refused for it."""

    async def main() -> None:
        async with keyed(drain_timeout=0.1) as (_, client, __, ___):
            signer = client._options.signer
            assert signer is not None
            await log_on_by_hand(client, signer)
            subscription = await client.user_data_stream_subscribe()
            rotation = rotating(client)
            await until(lambda: client.state == "draining")
            assert subscription.connection == 1
            await rotation
            await subscription.wait_closed()
            with pytest.raises(fastws.ConnectionLost, match=r"the session\.logon that it relies on"):
                await anext(subscription)
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())
