"""An exchange whose clock moves only when it is told, for tests of what happened in a time span."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import fastws
from fastws import Gap
from fastws.emulator import Emulator, spot_symbol
from fastws.emulator.values.clock import ManualClock

SECOND = 1_000_000
DAY = 86_400 * SECOND
START = 1_800_000_000_000_000
SYMBOL = "BTCUSDT"
LIMIT = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000.00",
    "quantity": "0.001",
}
ETHER = {**LIMIT, "symbol": "ETHUSDT", "price": "2000.00", "quantity": "0.01"}
BTC = spot_symbol(
    "BTCUSDT",
    base="BTC",
    quote="USDT",
    reference_price="60000",
    tick_size="0.01",
    step_size="0.00001",
    min_notional="5",
    max_num_orders=5000,
    max_num_order_lists=2000,
    max_num_algo_orders=5000,
)
ETH = spot_symbol(
    "ETHUSDT",
    base="ETH",
    quote="USDT",
    reference_price="3000",
    tick_size="0.01",
    step_size="0.0001",
    min_notional="5",
)


class Floor(NamedTuple):
    """An exchange whose clock moves only when it is told, a client, and its key."""

    exchange: Emulator
    client: fastws.Client
    key: dict[str, Any]
    clock: ManualClock
    account: Any

    def later(self, us: int) -> None:
        """Let time pass, and tell the client."""
        self.clock.set(self.clock.now_us() + us)
        tell(self.client, self.clock)

    def gap(self, start: int = START, end: int | None = None, **fields: Any) -> Gap:
        """A gap of the client's account, which ends now."""
        account, uid = self.client._handler.accounts.identity(None)
        return Gap(account, start, end or self.clock.now_us(), "a test", uid=uid, **fields)

    async def recover(self, gap: Gap, **options: Any) -> fastws.Recovery:
        recovery = await self.client.recover_gap(gap, **options)
        assert (recovery.complete, recovery.missing) == (True, [])
        return recovery


def tell(client: fastws.Client, clock: ManualClock) -> None:
    """Tell a client the time of a clock that stands still: some seconds less, for the client's own clock goes on."""
    client.clock.adopt(clock.now_us() - 20 * SECOND - time.monotonic_ns() // 1000, 1)


@contextlib.asynccontextmanager
async def floor(lag: float = 0.0, **options: Any) -> AsyncIterator[Floor]:
    clock = ManualClock(START)
    async with Emulator(
        clock=clock, market="quiet", enforce_limits=False, symbols=[BTC, ETH], max_connection_age=0
    ) as exchange:
        account = exchange.add_account("HMAC")
        key = {"api_key": account.api_key, "secret": account.secret}
        async with fastws.connect(
            exchange.url, **key, recv_window=60_000, database_lag=lag, **options
        ) as client:
            tell(client, clock)
            yield Floor(exchange, client, key, clock, account.account)


def ids(rows: list[dict[str, Any]], name: str = "orderId") -> list[int]:
    return [row[name] for row in rows]


async def fill(floor: Floor, times: int = 1) -> list[dict[str, Any]]:
    """Orders that trade with another account at once: the trades are of one moment."""
    account = floor.exchange.add_account("HMAC")
    async with fastws.connect(
        floor.exchange.url, api_key=account.api_key, secret=account.secret, recv_window=60_000
    ) as other:
        tell(other, floor.clock)
        makers = list(await asyncio.gather(*(floor.client.order_place(**LIMIT) for _ in range(times))))
        await other.order_place(**{**LIMIT, "side": "SELL", "quantity": f"{times / 1000:.3f}"})
    return makers
