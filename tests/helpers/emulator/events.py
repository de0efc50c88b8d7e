"""User data events for tests of what carries them.

Where the engine reports by itself, it does so besides.
"""

from __future__ import annotations

from emulator.exchange.test_streams import POSITION, REPORT


def report(exchange, account, order_id):
    """An executionReport of an order, and the balances after it."""
    exchange.core.emit(account, {**REPORT, "s": "BTCUSDT", "i": order_id})
    exchange.core.emit(account, POSITION)


async def until(receive, kind):
    """The first event of a kind that ``receive`` returns."""
    while True:
        event = await receive()
        if event["e"] == kind:
            return event
