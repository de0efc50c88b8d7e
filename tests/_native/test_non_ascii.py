"""Symbols and assets whose names are not ASCII, wherever a name can stand."""

import pytest

import fastws
from fastws import InvalidRequest
from fastws.emulator import Emulator
from fastws.methods import METHODS, PARAMETERS
from helpers.support import KEY, answer_all, reply, run, talking

SYMBOL = "这是测试币456"
BASE = "这是测试币"
LIMIT = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "10",
    "price": "0.9",
}
NAMED = [name for name, method in METHODS.items() if "symbol" in method.params]
SAMPLES = {
    "TEXT": SYMBOL,
    "DECIMAL": "1.5",
    "INTEGER": 7,
    "BOOLEAN": True,
    "LIST": [SYMBOL, "é"],
    "WINDOW": 1000,
}


@pytest.mark.parametrize("name", NAMED)
def test_every_method_sends_the_name_as_it_is(name):
    async def main():
        method = METHODS[name]
        needed = ["symbol", *method.required, *(group[0] for group in method.groups)]
        given = {each: SAMPLES[PARAMETERS[each]] for each in needed}
        async with talking(answer_all, **KEY) as client:
            sent = (await getattr(client, method.wrapper)(**given))["params"]
            assert {each: sent[each] for each in given} == given
            if "symbols" in method.params:
                given = {"symbols": [SYMBOL, "BTCUSDT", "😀"]}
                assert (await getattr(client, method.wrapper)(**given))["params"] == given

    run(main())


@pytest.mark.parametrize("sbe", [False, True], ids=["json", "sbe"])
@pytest.mark.parametrize("kind", ["HMAC", "RSA", "Ed25519"])
def test_signed_orders_results_and_balances(kind, sbe):
    """The signature is that of the UTF-8 bytes, and is verified by the exchange."""

    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account(kind, balances={BASE: "100", "456": "1000"})
            secret = {"secret": key.secret} if kind == "HMAC" else {"private_key": key.private_key}
            async with fastws.connect(
                exchange.url, api_key=key.api_key, **secret, logon="never", sbe=sbe
            ) as client:
                order = await client.order_place(**LIMIT)
                assert (order["symbol"], order["status"]) == (SYMBOL, "NEW")
                assert (await client.order_status(symbol=SYMBOL, orderId=order["orderId"]))[
                    "symbol"
                ] == SYMBOL
                assert [each["symbol"] for each in await client.open_orders_status(symbol=SYMBOL)] == [SYMBOL]
                filled = await client.order_place(
                    **{**LIMIT, "type": "MARKET", "price": None, "timeInForce": None}
                )
                assert {fill["commissionAsset"] for fill in filled["fills"]} <= {BASE, "456", "BNB"}
                balances = {each["asset"] for each in (await client.account_status())["balances"]}
                assert balances >= {BASE, "456"}
                (cancelled,) = await client.open_orders_cancel_all(symbol=SYMBOL)
                assert cancelled["symbol"] == SYMBOL
                info = await client.exchange_info(symbols=[SYMBOL, "BTCUSDT"])
                assert {each["baseAsset"] for each in info["symbols"]} == {BASE, "BTC"}

    run(main())


@pytest.mark.parametrize("sbe", [False, True], ids=["json", "sbe"])
def test_errors_of_the_exchange(sbe):
    async def main():
        async with Emulator() as exchange, fastws.connect(exchange.url, sbe=sbe) as client:
            with pytest.raises(fastws.BadRequest) as caught:
                await client.depth(symbol="币")
            assert caught.value.name == "BAD_SYMBOL"

    run(main())


def test_errors_that_hold_a_name():
    async def script(peer):
        request = await peer.request()
        error = {"code": -1121, "msg": f"no {SYMBOL}", "data": {"symbol": SYMBOL}}
        peer.send({"id": request["id"], "status": 400, "error": error})
        request = await peer.request()
        peer.send(reply(request, {SYMBOL: {"币": "é"}}))

    async def main():
        async with talking(script) as client:
            with pytest.raises(fastws.BadRequest, match=f"no {SYMBOL}") as caught:
                await client.depth(symbol=SYMBOL)
            assert caught.value.data == {"symbol": SYMBOL}
            assert await client.request("any") == {SYMBOL: {"币": "é"}}

    run(main())


def test_errors_of_fastws_show_the_name():
    async def main():
        async with talking(answer_all) as client:
            with pytest.raises(InvalidRequest, match=f"limit: expected an int, got '{SYMBOL}'"):
                client.depth(symbol=SYMBOL, limit=SYMBOL)
            with pytest.raises(InvalidRequest, match=rf"'{SYMBOL}\\ud800' holds a lone surrogate"):
                client.depth(symbol=f"{SYMBOL}\ud800")
            with pytest.raises(
                fastws.trading.symbols.UnknownSymbol, match=f"symbols: '{SYMBOL}' is not loaded"
            ):
                client.symbols[SYMBOL]

    run(main())


def test_command_line(capsys):
    from fastws.cli import main as command

    assert command(["methods", SYMBOL]) == 2
    assert capsys.readouterr().err == f"fastws: fastws knows no method {SYMBOL}\n"
    assert command(["call", "depth", f"{SYMBOL}=1", "--url", "ws://127.0.0.1:1"]) == 2
    assert f"depth takes no parameter {SYMBOL}" in capsys.readouterr().err
