"""fastws.trading.symbols: what it gives is what exact arithmetic gives, and what the exchange takes."""

import asyncio
import copy
import decimal
import math
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastws
from fastws import InvalidRequest
from fastws.emulator import Emulator, spot_symbol
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.trading.symbol_rules import read_symbol
from fastws.trading.symbols import Symbol, Symbols, UnknownSymbol
from helpers.support import run


def made(info):
    return Symbol("BTCUSDT", {"info": info, **read_symbol(info)})


BTC = made(DEFAULT_SYMBOLS[0].info(False))
CHINESE = "这是测试币456"
FUNDS = ("BTC", "ETH", "BNB", "USDT", "这是测试币", "456")


def symbol(filters, **info):
    return made({**DEFAULT_SYMBOLS[0].info(False), "filters": filters, **info})


def price_filter(tick, low="0", high="0"):
    return {"filterType": "PRICE_FILTER", "minPrice": low, "maxPrice": high, "tickSize": tick}


def lot_size(step, low="0", high="0", kind="LOT_SIZE"):
    return {"filterType": kind, "minQty": low, "maxQty": high, "stepSize": step}


# --- prices and quantities


@pytest.mark.parametrize(
    ("value", "rounding", "text"),
    [
        (52000.123, "nearest", "52000.12"),
        (52000.125, "nearest", "52000.13"),
        (52000.125, "down", "52000.12"),
        (52000.121, "up", "52000.13"),
        (52000, "up", "52000.00"),
        ("52000", "down", "52000.00"),
        ("52000.10", "up", "52000.10"),
        (Decimal("0.014999999999999999999999999999999999"), "nearest", "0.01"),
        (0.3, "down", "0.30"),  # the float is a little less
        (0.1 + 0.2, "nearest", "0.30"),
        (1e5, "nearest", "100000.00"),
        (1.5e-2, "up", "0.02"),
        (Decimal("1E+3"), "nearest", "1000.00"),
    ],
)
def test_a_price(value, rounding, text):
    assert BTC.price(value, rounding=rounding) == text


def test_what_is_the_default():
    assert BTC.price(1.019) == "1.02"
    assert BTC.quantity(0.0123499) == "0.01234"


def test_integers_of_other_types_are_prices():
    class Int64:
        def __index__(self):
            return 52000

    assert BTC.price(Int64()) == "52000.00"
    assert BTC.notional_ok(Int64(), 1)


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        "x",
        "",
        "1e5",
        " 1",
        "+1",
        "1.",
        ".5",
        "1_0",
        "½",
        b"1",
        math.nan,
        math.inf,
        Decimal("NaN"),
        [1],
    ],
)
def test_what_is_no_number_is_refused(value):
    for call in (BTC.price, BTC.quantity):
        with pytest.raises(InvalidRequest, match=r"^(price|quantity): "):
            call(value)


def test_a_number_of_too_many_digits_is_refused():
    with pytest.raises(InvalidRequest, match="an int of too many digits"):
        BTC.price(10**5000)
    with pytest.raises(InvalidRequest, match="no number that the exchange could take"):
        BTC.price(Decimal("1e-999999"))


@pytest.mark.parametrize("value", [0, -1, "0.00", -0.5, Decimal(-1)])
def test_what_is_not_above_0_is_refused(value):
    if isinstance(value, str) or value >= 0:
        with pytest.raises(InvalidRequest, match="above 0"):
            BTC.quantity(value)
    with pytest.raises(InvalidRequest):
        BTC.price(value)


def test_limits_and_filters_are_named():
    for call, said in (
        (
            lambda: BTC.price(0.004),
            "price: 0.004, rounded to 0.00, is below the lowest that the filter PRICE_FILTER of BTCUSDT allows "
            "(from 0.01, to 1000000, in steps of 0.01)",
        ),
        (
            lambda: BTC.price("1000000.01"),
            "price: 1000000.01 is above the highest that the filter PRICE_FILTER of BTCUSDT allows "
            "(from 0.01, to 1000000, in steps of 0.01)",
        ),
        (
            lambda: BTC.quantity("0.000009"),
            "quantity: 0.000009, rounded to 0.00000, is below the lowest that the filter LOT_SIZE of BTCUSDT allows "
            "(from 0.00001, to 9000, in steps of 0.00001)",
        ),
        (
            lambda: BTC.quantity(1001, market=True),
            "quantity: 1001, rounded to 1001.00000, is above the highest that the filter MARKET_LOT_SIZE of BTCUSDT "
            "allows (to 1000)",
        ),
        (lambda: BTC.price(1, rounding="off"), "rounding: expected 'down', 'up' or 'nearest', got 'off'"),
        (
            lambda: BTC.check_notional("0.01", "0.1"),
            "price * quantity: 0.01 * 0.1 is below the minNotional 5 USDT of the filter NOTIONAL of BTCUSDT",
        ),
        (
            lambda: BTC.check_notional(1000000, 1000),
            "price * quantity: 1000000 * 1000 is above the maxNotional 9000000 USDT of the filter NOTIONAL of BTCUSDT",
        ),
    ):
        with pytest.raises(InvalidRequest) as caught:
            call()
        assert str(caught.value) == said


def test_rules_that_are_switched_off():
    free = symbol([price_filter("0")], quoteAssetPrecision=4)
    assert free.price(1.23456) == "1.2346"
    assert free.price(1e30) == f"{10**30}.0000"
    assert free.price_range.minimum is free.price_range.step is None
    with pytest.raises(InvalidRequest, match=r"price: 1e-09 is 0 when it is rounded nearest"):
        free.price(1e-9)
    bare = symbol([])
    assert bare.quantity("1.123456789") == "1.12345678"
    assert bare.notional_ok(1, 1)
    bare.check_notional("0.00000001", 1)


def test_steps_that_are_no_powers_of_ten():
    half = symbol([price_filter("0.5"), lot_size("25")])
    assert [half.price(x) for x in (1.2, "1.25", 1.75, 3)] == ["1.0", "1.5", "2.0", "3.0"]
    assert half.quantity(130) == "125"
    both = symbol([lot_size("0.4"), lot_size("0.06", kind="MARKET_LOT_SIZE")])
    assert both.quantity(10) == "10.0"
    assert both.quantity(10, market=True) == "9.6"
    assert both.quantity(10, "up", market=True) == "10.8"


def test_notional():
    assert BTC.notional_ok(0.1, 50)  # 5 in exact arithmetic
    assert not BTC.notional_ok(0.1, "49.99999999999999999999999")
    limits = {"minNotional": "10.0", "maxNotional": "100.0", "avgPriceMins": 5}
    lax = symbol([{"filterType": "NOTIONAL", "applyMinToMarket": False, "applyMaxToMarket": False, **limits}])
    assert not lax.notional_ok(1, 9)
    assert not lax.notional_ok(1, 101)
    assert lax.notional_ok(1, 9, market=True)
    assert lax.notional_ok(1, 101, market=True)
    minimum = {"filterType": "MIN_NOTIONAL", "minNotional": "10", "applyToMarket": True, "avgPriceMins": 5}
    assert not symbol([minimum]).notional_ok(1, 9, market=True)
    assert symbol([minimum]).notional_ok(1, 10**9)


# --- against exact rational arithmetic, and the exchange's own checks

EXACT = st.one_of(
    st.decimals(min_value="1e-12", max_value="1e12", allow_nan=False),
    st.floats(min_value=1e-12, max_value=1e12),
    st.integers(min_value=1, max_value=10**12),
    st.decimals(min_value="1e-9", max_value="1e9", places=9).map(lambda d: f"{d:f}"),
)
STEPS = st.builds(lambda n, p: Decimal(n).scaleb(-p), st.integers(1, 500), st.integers(0, 8))
ROUNDINGS = st.sampled_from(["down", "up", "nearest"])


def fraction(value):
    return Fraction(Decimal(repr(value)) if isinstance(value, float) else value)


def multiple(value, step, rounding):
    """The multiple of a step that a value is rounded to."""
    count = fraction(value) / Fraction(step)
    rounded = {
        "down": math.floor(count),
        "up": math.ceil(count),
        "nearest": math.floor(count + Fraction(1, 2)),
    }
    return rounded[rounding] * Fraction(step)


@given(EXACT, STEPS, ROUNDINGS)
def test_rounding_is_exact(value, step, rounding):
    try:
        text = symbol([price_filter(f"{step:f}")]).price(value, rounding=rounding)
    except InvalidRequest:
        text = "0"
    assert Fraction(text) == multiple(value, step, rounding)
    assert "e" not in text.lower()


@given(EXACT, EXACT, st.decimals(min_value="0.00000001", max_value="1e6", places=8))
def test_notional_is_exact(price, quantity, limit):
    minimum = {
        "filterType": "MIN_NOTIONAL",
        "minNotional": f"{limit:f}",
        "applyToMarket": True,
        "avgPriceMins": 0,
    }
    expected = fraction(price) * fraction(quantity) >= Fraction(limit)
    assert symbol([minimum]).notional_ok(price, quantity) == expected


def tried(rng, rules, price):
    """An order near a price, by the rules: its parameters, and whether its notional value is allowed; None if not."""
    market = rng.random() < 0.3
    around = Decimal(price) * Decimal(rng.uniform(0.5, 2)) if not market else Decimal(price)
    amount = Decimal(10) ** Decimal(rng.uniform(-6, 6))
    amount = float(amount) if rng.random() < 0.5 else amount
    rounding = rng.choice(["down", "up", "nearest"])
    try:
        price_text = rules.price(around, rounding=rounding)
        quantity = rules.quantity(amount, rounding=rounding, market=market)
    except InvalidRequest:
        step = rules.lot_size.step
        highest = (
            min(rules.lot_size.maximum, rules.market_lot_size.maximum) if market else rules.lot_size.maximum
        )
        assert not rules.lot_size.minimum <= multiple(amount, step, rounding) <= highest
        return None
    order = {"symbol": rules.name, "side": rng.choice(["BUY", "SELL"]), "quantity": quantity}
    if market:
        return {**order, "type": "MARKET"}, None
    order |= {"type": "LIMIT", "timeInForce": "GTC", "price": price_text}
    return order, rules.notional_ok(price_text, quantity)


@pytest.mark.parametrize("seed", range(4))
def test_the_exchange_takes_what_symbols_gives(seed):
    """Hundreds of orders, to be tested by the exchange: it refuses those alone that notional_ok() refuses."""

    async def main():
        rng = random.Random(seed)
        async with Emulator() as exchange:
            key = exchange.add_account("HMAC", balances=dict.fromkeys(FUNDS, "1000000000"))
            async with fastws.connect(exchange.url, api_key=key.api_key, secret=key.secret) as client:
                await client.symbols.load()
                taken = refused = 0
                for name in (name for name, symbol in client.symbols.items() if symbol.trading):
                    price = (await client.ticker_price(symbol=name))["price"]
                    for _ in range(60):
                        order = tried(rng, client.symbols[name], price)
                        if order is None:
                            continue
                        params, allowed = order
                        (outcome,) = await asyncio.gather(client.order_test(**params), return_exceptions=True)
                        if outcome == {}:
                            assert allowed is not False, params
                            taken += 1
                        else:
                            assert "NOTIONAL" in outcome.msg, (outcome, params)
                            assert not allowed, params
                            refused += 1
                assert taken > 20
                assert refused > 20

    run(main())


# --- the decimal context is the program's own

STRICT = [signal for signal in decimal.getcontext().traps if signal is not decimal.FloatOperation]
CONTEXTS = [
    decimal.Context(prec=1, traps=STRICT),
    decimal.Context(prec=1, Emin=0, Emax=0, clamp=1, capitals=0, traps=STRICT),
    decimal.Context(prec=3, rounding=decimal.ROUND_UP, traps=[]),
    decimal.Context(prec=1, Emin=0, Emax=0, rounding=decimal.ROUND_CEILING, traps=[]),
    decimal.Context(prec=50, traps=list(decimal.getcontext().traps)),
]


def everything():
    """What symbols give and say, of all kinds of numbers and filters."""
    wide = symbol(
        [
            price_filter("0.00000025", "0.00000025", "123456789.12345675"),
            lot_size("0.0000004"),
            lot_size("0.0000006", high="123456789.1234566", kind="MARKET_LOT_SIZE"),
            {"filterType": "MIN_NOTIONAL", "minNotional": "1234567.12345678", "applyToMarket": True},
        ]
    )
    free = symbol([], quoteAssetPrecision=8, baseAssetPrecision=12)
    values = [
        52000.123,
        0.1 + 0.2,
        1e22,
        1e-7,
        "123456789.123456789",
        10**25,
        Decimal("1234567.12345678901234567"),
    ]
    found = [(repr(rules.filters) + repr(rules.price_range)).lower() for rules in (wide, free, BTC)]
    for rules in (wide, free, BTC):
        for value in values:
            for rounding in ("down", "up", "nearest"):
                for call in (
                    lambda: rules.price(value, rounding),  # noqa: B023
                    lambda: rules.quantity(value, rounding),  # noqa: B023
                    lambda: rules.quantity(value, rounding, market=True),  # noqa: B023
                    lambda: rules.check_notional(value, "1.0000001"),  # noqa: B023
                    lambda: rules.notional_ok(value, value),  # noqa: B023
                ):
                    try:
                        found.append(call())
                    except InvalidRequest as exc:
                        found.append(str(exc).lower())
    return found


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_neither_the_decimal_context_nor_the_thread_changes_a_text(context):
    expected = everything()
    assert any("below" in str(text) for text in expected)
    with decimal.localcontext(context):
        assert everything() == expected
        with ThreadPoolExecutor(1) as pool:  # which has a context of its own
            assert pool.submit(everything).result() == expected
    before = decimal.getcontext().copy()
    everything()
    assert str(decimal.getcontext()) == str(before)


@pytest.mark.parametrize(
    "value", [Decimal("sNaN"), Decimal("-Infinity"), "0." + "1" * 100_000, Decimal("0." + "3" * 3000)]
)
def test_a_decimal_that_is_no_price_is_refused(value):
    with pytest.raises(InvalidRequest, match=r"^price: ") as caught:
        BTC.price(value)
    assert len(str(caught.value)) < 300


# --- loading


@pytest.mark.parametrize(
    "options", [{}, {"numbers": "float"}, {"numbers": "decimal"}, {"results": "view"}, {"sbe": True}]
)
def test_loading(options):
    async def main():
        async with Emulator() as exchange, fastws.connect(exchange.url, **options) as client:
            symbols = client.symbols
            assert symbols is client.symbols
            assert isinstance(symbols, Symbols)
            with pytest.raises(
                UnknownSymbol, match=r"'BTCUSDT' is not loaded; await client.symbols.load\('BTCUSDT'\)"
            ):
                symbols["BTCUSDT"]
            assert await symbols.load(CHINESE) is symbols
            assert list(symbols) == [CHINESE]
            assert symbols[CHINESE].price(1.00004) == "1.0000"
            assert symbols[CHINESE].base == "这是测试币"
            await symbols.load(CHINESE)
            await symbols.load(CHINESE, "BTCUSDT")
            assert client.stats["requests"] == 2
            assert symbols["BTCUSDT"].price(52000.123) == "52000.12"
            with pytest.raises(fastws.BadRequest, match="-1121"):
                await symbols.load("NONE")
            await symbols.load()
            assert len(symbols) == 5
            assert not symbols["BNBETH"].trading
            requests = client.stats["requests"]
            await symbols.load()
            await symbols.load("ETHUSDT")
            assert client.stats["requests"] == requests
            with pytest.raises(UnknownSymbol, match="has no symbol 'BTCUSD'; did you mean 'BTCUSDT'"):
                symbols["BTCUSD"]
            assert "BTCUSD" not in symbols
            assert symbols.get("BTCUSD") is None
            assert repr(symbols) == "<fastws.Symbols: 5 of all>"
            await symbols.refresh("BTCUSDT")
            await symbols.refresh()
            assert client.stats["requests"] == requests + 2
            btc = symbols["BTCUSDT"]
            assert (btc.quote, btc.status, btc.trading) == ("USDT", "TRADING", True)
            assert btc.filters["NOTIONAL"]["minNotional"] == Decimal(5)
            assert btc.filters["NOTIONAL"]["applyMinToMarket"] is True
            assert btc.filters["MAX_NUM_ORDERS"]["maxNumOrders"] == 200
            assert btc.price_range.step == Decimal("0.01")
            assert btc.market_lot_size.step is None

    run(main())


def test_orders_with_what_symbols_gives():
    async def main():
        odd = spot_symbol(
            "ODD",
            base="O",
            quote="DD",
            reference_price="10",
            tick_size="0.25",
            step_size="0.5",
            min_notional="5",
        )
        async with Emulator(symbols=[odd]) as exchange:
            key = exchange.add_account("HMAC", balances={"DD": "100000"})
            async with fastws.connect(exchange.url, api_key=key.api_key, secret=key.secret) as client:
                await client.symbols.load()
                rules = client.symbols["ODD"]
                price, quantity = rules.price(9.13), rules.quantity(1.9)
                assert (price, quantity) == ("9.25", "1.5")
                order = await client.order_place(
                    symbol="ODD", side="BUY", type="LIMIT", timeInForce="GTC", price=price, quantity=quantity
                )
                assert (Decimal(order["price"]), Decimal(order["origQty"])) == (
                    Decimal(price),
                    Decimal(quantity),
                )
                with pytest.raises(fastws.BadRequest, match="PRICE_FILTER"):
                    await client.order_place(
                        symbol="ODD",
                        side="BUY",
                        type="LIMIT",
                        timeInForce="GTC",
                        price="9.13",
                        quantity=quantity,
                    )

    run(main())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("price", r"client.symbols\[symbol\].price\(x\) rounds it"),
        ("stopPrice", r"client.symbols\[symbol\].price\(x\) rounds it"),
        ("quantity", r"client.symbols\[symbol\].quantity\(x\) rounds it"),
        ("icebergQty", r"client.symbols\[symbol\].quantity\(x\) rounds it"),
        ("quoteOrderQty", r"0.30000000000000004$"),
    ],
)
def test_a_float_in_an_order_is_told_where_to_go(name, said):
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("HMAC")
            async with fastws.connect(exchange.url, api_key=key.api_key, secret=key.secret) as client:
                with pytest.raises(InvalidRequest, match=said):
                    client.order_place(symbol="BTCUSDT", side="BUY", type="LIMIT", **{name: 0.1})

    run(main())


def test_a_symbol_can_be_copied_and_sent_to_another_process():
    assert pickle.loads(pickle.dumps(BTC)) == copy.deepcopy(BTC) == BTC
