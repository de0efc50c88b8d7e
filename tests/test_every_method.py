"""Every method of the API through its wrapper on the embedded exchange: in JSON and SBE, as dicts and as views."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import pytest
from test_client_sbe import PRIVATE_KEY, plain

import fastws
from emulator.market_script import SYMBOLS
from emulator.quiet_market import SOR
from emulator.test_sbe_sessions import SCRIPT
from fastws.emulator import Emulator, ManualClock
from fastws.methods import METHODS
from support import run
from test_types import best, kinds_of

# What the JSON API has and no SBE message carries (SBE.md, Gaps).
JSON_ONLY = frozenset(
    "timezone serverTime permissions quotePrecision opoAllowed makerCommission takerCommission buyerCommission"
    " sellerCommission quoteOrderQty".split()
)
# JSON shows no origQty of a pending order whose quantity follows from its working order; SBE has no null for it, and 0.
UNKNOWN_YET = ("origQty", "0.00000000")
# One exponent serves all decimals of a filter in SBE, so that their texts may have other zeros at the end.
AS_NUMBERS = ("exchangeInfo", "myFilters", "executionRules")


def comparable(value: Any, numbers: bool = False) -> Any:
    """A result without what SBE cannot carry, and without the ids that fastws draws."""
    if isinstance(value, dict):
        return {
            key: comparable(entry, numbers)
            for key, entry in value.items()
            if key not in JSON_ONLY
            and (key, entry) != UNKNOWN_YET
            and not key.lower().endswith("clientorderid")
        }
    if isinstance(value, list):
        entries = [comparable(entry, numbers) for entry in value]
        # sets of words: SBE has them in the order of its bits
        words = all(isinstance(entry, str) for entry in entries)
        return sorted(entries) if words else entries
    if numbers and isinstance(value, str):
        try:
            return Decimal(value)
        except InvalidOperation:
            return value
    return value


async def outcomes(**options: Any) -> list[tuple[str, Any, bool]]:
    """What each call of the script comes to: (method, result or error, whether it is a result)."""
    clock = ManualClock()
    found: list[tuple[str, Any, bool]] = []
    async with Emulator(clock=clock, seed=7, symbols=[*SYMBOLS, *SOR]) as exchange:
        key = exchange.add_account("Ed25519", api_key="k" * 64, private_key=PRIVATE_KEY)
        async with fastws.connect(
            exchange.url, api_key=key.api_key, private_key=key.private_key, logon="never", **options
        ) as client:
            for name, params in SCRIPT:
                if name not in METHODS:
                    continue
                method = METHODS[name]
                clock.advance(0.000001)
                given = {**(params or {}), **({"timestamp": clock.now_us()} if method.signed else {})}
                try:
                    if name.startswith("userDataStream.subscribe"):
                        result = await client.request(name, given)
                    else:
                        result = await getattr(client, method.wrapper)(**given)
                    found.append((name, plain(result), True))
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
        numbers = name in AS_NUMBERS
        assert comparable(have, numbers) == comparable(want, numbers), name
