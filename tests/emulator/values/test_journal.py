from __future__ import annotations

import asyncio

from fastws.emulator import Emulator
from fastws.emulator.values.journal import Journal
from helpers.emulator.wire import limit_order, run, signed, wire


def test_a_record_tells_what_happened():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC", name="trader")
            params = signed(key, **limit_order(newClientOrderId="mine"))
            placed = await client.result("order.place", params)
            record = exchange.journal[-1]
            assert record.seq == 1
            assert record.connection == 1
            assert record.id == "1"
            assert record.method == "order.place"
            assert record.account == "trader"
            assert record.params == {
                name: str(value) for name, value in params.items() if name != "signature"
            }
            assert (record.order_id, record.client_order_id) == (placed["orderId"], "mine")
            assert (record.status, record.code, record.outcome) == (200, 0, "executed")
            assert 0 < record.received_at <= record.accepted_at <= record.executed_at <= record.replied_at
            assert repr(record) == f"<1 order.place executed order {placed['orderId']} 200 replied>"
            await client.error("order.place", {**params, "signature": "wrong"})
            assert exchange.journal[-1].outcome == "rejected"
            assert (exchange.journal[-1].accepted_at, exchange.journal[-1].executed_at) == (0, 0)
            assert "-1022" in repr(exchange.journal[-1])

    run(main)


def test_secrets_are_not_in_the_journal():
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            params = signed(key, **limit_order())
            await client.result("order.place", params)
            assert "signature" not in exchange.journal[0].params
            assert key.secret not in repr(key)
            assert key.secret not in repr(exchange.core.keys[key.api_key])

    run(main)


def test_a_journal_is_a_sequence_of_bounded_length():
    journal = Journal(3)
    for number in range(5):
        journal.new(1, number).method = f"m{number}"
    assert journal.total == 5
    assert len(journal) == 3
    assert [record.method for record in journal] == ["m2", "m3", "m4"]
    assert [record.method for record in journal[1:]] == ["m3", "m4"]
    assert journal[0].seq == 3
    assert [record.seq for record in journal.find(method="m4", connection=1)] == [5]
    journal.clear()
    assert list(journal) == []


def test_waiting_for_a_record():
    async def main():
        journal = Journal(10)
        first = journal.new(1, 0)
        assert await journal.wait_for(connection=1) is first
        waiting = asyncio.ensure_future(journal.wait_for(outcome="executed", method="x"))
        other = asyncio.ensure_future(journal.wait_for(outcome="executed", method="y"))
        await asyncio.sleep(0)
        second = journal.new(2, 0)
        second.method = "x"
        journal.changed(second)
        await asyncio.sleep(0)
        assert not waiting.done()
        second.outcome = "executed"
        journal.changed(second)
        assert await waiting is second
        assert not other.done()
        other.cancel()
        await asyncio.sleep(0)
        second.method = "y"
        journal.changed(second)
        assert await journal.wait_for(method="y") is second

    run(main)
