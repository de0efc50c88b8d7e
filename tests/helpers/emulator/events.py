"""User data events for tests of their delivery, and subscriptions.

The engine still reports its own events in addition.
"""

from __future__ import annotations

from .wire import signed

NOW = 1_700_000_000_123_456
REPORT = {
    "e": "executionReport", "E": NOW, "s": "BTCUSDT", "c": "mine", "S": "BUY", "o": "LIMIT", "f": "GTC",
    "q": "1.00000000", "p": "0.10264410", "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "", "x": "NEW",
    "X": "NEW", "r": "NONE", "i": 4293153, "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0",
    "N": None, "T": NOW - 1000, "t": -1, "v": 3, "I": 8641984, "w": True, "m": False, "M": False,
    "O": NOW - 2000, "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000", "W": NOW - 3000, "V": "NONE",
    "D": NOW - 4000, "u": 7, "d": 4,
}  # fmt: skip
POSITION = {
    "e": "outboundAccountPosition",
    "E": NOW,
    "u": NOW - 1000,
    "B": [{"a": "BTC", "f": "1.00000000", "l": "0.50000000"}],
}
BALANCE = {"e": "balanceUpdate", "E": NOW, "a": "BTC", "d": "100.00000000", "T": NOW - 1000}
LIST = {
    "e": "listStatus", "E": NOW, "s": "ETHBTC", "g": 2, "c": "OCO", "l": "EXEC_STARTED", "L": "EXECUTING",
    "r": "NONE", "C": "F4QN4G8DlFATFlIUQ0cjdD", "T": NOW - 1000,
    "O": [{"s": "ETHBTC", "i": 17, "c": "AJYsMjErWJesZvqlJCTUgL"}],
}  # fmt: skip


def numbered(count):
    return [{**BALANCE, "d": f"{n}.00000000"} for n in range(count)]


async def subscribe(client, key, **params):
    return (await client.result("userDataStream.subscribe.signature", signed(key, **params)))[
        "subscriptionId"
    ]


def emit(exchange, key, *events):
    for event in events:
        exchange.core.emit(key.account, event)


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
