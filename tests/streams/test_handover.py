"""A Stream moves from a connection to its successor, step by step, on a client that is connected to nothing."""

from __future__ import annotations

from helpers.handing_over import HandingOver, drained
from helpers.support import run


def test_each_event_comes_once_and_in_order_over_a_hand_over() -> None:
    async def main() -> None:
        rotating = HandingOver()
        subscription = await rotating.subscribe(0)
        rotating.old_event(1)
        await rotating.prepare()
        rotating.new_event(2)  # before the reply to its subscribe
        rotating.old_event(2)
        rotating.old_event(3)
        assert not rotating.keeper.prepared(rotating.new.connection, rotating.wire.connection)
        rotating.accept_new(7)
        await rotating.preparing
        rotating.new_event(3)
        rotating.new_event(4)
        assert rotating.keeper.prepared(rotating.new.connection, rotating.wire.connection)
        assert drained(subscription) == [1, 2, 3]
        assert (subscription.id, subscription.connection) == (0, 1)
        unsubscribe = await rotating.hand_over()
        assert (subscription.id, subscription.connection) == (7, 2)
        rotating.old_event(4)
        rotating.new_event(5)
        rotating.new_event(6)
        rotating.old_event(5)
        assert drained(subscription) == [4, 5]
        rotating.finish_old(unsubscribe)
        rotating.new_event(7)
        assert drained(subscription) == [6, 7]
        assert rotating.gaps == []
        stats = rotating.client.stats
        assert (stats["held_events"], stats["merged_events"], stats["merge_mismatch"]) == (3, 4, 0)
        rotating.end()

    run(main())
