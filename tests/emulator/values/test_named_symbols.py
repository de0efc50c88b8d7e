"""Symbols from their names: their prices and filters work with orders, the market and SBE."""

from __future__ import annotations

from decimal import Decimal

import pytest

import fastws
from fastws.emulator import Emulator
from fastws.emulator.testing.demo import add_demo_account
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.emulator.values.named_symbols import balance_of, named_symbol, with_named
from helpers.emulator.wire import run

NAMES = [
    "ETHBTC",
    "LTCUSDT",
    "SHIBTRY",
    "BTCJPY",
    "WHATEVERFDUSD",
    "DOGEBTC",
    "ABC/EUR",
    "SHIBJPY",
    "BTC/ARS",
]


@pytest.mark.parametrize(
    ("name", "price", "tick", "step", "least"),
    [
        ("BTCUSDT", "60000", "0.01", "0.00001", "5"),
        ("ETHUSDT", "3000", "0.01", "0.0001", "5"),
        ("LTCUSDT", "80", "0.001", "0.01", "5"),
        ("ETHBTC", "0.05", "0.000001", "0.0001", "0.0001"),
        ("BNBETH", "0.2", "0.00001", "0.001", "0.001"),
        ("SHIBUSDT", "0.00002", "0.00000001", "1", "5"),
    ],
)
def test_filters_suit_the_price(name, price, tick, step, least):
    rules = {row["filterType"]: row for row in named_symbol(name).filters()}
    found = (
        rules["PRICE_FILTER"]["tickSize"],
        rules["LOT_SIZE"]["stepSize"],
        rules["NOTIONAL"]["minNotional"],
    )
    assert [Decimal(value) for value in found] == [Decimal(tick), Decimal(step), Decimal(least)]
    assert named_symbol(name).reference_price == Decimal(price) * 10**8


def test_names_are_taken_apart():
    assert [
        (named_symbol(n).base, named_symbol(n).quote) for n in ("ltcusdt", "LTC/USDT", "BTCTUSD", "TUSDT")
    ] == [
        ("LTC", "USDT"),
        ("LTC", "USDT"),
        ("BTC", "TUSD"),
        ("T", "USDT"),
    ]
    for name in ("", "USDT", "LTC", "LTC/", "/USDT", "LTC/XYZ", "LTC/USDT/"):
        with pytest.raises(
            ValueError, match=r"is not a symbol such as LTCUSDT: it must end in one of USDT, "
        ):
            named_symbol(name)


def test_they_come_beside_the_default_ones_and_can_be_traded():
    defaults = [symbol.name for symbol in DEFAULT_SYMBOLS]
    symbols = with_named(["BTCUSDT", "LTCUSDT", "LTCUSDT", "BNBETH"])
    assert [symbol.name for symbol in symbols] == [*defaults, "LTCUSDT"]
    assert all(symbol.status == "TRADING" for symbol in symbols)
    assert symbols[0] is DEFAULT_SYMBOLS[0]


@pytest.mark.parametrize("sbe", [False, True], ids=["JSON", "SBE"])
@pytest.mark.parametrize("market", ["still", "live"])
def test_the_demo_account_buys_and_sells_each_of_them(market, sbe):
    async def main():
        async with Emulator(symbols=with_named(NAMES), market=market) as exchange:
            _, key = add_demo_account(exchange)
            keys = {"api_key": key.api_key, "private_key": key.private_key}
            async with fastws.connect(exchange.url, sbe=sbe, **keys) as client:
                await client.symbols.load()
                assert len(client.symbols) == len(DEFAULT_SYMBOLS) + len(NAMES)
                for name in (name.replace("/", "") for name in NAMES):
                    symbol = client.symbols[name]
                    last = Decimal((await client.ticker_price(symbol=name))["price"])
                    order = {
                        "symbol": name,
                        "quantity": symbol.quantity(Decimal(20) / Decimal(_dollars(name))),
                    }
                    for side in ("BUY", "SELL"):
                        filled = await client.order_place(**order, side=side, type="MARKET")
                        assert filled["status"] == "FILLED", filled
                    rests = symbol.price(last * Decimal("0.9"))
                    order |= {"type": "LIMIT", "timeInForce": "GTC", "price": rests, "side": "BUY"}
                    assert (await client.order_place(**order))["status"] == "NEW"

    run(main)


def _dollars(name):
    """The value of one unit of the base asset: 100,000 dollars divided by its balance, to a power of ten."""
    base = named_symbol(name).base
    return Decimal(100_000) / Decimal(balance_of(base)) / 3
