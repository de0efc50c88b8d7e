"""fastws.outcomes: which error a request ends in, for each cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

import fastws
from fastws import (
    ConnectionLost,
    DecodeError,
    ExecutionUnknown,
    FastwsError,
    JsonError,
    NotConnected,
    NotSent,
    RequestTimeout,
    SbeError,
)
from fastws.errors import api_error
from fastws.outcomes import OPEN_CODES, Sender, leaves_open, outcome_of


@dataclass
class Request:
    method: str = "order.place"
    params: dict[str, Any] | None = field(default_factory=lambda: {"symbol": "BTCUSDT", "side": "BUY"})
    trading: bool = True
    sent: bool = True
    timestamp: int = 1_700_000_000_000_000
    signer: fastws.Signer | None = None


def ending(request: Any, cause: FastwsError, may_be_executed: bool, **sender: Any) -> FastwsError:
    return outcome_of(request, cause, may_be_executed, Sender(**sender))


def refused(status: int, code: Any, **data: Any) -> FastwsError:
    return api_error(status, {"code": code, "msg": "said", "data": data or None})


def halves(cancel: Any, new: Any) -> dict[str, Any]:
    return {"cancelResponse": cancel, "newOrderResponse": new}


# What happened to the reply, and whether the request may have been executed all the same.
CAUSES: list[tuple[str, FastwsError, bool]] = [
    ("connection lost", ConnectionLost("gone"), True),
    ("timeout", RequestTimeout("late"), True),
    ("unreadable", DecodeError("what?"), True),
    ("unreadable JSON", JsonError("what?", 7), True),
    ("unreadable SBE", SbeError("what?"), True),
    ("not sent", NotSent("no"), False),
    ("not connected", NotConnected("no"), False),
    ("invalid", fastws.InvalidRequest("no"), False),
    ("rejected", refused(400, -2010), False),
    ("no such symbol", refused(400, -1121), False),
    ("timestamp", refused(400, -1021), False),
    ("revoked", refused(401, -2015), False),
    ("firewall", refused(403, 0), False),
    ("rate limit", refused(429, -1003), False),
    ("rate limit without a code", refused(429, 0), False),
    ("banned", refused(418, -1003), False),
    ("banned without a code", refused(418, None), False),
    ("no code", refused(400, None), True),
    ("a code that is no number", refused(400, "x"), True),
    ("revoked without a code", refused(401, 0), True),
    ("server error", refused(500, -2010), True),
    ("bad gateway", refused(502, 0), True),
    *((f"code {code}", refused(400, code), True) for code in sorted(OPEN_CODES)),
    ("both halves failed", refused(400, -2022, **halves({"code": -2011}, {"code": -2010})), False),
    ("one half failed", refused(409, -2021, **halves({"orderId": 1}, {"code": -2010})), False),
    ("a half timed out", refused(409, -2021, **halves({"orderId": 1}, {"code": -1007})), True),
    ("the other half timed out", refused(409, -2021, **halves({"code": -1006}, None)), True),
    ("a half is no object", refused(409, -2021, **halves("x", [])), False),
    ("a half has no code", refused(409, -2021, **halves({"code": "x"}, {})), False),
]


@pytest.mark.parametrize(("cause", "open_"), [each[1:] for each in CAUSES], ids=[each[0] for each in CAUSES])
def test_each_cause(cause: FastwsError, open_: bool) -> None:
    assert leaves_open(cause) is open_
    outcome = ending(Request(), cause, False)
    if open_:
        assert type(outcome) is ExecutionUnknown
        assert outcome.cause is outcome.__cause__ is cause
        assert outcome.method == "order.place"
    else:
        assert outcome is cause
    # a reply that cannot be trusted leaves open what it says, whatever that is
    assert type(ending(Request(), cause, True)) is ExecutionUnknown


@pytest.mark.parametrize("may_be_executed", [False, True])
@pytest.mark.parametrize("cause", [each[1] for each in CAUSES], ids=[each[0] for each in CAUSES])
def test_what_changes_nothing_or_was_not_sent_ends_in_its_cause(
    cause: FastwsError, may_be_executed: bool
) -> None:
    assert ending(Request(trading=False), cause, may_be_executed) is cause
    assert ending(Request(sent=False), cause, may_be_executed) is cause


def unknown(request: Request, **given: Any) -> ExecutionUnknown:
    error = ending(request, RequestTimeout("late"), True, **given)
    assert isinstance(error, ExecutionUnknown)
    return error


def test_the_parameters_are_those_that_were_sent() -> None:
    request = Request()
    assert unknown(request, recv_window=3000.5).params == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "timestamp": 1_700_000_000_000_000,
        "recvWindow": 3000.5,
    }
    assert request.params == {"symbol": "BTCUSDT", "side": "BUY"}, "they are the caller's"
    given = {"timestamp": 5, "recvWindow": 100}
    assert unknown(Request(params=given), recv_window=3000.5).params == given
    assert unknown(Request(params=None, timestamp=0)).params == {}
    signed = {"timestamp": 5, "signature": "f" * 64}
    assert unknown(Request(params=signed), recv_window=3000.5).params == {"timestamp": 5}, "nothing was added"


@pytest.mark.parametrize(
    ("named", "own", "signer", "foreign_key"),
    [
        (None, None, None, False),
        (None, "mine", None, False),
        ("mine", "mine", None, False),
        ("other", "mine", None, True),
        ("other", None, None, True),
        ("other", "mine", "other", False),
        ("mine", "mine", "other", True),
    ],
)
def test_who_cannot_ask_for_it(
    named: str | None, own: str | None, signer: str | None, foreign_key: bool
) -> None:
    """Only a client with the key that signed can ask what became of it."""
    given = None if signer is None else fastws.load_signer(signer, secret="s")
    request = Request(params={} if named is None else {"apiKey": named}, signer=given)
    assert unknown(request, own_key=own)._foreign_key is foreign_key
