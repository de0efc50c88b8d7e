"""fastws._common.shown: values in the texts of errors are short, wherever they stand; and subclasses of str are
texts.
"""

from __future__ import annotations

import asyncio
import enum
import inspect
from typing import Any

import pytest

import fastws
from fastws import ExecutionUnknown, InvalidRequest, errors
from fastws._common.shown import LONGEST, near, plain_text, short, shown
from fastws._native.request import encode
from fastws.sbe import Schema
from helpers.offline import Offline
from helpers.support import KEY, ORDER, run

LONG = "x" * 1_000_000
VALUES = [LONG, LONG.encode(), [LONG], {"a": LONG}]
OPTIONS = [
    name
    for name in inspect.signature(fastws.connect).parameters
    if name not in ("endpoint", "api_key", "secret", "private_key", "passphrase", "signer")
]


class Word(str, enum.Enum):
    """Subclasses of str, which format themselves as they like."""

    METHOD = "order.place"
    TOMORROW = "order.tomorrow"
    SYMBOL = "BTCUSDT"
    BUY = "BUY"
    LIMIT = "LIMIT"
    GTC = "GTC"
    NUMBER = "1.50"
    ID = "my-id-1"
    WINDOW = "5000"
    NAME = "symbol"
    NEW_NAME = "tomorrow"
    FLOAT = "float"
    US = "us"
    SPOT = "spot"
    API_KEY = KEY["api_key"]
    SECRET = KEY["secret"]

    def __str__(self) -> str:
        return f"Word.{self.name}"


class Shy:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def test_a_value_is_cut_and_says_how_long_it_is() -> None:
    assert shown("abc") == "'abc'"
    assert shown("x" * LONGEST) == repr("x" * LONGEST)
    assert shown(LONG) == f"{repr(LONG)[:LONGEST]}... (1000000 characters)"
    assert shown(LONG.encode()) == f"{repr(LONG.encode())[:LONGEST]}... (1000000 bytes)"
    assert shown("\U0001f300" * 10) == repr("\U0001f300" * 10)
    assert len(shown("\x00" * LONGEST)) < LONGEST + 30
    assert len(shown([LONG, LONG])) < LONGEST + 30
    assert shown(None) == "None"
    assert shown(Word.BUY) == "'BUY'"
    assert shown(Shy()) == shown([Shy()]) == "a value that has no repr()"
    assert shown(10**5000) == "an int of too many digits"
    assert short("abc") == "abc"
    assert short(LONG) == f"{LONG[:LONGEST]}... (1000000 characters)"
    assert near("BTCUSD", ["ETHUSDT", "BTCUSDT"]) == "BTCUSDT"
    assert near(LONG, ["x"]) is near(5, ["5"]) is None
    assert type(plain_text(Word.BUY)) is str
    assert plain_text(5) == 5


def text_of(call: Any) -> str:
    """The text of the error that a call ends in."""
    with pytest.raises((fastws.FastwsError, ValueError, TypeError)) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("value", VALUES, ids=["str", "bytes", "list", "dict"])
def test_no_error_repeats_a_value_at_length(value: Any) -> None:
    async def main() -> None:
        client = Offline(**KEY).client
        signer = fastws.load_signer(**KEY)
        calls = [
            *(lambda name=name: fastws.connect("testnet", **{name: value}) for name in OPTIONS),
            lambda: fastws.connect(value),
            lambda: fastws.load_signer(value, private_key=value),
            lambda: fastws.load_signer("k", private_key=value),
            lambda: client.request(value),
            lambda: client.request("order.tomorrow", {str(value): 1}),
            lambda: client.depth(**{str(value): 1}),  # type: ignore[call-overload]
            *(
                lambda name=name: client.order_place(**{**ORDER, name: value})
                for name in ("symbol", "side", "price", "newClientOrderId", "recvWindow", "strategyId")
                if not (isinstance(value, str) and name in ("symbol", "side", "newClientOrderId"))
            ),
            lambda: client.ping(timeout=value),
            lambda: client.ping(on_reply=value),
            lambda: client.ping(signer=value),
            lambda: client.prepare(value),
            lambda: client.prepare("order.place", **{str(value): 1}),
            lambda: client.halt(timeout=value),
            lambda: client.symbols[str(value)],
            lambda: client.symbols[value],
            lambda: fastws.loads(b"[]", numbers=value),
            lambda: fastws.loads(b'{"' + LONG.encode() + b'" 1}'),
            lambda: Schema.bundled(value),
            lambda: Schema.bundled("spot").encode(value, {}),
            lambda: Schema.bundled("spot").encode("PingResponse", value),
            lambda: fastws.run(asyncio.sleep(0), loop=value),
            lambda: encode("order.place", ORDER, 1, signer, recv_window=value),
        ]
        for number, call in enumerate(calls):
            assert len(text_of(call)) < 600, number
        with pytest.raises(InvalidRequest) as caught:
            await client.sync_time(value)
        assert len(str(caught.value)) < 600
        with pytest.raises(InvalidRequest) as caught:
            await client.user_data_stream_subscribe_signature(on_event=value)
        assert len(str(caught.value)) < 600

    run(main())


@pytest.mark.parametrize(
    "url",
    [
        f"ws://{LONG}",
        f"wss://{LONG} ",
        f"{LONG}://host",
        f"wss://host/{LONG}#x",
        f"wss://host:0/{LONG}",
        f"wss://host:{LONG}/",
        f"wss://host/?timeUnit={LONG}",
        f"wss://host/?returnRateLimits={LONG}",
        f"wss://host/?responseFormat={LONG}",
    ],
    ids=lambda url: url[:24],
)
def test_no_error_repeats_a_url_at_length(url: str) -> None:
    assert len(text_of(lambda: fastws.connect(url, sbe=True))) < 600


def test_what_the_exchange_says_and_ids_are_cut_in_texts_and_whole_in_attributes() -> None:
    error = errors.api_error(400, {"code": -1100, "msg": LONG}, LONG)
    assert len(str(error)) < 1500
    assert error.msg == LONG
    unknown = ExecutionUnknown(error, LONG, {"newClientOrderId": LONG})
    assert len(str(unknown)) < 2200
    assert unknown.client_order_id == LONG

    async def main() -> None:
        offline = Offline(**KEY)
        reply = offline.client.order_place(**{**ORDER, "newClientOrderId": "x" * 100_000})
        assert len(repr(reply.info)) < 400
        client = fastws.connect(f"wss://host/{LONG}")
        assert len(repr(client)) < 400

    run(main())


def test_subclasses_of_str_are_the_texts_that_they_hold() -> None:
    async def main() -> None:
        options = {"numbers": Word.FLOAT, "time_unit": Word.US, "client_order_id_prefix": Word.NEW_NAME}
        offline = Offline(api_key=Word.API_KEY, secret=Word.SECRET, **options)
        client = offline.client
        order = {
            Word.NAME: Word.SYMBOL,
            "side": Word.BUY,
            "type": Word.LIMIT,
            "timeInForce": Word.GTC,
            "price": Word.NUMBER,
            "quantity": Word.NUMBER,
            "newClientOrderId": Word.ID,
            "recvWindow": Word.WINDOW,
        }
        client.request(Word.METHOD, order)
        client.request(Word.TOMORROW, {Word.NEW_NAME: Word.NUMBER})
        with client.batch():
            client.prepare(
                Word.METHOD,
                **{str.__str__(name): value for name, value in order.items() if name != "newClientOrderId"},
            )()
        client.ticker_price(symbols=[Word.SYMBOL])
        client.flush()
        placed, tomorrow, prepared, prices = offline.requests()
        assert placed["method"] == prepared["method"] == "order.place"
        assert tomorrow["method"] == "order.tomorrow"
        sent = {"symbol": "BTCUSDT", "side": "BUY", "price": "1.50", "newClientOrderId": "my-id-1"}
        assert placed["params"] | sent == placed["params"]
        assert placed["params"]["apiKey"] == KEY["api_key"]
        assert tomorrow["params"]["tomorrow"] == "1.50"
        assert prices["params"]["symbols"] == ["BTCUSDT"]

    run(main())
    assert fastws.loads('{"price":"1.50"}', numbers=Word.FLOAT) == {"price": 1.5}  # type: ignore[arg-type]
    assert Schema.bundled(Word.SPOT) is Schema.bundled("spot")  # type: ignore[arg-type]
    assert encode(Word.METHOD, {"symbol": "X"}, 1) == encode("order.place", {"symbol": "X"}, 1)
    with pytest.raises(InvalidRequest, match="None is no name of a method"):
        encode(None, {}, 1)
