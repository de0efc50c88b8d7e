"""A loss at each moment of a request's life: nothing hangs, nothing is half done, and the client comes back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import fastws
from fastws import Executed, NeverExecuted
from fastws.emulator import Emulator
from helpers.losing import keyed, lose, until, watched
from helpers.support import ALL_LOOPS, CLOSE, Peer, frame, reply, run, serving

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000",
    "quantity": "0.001",
}


@pytest.mark.parametrize("loop", ALL_LOOPS)
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
def test_a_loss_between_send_and_reply(fault: str, loop: str) -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            exchange.faults.add(fault, "order.place")
            order, read = client.order_place(**ORDER), client.depth(symbol="BTCUSDT")
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await order
            assert isinstance(caught.value.cause, fastws.ConnectionLost)
            with pytest.raises(fastws.ConnectionLost):
                await read
            await client.wait_open(5)
            verdict = await caught.value.resolve(timeout=2)
            assert isinstance(verdict, Executed) == (fault == "cut_after")
            assert len(exchange.journal.find(method="order.place")) == 1, "it was not sent again"

    run(main(), loop=loop)


def test_a_loss_in_resolve_is_waited_for() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            exchange.faults.add("drop_reply", "order.place")
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await client.order_place(**ORDER, timeout=0.05)
            for _ in range(2):
                exchange.faults.add("cut_before", "order.status")
            verdict = await client.resolve(caught.value, timeout=10)
            assert isinstance(verdict, Executed)
            assert client.connection >= 2

    run(main())


def test_a_loss_of_half_a_batch() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            exchange.faults.add("cut_before", "order.place", after=2)
            with client.batch():
                replies = [client.order_place(**ORDER) for _ in range(4)]
            outcomes = await asyncio.gather(*replies, return_exceptions=True)
            await client.wait_open(5)
            executed = {
                record.client_order_id
                for record in exchange.journal.find(method="order.place", executed=True)
            }
            assert len(executed) == 2
            for sent, outcome in zip(replies, outcomes, strict=True):
                name = sent.info.client_order_id
                if isinstance(outcome, dict):
                    assert name in executed
                    continue
                assert isinstance(outcome, fastws.ExecutionUnknown)
                verdict = await outcome.resolve(timeout=1)
                assert isinstance(verdict, Executed) == (name in executed)
                assert not isinstance(verdict, NeverExecuted), "it is too early to say so"

    run(main())


def test_a_loss_in_half_a_fragmented_message() -> None:
    connections = 0

    async def script(peer: Peer) -> None:
        nonlocal connections
        connections += 1
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                peer.writer.write(frame(CLOSE, payload))
                return
            text = json.dumps(reply(json.loads(payload), {"whole": connections})).encode()
            if connections == 1:
                peer.writer.write(frame(1, text[:20], fin=False))
                await peer.writer.drain()
                await peer.drop()
                return
            peer.send(frame(1, text[:20], fin=False) + frame(0, text[20:]))

    async def main() -> None:
        async with serving(script) as url:
            client, steps, _ = watched(url)
            async with client:
                with pytest.raises(fastws.ConnectionLost):
                    await client.ping()
                await client.wait_open(5)
                assert await client.ping() == {"whole": 2}
                assert client.stats["unreadable"] == 0
                assert ("open", "connecting") in steps

    run(main())


def test_a_batch_that_is_open_when_the_connection_is_lost_is_not_sent_on_the_next_one() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            batch = client.batch()
            with batch:
                order = client.order_place(**ORDER)
                client._session.route.write_failed(OSError("no route"))  # type: ignore[union-attr]
                with pytest.raises(fastws.NotConnected):
                    client.order_place(**ORDER)
            with pytest.raises(fastws.NotConnected):
                await order
            await client.wait_open(5)
            assert exchange.journal.find(method="order.place") == []
            assert (await client.order_place(**ORDER))["status"] == "NEW"

    run(main())


def test_corked_requests_of_a_lost_connection_end_as_not_sent() -> None:
    async def main() -> None:
        async with keyed() as (exchange, client, _, __):
            first, second = client.order_place(**ORDER), client.order_place(**ORDER)
            client._session.route.write_failed(OSError("no route"))  # type: ignore[union-attr]
            with pytest.raises(fastws.NotConnected):
                await second
            with pytest.raises(fastws.ExecutionUnknown):
                await first
            await client.wait_open(5)
            assert len(exchange.journal.find(method="order.place")) <= 1

    run(main())


def test_many_losses_in_a_row_end_each_request_once() -> None:
    async def main() -> None:
        async with keyed(after_gap="go") as (exchange, client, _, __):
            ends = [0] * 50

            def end(number: int) -> Any:
                def on_reply(result: Any, error: Any) -> None:
                    ends[number] += 1

                return on_reply

            for number in range(50):
                if number % 5 == 0:
                    exchange.faults.add("cut_after", "order.place")
                await client.wait_open(5)
                client.order_place(**ORDER, on_reply=end(number))
                await until(lambda number=number: ends[number])
            await client.wait_open(5)
            assert ends == [1] * 50
            assert client.connection == 11
            assert client.in_flight == 0

    run(main())


def timers() -> set[Any]:
    """The timers of the running loop that will fire."""
    loop: Any = asyncio.get_running_loop()
    return {handle for handle in loop._scheduled if not handle.cancelled()}


def is_of_exchange(handle: Any) -> bool:
    """Whether the embedded exchange set this timer."""
    callback = handle._callback
    owner = type(getattr(callback, "__self__", callback))
    return "fastws.emulator" in (owner.__module__ + str(getattr(callback, "__module__", "")))


@pytest.mark.parametrize(
    "state", ["open", "in flight", "timed out", "waiting", "connecting", "revoked", "lost"]
)
def test_closing_in_each_state_leaves_no_timer(state: str) -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            tasks, before = asyncio.all_tasks(), timers()
            account = exchange.add_account("Ed25519")
            options = {"sync_every": 60.0, "reconnect": state != "lost"}
            client, steps, _ = watched(
                exchange.url, api_key=account.api_key, private_key=account.private_key, **options
            )
            await client
            subscription = await client.user_data_stream_subscribe()
            del steps[:]
            await enter(state, exchange, client, steps)
            await client.close(timeout=0.05)
            assert client.state == "closed"
            assert subscription.reason is not None
            await until(lambda: asyncio.all_tasks() <= tasks)
            await asyncio.sleep(0.02)  # an end without a close handshake is aborted after 10 ms
            assert [handle for handle in timers() - before if not is_of_exchange(handle)] == []
            assert client._session.connections == []
            assert all(each.is_disconnected for each in client._supervisor._ending.connections())

    run(main())


async def enter(state: str, exchange: Emulator, client: fastws.Client, steps: list[tuple[str, str]]) -> None:
    """Bring the client, which is open, into this state."""
    backoff = client._supervisor.backoff
    if state == "in flight":
        exchange.faults.add("hold", "ping", seconds=30)
        client.ping(on_reply=lambda result, error: None)
    elif state == "timed out":
        exchange.faults.add("drop_reply", "ping")
        with pytest.raises(fastws.RequestTimeout):
            await client.ping(timeout=0.01)
    elif state == "waiting":
        backoff.uniform = lambda low, high: 60.0
        exchange.faults.add("refuse", times=0, status=503)
        lose(client)
        await until(lambda: client.state == "waiting")
    elif state == "connecting":
        exchange.faults.add("hang")
        lose(client)
        await until(lambda: client.state == "connecting")
    elif state == "revoked":
        backoff.refused = 60.0
        exchange.faults.add("revoke", "account.status")
        await asyncio.gather(client.account_status(), client.account_status(), return_exceptions=True)
        await until(lambda: len(steps) >= 2)
    elif state == "lost":
        lose(client)
        await until(lambda: client.state == "closed")
