"""Every method of the API through its wrapper on the embedded exchange: in JSON and SBE, as dicts and as views."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest
from test_client_sbe import PRIVATE_KEY, plain

import fastws
from fastws.emulator import Emulator, ManualClock
from fastws.methods import METHODS
from helpers.emulator.full_parameters import IdOf, calls
from helpers.emulator.market_script import SYMBOLS
from helpers.emulator.quiet_market import SOR
from helpers.emulator.session_script import SCRIPT
from helpers.support import run
from helpers.typed import best, kinds_of

# What the JSON API has and no SBE message carries (SBE.md, Gaps).
JSON_ONLY = {
    "exchangeInfo": {"timezone", "serverTime", "permissions", "quotePrecision", "opoAllowed"},
    "account.status": {"makerCommission", "takerCommission", "buyerCommission", "sellerCommission"},
    "order.amend.keepPriority": {"quoteOrderQty"},
}
# One exponent serves all decimals of a filter in SBE, so that their texts may have other zeros at the end.
AS_NUMBERS = ("exchangeInfo", "myFilters", "executionRules")


def comparable(name: str, value: Any) -> Any:
    """A result without what SBE cannot carry, and without the ids that fastws draws."""
    if isinstance(value, dict):
        return {
            key: comparable(name, entry)
            for key, entry in value.items()
            if key not in JSON_ONLY.get(name, ()) and not key.lower().endswith("clientorderid")
        }
    if isinstance(value, list):
        entries = [comparable(name, entry) for entry in value]
        # sets of words: SBE has them in the order of its bits
        words = all(isinstance(entry, str) for entry in entries)
        return sorted(entries) if words else entries
    if name in AS_NUMBERS and isinstance(value, str):
        try:
            return Decimal(value)
        except InvalidOperation:
            return value
    return value


def numbers_of(result: Any) -> dict[str, int]:
    """The numbers of orders and lists by their client order ids, from whatever a result says of them."""
    if isinstance(result, list):
        return {key: number for entry in result for key, number in numbers_of(entry).items()}
    if not isinstance(result, dict):
        return {}
    found = {key: number for entry in result.values() for key, number in numbers_of(entry).items()}
    for key, number in (("clientOrderId", "orderId"), ("listClientOrderId", "orderListId")):
        if key in result and number in result:
            found[result[key]] = result[number]
    return found


async def outcomes(script: Sequence[tuple[str, Any]] = SCRIPT, **options: Any) -> list[tuple[str, Any, bool]]:
    """What each call of the script comes to: (method, result or error, whether it is a result)."""
    clock = ManualClock()
    found: list[tuple[str, Any, bool]] = []
    async with Emulator(clock=clock, seed=7, symbols=[*SYMBOLS, *SOR]) as exchange:
        key = exchange.add_account("Ed25519", api_key="k" * 64, private_key=PRIVATE_KEY)
        async with fastws.connect(
            exchange.url, api_key=key.api_key, private_key=key.private_key, logon="never", **options
        ) as client:
            numbers: dict[str, int] = {}
            for name, params in script:
                if name not in METHODS:
                    continue
                method = METHODS[name]
                clock.advance(0.000001)
                given = {
                    key: numbers[value] if isinstance(value, IdOf) else value
                    for key, value in (params or {}).items()
                }
                if method.signed:
                    given |= {"timestamp": clock.now_us(), "recvWindow": 5000}
                try:
                    if name.startswith("userDataStream.subscribe"):
                        result = await client.request(name, given)
                    else:
                        result = await getattr(client, method.wrapper)(**given)
                    found.append((name, plain(result), True))
                    numbers |= numbers_of(found[-1][1])
                except fastws.ApiError as exc:
                    found.append((name, [exc.status, exc.code, exc.msg], False))
                except fastws.InvalidRequest as exc:
                    found.append((name, str(exc), False))
    return found


@pytest.fixture(scope="module")
def in_json() -> list[tuple[str, Any, bool]]:
    return run(outcomes(), timeout=30)


def test_every_method_is_called_and_its_results_are_of_their_types(in_json):
    # the script's are refused, as an account has one subscription; those that succeed are in test_streams_exchange.py
    refused = {"userDataStream.subscribe.signature", "userDataStream.unsubscribe"}
    assert METHODS.keys() - {name for name, _, done in in_json if done} == refused
    for name, result, done in in_json:
        if done:
            assert not best(result, kinds_of(METHODS[name])), name


@pytest.mark.parametrize(
    "options",
    [{"sbe": True}, {"sbe": True, "results": "view"}, {"results": "view"}],
    ids=["sbe", "sbe-view", "view"],
)
def test_every_method_gives_the_same_in_every_kind_of_session(options, in_json):
    got = run(outcomes(**options), timeout=30)
    for (name, want, _), (_, have, _) in zip(in_json, got, strict=True):
        assert comparable(name, have) == comparable(name, want), name


@pytest.fixture(scope="module")
def in_full() -> list[tuple[str, Any, bool]]:
    return run(outcomes(calls()), timeout=30)


def test_every_documented_parameter_is_taken_and_the_results_are_of_their_types(in_full):
    sent: dict[str, set[str]] = {name: {"recvWindow"} for name in METHODS}
    for (name, params), (_, result, done) in zip(calls(), in_full, strict=True):
        assert done, (name, params, result)
        assert not best(result, kinds_of(METHODS[name])), (name, params)
        sent[name] |= params.keys()
    for name, params in SCRIPT:
        if name in METHODS:
            sent[name] |= (params or {}).keys()
    signing = {"apiKey", "signature", "timestamp"}
    missing = {name: set(method.params) - sent[name] - signing for name, method in METHODS.items()}
    assert {name: params for name, params in missing.items() if params} == {}


@pytest.mark.parametrize(
    "options", [{"sbe": True}, {"sbe": True, "results": "view"}], ids=["sbe", "sbe-view"]
)
def test_every_documented_parameter_gives_the_same_in_sbe(options, in_full):
    got = run(outcomes(calls(), **options), timeout=30)
    for (name, params), (_, want, _), (_, have, _) in zip(calls(), in_full, got, strict=True):
        assert comparable(name, have) == comparable(name, want), (name, params)
