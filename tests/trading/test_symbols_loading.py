"""client.symbols.load(): one odd value spoils no other, and nothing that connect() says changes what is loaded."""

import contextlib
import copy
import json
import pickle
import struct
from decimal import Decimal

import pytest

import fastws
from fastws import DecodeError
from fastws.emulator import Emulator, spot_symbol
from fastws.emulator.values.default_symbols import DEFAULT_SYMBOLS
from fastws.sbe import Schema
from fastws.trading.symbols import UnknownSymbol
from helpers.support import BINARY, frame, reply, run, talking

SPOT = Schema.bundled("spot")
PLAIN = DEFAULT_SYMBOLS[0].info(False)
GOOD = {**PLAIN, "symbol": "GOODUSDT"}
OPTIONS = [{}, {"results": "view"}, {"numbers": "float"}, {"numbers": "decimal", "results": "view"}]


@contextlib.asynccontextmanager
async def loaded(*symbols, **options):
    """A client that has loaded these symbols: texts of JSON objects, or objects."""
    texts = [entry if isinstance(entry, str) else json.dumps(entry) for entry in symbols]

    async def script(peer):
        request = await peer.request()
        assert request["method"] == "exchangeInfo"
        symbols = ",".join(texts)
        peer.send(
            f'{{"id":{request["id"]},"status":200,"result":{{"timezone":"UTC","symbols":[{symbols}]}}}}'
        )

    async with talking(script, **options) as client:
        await client.symbols.load()
        yield client.symbols


def with_filter(**changes):
    """A symbol of which one filter differs; None takes a value away."""
    entry = copy.deepcopy(PLAIN)
    (found,) = [each for each in entry["filters"] if each["filterType"] == changes["filterType"]]
    for name, value in changes.items():
        if value is None:
            del found[name]
        else:
            found[name] = value
    return entry


ODD_FILTERS = [
    {"filterType": "NEW", "value": None},
    {"filterType": "NEW", "value": ["1", {"a": None}]},
    {"filterType": "NEW", "value": {"minQty": "1"}},
    {"filterType": "NEW", "value": "1e5", "price": "1e999999999999"},
    {"filterType": None, "minPrice": "1"},
    {"filterType": ["PRICE_FILTER"]},
    {"templateId": 99, "$unknownTemplate": True},
    {},
    None,
    "PRICE_FILTER",
    ["PRICE_FILTER"],
    7,
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("odd", ODD_FILTERS, ids=str)
def test_a_filter_that_nobody_knows_stays_as_it_is_and_spoils_nothing(odd, options):
    async def main():
        entry = {**PLAIN, "filters": [odd, *PLAIN["filters"]]}
        async with loaded(entry, GOOD, **options) as symbols:
            btc = symbols["BTCUSDT"]
            assert btc.info["filters"][0] == odd
            assert btc.info == entry
            assert btc.price(52000.123) == "52000.12"
            assert btc.quantity(0.0123456, market=True) == "0.01234"
            assert btc.notional_ok(1, 5, market=True)
            assert not btc.notional_ok(1, 4)
            if isinstance(odd, dict) and odd.get("filterType") == "NEW":
                assert btc.filters["NEW"].values == {name: odd[name] for name in odd if name != "filterType"}
            assert btc.filters.keys() - {"NEW"} == symbols["GOODUSDT"].filters.keys()

    run(main())


def test_a_filter_of_a_newer_sbe_schema_spoils_nothing():
    def entry(name, *filters):
        given = {"symbol": name, "baseAsset": "BTC", "quoteAsset": "USDT", "status": "Trading"}
        message = SPOT.model.message("ExchangeInfoResponse")
        (group,) = [group for group in message.groups if group.name == "symbols"]
        for item in group.fields:
            is_set = getattr(SPOT.model.type_of(item), "is_set", False)
            given.setdefault(item.name, "True" if item.type == "boolEnum" else [] if is_set else 8)
        given["filters"] = [{"filter": {"template": template, "value": value}} for template, value in filters]
        return given

    price = {"priceExponent": -2, "minPrice": 1, "maxPrice": 10**8, "tickSize": 1}
    size = {"qtyExponent": -5, "minQty": 1, "maxQty": 9 * 10**8, "stepSize": 1}
    new = ("MaxNumOrdersFilter", {"maxNumOrders": 3})
    symbols = [
        entry("BTCUSDT", new, ("PriceFilter", price), ("LotSizeFilter", size)),
        entry("ETHUSDT", ("PriceFilter", price)),
    ]

    async def script(peer):
        request = await peer.request()
        envelope = {"sbeSchemaIdVersionDeprecated": "False", "status": 200, "rateLimits": []}
        result = {"template": "ExchangeInfoResponse", "value": {"symbols": symbols}}
        data = SPOT.encode("WebSocketResponse", {**envelope, "id": str(request["id"]), "result": result})
        known = struct.pack("<HH", 9, 3)  # template and schema of the filter
        assert data.count(known) == 1
        peer.send(frame(BINARY, data.replace(known, struct.pack("<HH", 1234, 3))))

    async def main():
        for options in OPTIONS:
            async with talking(script, sbe=True, **options) as client:
                await client.symbols.load()
                assert list(client.symbols) == ["BTCUSDT", "ETHUSDT"]
                btc = client.symbols["BTCUSDT"]
                assert btc.price(52000.123) == "52000.12"
                assert btc.quantity(0.0123456) == "0.01234"
                assert btc.info["filters"][0] == {"templateId": 1234, "$unknownTemplate": True}
                assert set(btc.filters) == {"PRICE_FILTER", "LOT_SIZE"}

    run(main())


MISSING = object()


@pytest.mark.parametrize("name", ["minPrice", "maxPrice", "tickSize"])
@pytest.mark.parametrize(
    "value", [MISSING, None, [], {}, True, "x", "", "-1", -1, "1e9999", "1e-99999", "NaN", " 1", "1" * 300]
)
def test_a_rule_that_cannot_be_read_fails_alone_when_it_is_used(name, value):
    async def main():
        entry = copy.deepcopy(PLAIN)
        found = next(each for each in entry["filters"] if each["filterType"] == "PRICE_FILTER")
        found[name] = value
        if value is MISSING:
            del found[name]
        async with loaded(entry, GOOD) as symbols:
            btc = symbols["BTCUSDT"]
            for use in (lambda: btc.price(52000), lambda: btc.price_range):
                with pytest.raises(DecodeError, match=f"BTCUSDT: the filter PRICE_FILTER: {name}"):
                    use()
            assert btc.quantity(0.0123456, market=True) == "0.01234"
            assert btc.notional_ok(1, 5)
            assert btc.info == entry
            assert "LOT_SIZE" in btc.filters
            assert symbols["GOODUSDT"].price(52000) == "52000.00"

    run(main())


@pytest.mark.parametrize(
    ("name", "uses"),
    [
        ("baseAsset", {"base"}),
        ("quoteAsset", {"quote"}),
        ("status", {"status", "trading"}),
        ("orderTypes", {"order_types"}),
        ("quoteAssetPrecision", {"price"}),
        ("baseAssetPrecision", {"quantity"}),
        (
            "filters",
            {"price", "quantity", "notional_ok", "filters", "price_range", "lot_size", "market_lot_size"},
        ),
    ],
)
@pytest.mark.parametrize("value", [MISSING, None])
def test_what_is_missing_of_a_symbol_fails_alone_when_it_is_used(name, uses, value):
    def every(symbol):
        yield from (
            (name, lambda name=name: getattr(symbol, name))
            for name in ("base", "quote", "status", "trading", "order_types", "filters", "info")
        )
        yield from (
            (name, lambda name=name: getattr(symbol, name))
            for name in ("price_range", "lot_size", "market_lot_size")
        )
        yield "price", lambda: symbol.price(1)
        yield "quantity", lambda: symbol.quantity(1)
        yield "notional_ok", lambda: symbol.notional_ok(1, 1)

    async def main():
        off = [{**each} for each in PLAIN["filters"]]
        for each in off:  # so that the precision of the asset counts
            each.update({key: "0" for key in ("tickSize", "stepSize") if key in each})
        entry = {**PLAIN, "filters": off, name: value}
        if value is MISSING:
            del entry[name]
        async with loaded(entry, GOOD) as symbols:
            for use, call in every(symbols["BTCUSDT"]):
                if use in uses:
                    with pytest.raises(DecodeError, match=f"symbols: BTCUSDT: {name}"):
                        call()
                else:
                    call()
            assert all(call() is not None for _, call in every(symbols["GOODUSDT"]))
            assert "BTCUSDT" in repr(symbols["BTCUSDT"])

    run(main())


def test_a_notional_rule_that_cannot_be_read_fails_alone_when_it_is_used():
    async def main():
        lacks = with_filter(filterType="NOTIONAL", minNotional=None)
        async with loaded(lacks) as symbols:
            for use in (symbols["BTCUSDT"].notional_ok, symbols["BTCUSDT"].check_notional):
                with pytest.raises(DecodeError, match="BTCUSDT: the filter NOTIONAL: minNotional"):
                    use(1, 5)
            assert symbols["BTCUSDT"].price(1) == "1.00"
        lacks = with_filter(filterType="NOTIONAL", applyMinToMarket=None)
        async with loaded(lacks) as symbols:
            assert symbols["BTCUSDT"].notional_ok(1, 5)
            with pytest.raises(DecodeError, match="BTCUSDT: the filter NOTIONAL: applyMinToMarket"):
                symbols["BTCUSDT"].notional_ok(1, 5, market=True)

    run(main())


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("odd", [r'"\ud800"', "1e999", "nul", '{"a":tru}'])
def test_a_symbol_that_cannot_be_read_fails_alone_when_it_is_used(odd, options):
    async def main():
        text = json.dumps(PLAIN)
        broken = text[:-1] + f',"new":{odd}}}'
        async with loaded(GOOD, broken, {**PLAIN, "symbol": "ETHUSDT"}, **options) as symbols:
            assert list(symbols) == ["GOODUSDT", "BTCUSDT", "ETHUSDT"]
            assert [symbol.name for symbol in symbols.values()] == list(symbols)
            for use in (lambda s: s.price(1), lambda s: s.quantity(1), lambda s: s.info, lambda s: s.trading):
                with pytest.raises(DecodeError, match="symbols: BTCUSDT: "):
                    use(symbols["BTCUSDT"])
                use(symbols["GOODUSDT"])
                use(symbols["ETHUSDT"])

    run(main())


@pytest.mark.parametrize("odd", ["null", "1", '"x"', "[]", "{}", '{"symbol":null}', '{"symbol":{"a":1}}'])
def test_a_symbol_without_a_name_is_left_out_and_reported(odd, caplog):
    async def main():
        async with loaded(GOOD, odd, PLAIN) as symbols:
            assert list(symbols) == ["GOODUSDT", "BTCUSDT"]
            with pytest.raises(UnknownSymbol):
                symbols["x"]

    run(main())
    assert "a symbol whose name cannot be read is left out" in caplog.text


@pytest.mark.parametrize("result", ["null", "[]", "{}", '{"symbols":null}', '{"symbols":{}}', '"x"', "7"])
@pytest.mark.parametrize("options", OPTIONS)
def test_a_result_without_symbols_is_no_result(result, options):
    async def main():
        async def script(peer):
            request = await peer.request()
            peer.send(f'{{"id":{request["id"]},"status":200,"result":{result}}}')

        async with talking(script, **options) as client:
            with pytest.raises(DecodeError):
                await client.symbols.load()
            assert len(client.symbols) == 0

    run(main())


@pytest.mark.parametrize("tick", ["1e-2", "1E-2", "10e-3", "0.1e-1", "1.0E-02", "1e-02"])
def test_a_step_with_an_exponent_is_a_step(tick):
    async def main():
        async with loaded(with_filter(filterType="PRICE_FILTER", tickSize=tick)) as symbols:
            btc = symbols["BTCUSDT"]
            assert btc.price(52000.123) == "52000.12"
            assert btc.price_range.step == btc.filters["PRICE_FILTER"]["tickSize"] == Decimal("0.01")

    run(main())


# --- exactly what the exchange checks


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("results", ["dict", "view"])
@pytest.mark.parametrize("numbers", ["str", "float", "decimal"])
def test_filters_are_exact_whatever_connect_makes_of_numbers(numbers, results, sbe):
    """As a float, the largest of these would be 200780963.65479013, more than the exchange takes."""
    largest = "200780963.65479012"

    async def main():
        exact = spot_symbol(
            "BTCUSDT",
            base="BTC",
            quote="USDT",
            reference_price="1",
            tick_size="0.00000001",
            step_size="0.00000001",
            min_notional="0.00000001",
            market_max_qty=largest,
            max_qty="900000000",
            max_price=largest,
            max_notional=largest,
        )
        async with (
            Emulator(symbols=[exact]) as exchange,
            fastws.connect(exchange.url, numbers=numbers, results=results, sbe=sbe) as client,
        ):
            await client.symbols.load("BTCUSDT")
            btc = client.symbols["BTCUSDT"]
            assert btc.market_lot_size.maximum == btc.price_range.maximum == Decimal(largest)
            assert btc.filters["NOTIONAL"]["maxNotional"] == Decimal(largest)
            assert btc.quantity(largest, market=True) == btc.price(largest) == largest
            for call in (btc.price, lambda value: btc.quantity(value, market=True)):
                with pytest.raises(fastws.InvalidRequest, match=f"to {largest}"):
                    call("200780963.65479013")
            (found,) = [each for each in btc.info["filters"] if each["filterType"] == "MARKET_LOT_SIZE"]
            assert found["maxQty"] == largest
            # what else is asked for is as ever
            price = (await client.ticker_price(symbol="BTCUSDT"))["price"]
            assert type(price) is {"str": str, "float": float, "decimal": Decimal}[numbers]
            if results == "dict":
                info = await client.exchange_info(symbol="BTCUSDT")
                (found,) = [
                    each for each in info["symbols"][0]["filters"] if each["filterType"] == "MARKET_LOT_SIZE"
                ]
                assert type(found["maxQty"]) is type(price)

    run(main())


# --- however the reply is written

LIMITS = '[{"rateLimitType":"RAW_REQUESTS","interval":"DAY","intervalNum":1,"limit":6000,"count":77}]'
REPLIES = [
    '{"id":@,"status":200,"result":{"symbols":[SYMBOLS]},"rateLimits":LIMITS}',
    '{"id":@,"status":200,"rateLimits":LIMITS,"result":{"symbols":[SYMBOLS],"more":[{"a":"]"}]}}',
    '{ "id": @, "status": 200, "result": { "symbols" : [ SYMBOLS ] } , "rateLimits": LIMITS }',
    '{"status":200,"id":@,"result":{"a":[1,{}],"symbols":[SYMBOLS]},"rateLimits":LIMITS}',
    '{"status":200,"result":{"symbols":[SYMBOLS]},"rateLimits":LIMITS,"id":@}',
    '{"id":@,"status":200,"result":{"symbols":[1],"symbols":[SYMBOLS]},"rateLimits":LIMITS}',
]


def replying(*texts):
    """A peer that answers with these in turn."""

    async def script(peer):
        for text in texts:
            request = await peer.request()
            peer.send(text.replace("@", str(request["id"])))

    return script


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("text", REPLIES)
def test_symbols_are_loaded_however_the_reply_is_written(text, options):
    both = f"{json.dumps(GOOD)},{json.dumps(PLAIN)}"
    script = replying(text.replace("SYMBOLS", both).replace("LIMITS", LIMITS))

    async def main():
        async with talking(script, **options) as client:
            await client.symbols.load()
            assert list(client.symbols) == ["GOODUSDT", "BTCUSDT"]
            assert client.symbols["BTCUSDT"].info == PLAIN
            assert [limit.count for limit in client.limits] == [77]
            assert client.stats["replies"] == client.seq == 1
            assert client.in_flight == 0

    run(main())


@pytest.mark.parametrize(
    "text",
    [
        '{"id":@,"status":200,"result":{"symbols":[{"symbol":"A"]}}',
        '{"id":@,"status":200,"result":{"symbols":[{"symbol":"A"},]}}',
        '{"id":@,"status":200,"result":{"symbols":[{"symbol":"A"}}}',
        '{"id":@,"status":200,"result":{"symbols":[{"symbol":"A"}]}',
        '{"id":@,"status":200,"result":{"symbols":[{"symbol":"A"}]}}x',
        '{"id":@,"status":200,"result":{"symbols":[{"symbol":"A"}],"a"}}',
        '{"id":@,"status":200,"result":',
        '{"id":@,"status":200,"result":{"symbols":[]},"error":{"code":-1,"msg":"no"}}',
    ],
)
def test_a_reply_that_is_no_document_is_refused_and_the_next_one_is_read(text):
    script = replying(text, REPLIES[0].replace("SYMBOLS", json.dumps(PLAIN)).replace("LIMITS", LIMITS))

    async def main():
        async with talking(script) as client:
            with pytest.raises(DecodeError):
                await client.symbols.load()
            assert len(client.symbols) == 0
            await client.symbols.load()
            assert client.symbols["BTCUSDT"].price(1) == "1.00"

    run(main())


def test_a_refusal_and_a_timeout_of_a_load_are_those_of_any_request():
    refusal = '{"id":@,"status":429,"error":{"code":-1003,"msg":"too much"}}'

    async def main():
        async with talking(replying(refusal)) as client:
            with pytest.raises(fastws.RateLimited, match="exchangeInfo: too much"):
                await client.symbols.load()
        late = REPLIES[0].replace("SYMBOLS", "").replace("LIMITS", LIMITS)

        async def script(peer):
            asked = await peer.request()
            request = await peer.request()  # made after the timeout
            peer.send(late.replace("@", str(asked["id"])), reply(request, {}))

        async with talking(script, timeout=0.05) as client:
            with pytest.raises(fastws.RequestTimeout):
                await client.symbols.load()
            assert await client.ping() == {}
            assert client.stats["orphans"] == 1

    run(main())


@pytest.mark.parametrize("sbe", [False, True])
@pytest.mark.parametrize("results", ["dict", "view"])
def test_loaded_symbols_go_to_another_process_without_their_client(results, sbe):
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("HMAC")
            async with fastws.connect(
                exchange.url, api_key=key.api_key, secret=key.secret, results=results, sbe=sbe
            ) as client:
                await client.symbols.load()
                pickled = pickle.dumps(client.symbols)
                assert key.secret.encode() not in pickled
                for other in (
                    pickle.loads(pickled),
                    copy.copy(client.symbols),
                    copy.deepcopy(client.symbols),
                ):
                    assert dict(other) == dict(client.symbols)
                    assert repr(other) == repr(client.symbols)
                    assert other["BTCUSDT"].price(52000.123) == "52000.12"
                    assert other["BTCUSDT"].info == client.symbols["BTCUSDT"].info
                    await other.load("BTCUSDT")  # which is there
                    with pytest.raises(UnknownSymbol, match="did you mean 'BTCUSDT'"):
                        other["BTCUSD"]
                    with pytest.raises(fastws.NotConnected, match="not sent: a copy has no client"):
                        await other.refresh()
                await client.symbols.refresh()

    run(main())
