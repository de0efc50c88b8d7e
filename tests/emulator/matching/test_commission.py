"""Commissions; the numbers are those of faqs/commission_faq.md."""

from __future__ import annotations

from fastws.emulator.values.decimals import units
from fastws.emulator.values.symbols import Rates
from helpers.emulator.floor import Floor, symbol

SPECIAL = Rates(1_000_000, 2_000_000, 3_000_000, 4_000_000)
TAX = Rates(112, 114, 118, 116)


def market(bnb="20000"):
    floor = Floor(
        symbol(reference_price="35000", special_rates=SPECIAL, tax_rates=TAX, step_size="0.00001"),
        symbol("BNBUSDT", reference_price="260"),
    )
    account = floor.accounts["a"]
    account.maker_rate, account.taker_rate, account.buyer_rate, account.seller_rate = 10, 20, 30, 40
    account.discount = units("0.25")
    account.balance("BNB").free = units(bnb)
    floor.order("b", "BUY", "0.49975", "35000")
    return floor


def sell(floor):
    (fill,) = floor.order("a", "SELL", "0.49975")["fills"]
    return fill["commission"], fill["commissionAsset"]


def test_all_rates_are_taken_off_what_is_received():
    """17491.25 USDT x (0.00000060 + 0.00000230 + 0.06)"""
    floor = market()
    assert sell(floor) == ("1049.52572462", "USDT")
    assert floor.balance("a", "USDT") == ("36441.72427538", "0")


def test_a_discount_when_it_is_paid_in_bnb():
    """The example rounds each step: 4.036607129."""
    floor = market()
    floor.accounts["a"].bnb_discount = True
    fee, asset = sell(floor)
    assert asset == "BNB"
    assert abs(units(fee) - units("4.03660712")) <= units("0.00001")
    assert floor.balance("a", "USDT") == ("37491.25", "0")


def test_too_little_bnb_to_pay_with():
    floor = market(bnb="1")
    floor.accounts["a"].bnb_discount = True
    assert sell(floor) == ("1049.52572462", "USDT")


def test_a_symbol_without_the_discount():
    floor = Floor(symbol(bnb_discount=False), symbol("BNBUSDT"), rate=100_000)
    floor.accounts["a"].bnb_discount = True
    floor.order("b", "BUY", "1", "1")
    assert sell_one(floor) == ("0.00100000", "USDT")


def sell_one(floor):
    (fill,) = floor.order("a", "SELL", "1")["fills"]
    return fill["commission"], fill["commissionAsset"]


def test_no_market_for_bnb():
    floor = Floor(rate=100_000)
    floor.accounts["a"].bnb_discount = True
    floor.order("b", "BUY", "1", "1")
    assert sell_one(floor) == ("0.00100000", "USDT")


def test_rates_of_an_account_and_of_an_order():
    """SEMANTICS 75"""
    floor = market()
    rates = floor.call("a", "account.commission")
    assert rates == {
        "symbol": "BTCUSDT",
        "standardCommission": {
            "maker": "0.00000010",
            "taker": "0.00000020",
            "buyer": "0.00000030",
            "seller": "0.00000040",
        },
        "specialCommission": {
            "maker": "0.01000000",
            "taker": "0.02000000",
            "buyer": "0.03000000",
            "seller": "0.04000000",
        },
        "taxCommission": {
            "maker": "0.00000112",
            "taker": "0.00000114",
            "buyer": "0.00000118",
            "seller": "0.00000116",
        },
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": "0.25000000",
        },
    }
    test = {"side": "SELL", "type": "MARKET", "quantity": "1"}
    assert floor.call("a", "order.test", **test) == {}
    shown = floor.call("a", "order.test", **test, computeCommissionRates=True)
    assert shown["standardCommissionForOrder"] == {"maker": "0.00000050", "taker": "0.00000060"}
    assert shown["specialCommissionForOrder"] == {"maker": "0.05000000", "taker": "0.06000000"}
    assert shown["taxCommissionForOrder"] == {"maker": "0.00000228", "taker": "0.00000230"}
    assert shown["discount"] == rates["discount"]
