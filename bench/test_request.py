"""Stage "request": parameters of an order to the JSON text that is sent.

The references get the same arguments and make the same text: "by hand" is what a client does that is built
on orjson: it joins the parameters, sorts and signs them, and dumps. "orjson.dumps" beside it is a bound: it
gets the finished dict, with id, timestamp and the text to sign made beforehand, which no client can have.
python-binance and binance-sdk-spot encode the same orders by their own code, up to where they would send.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import warnings
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, cast

import msgspec
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench import messages, native
from bench.harness import Ratio, calls, compare

API_KEY = "k" * 64
SECRET = b"s" * 64
TIMESTAMP = 1_750_000_000_000_000  # microseconds
ORDERS = messages.order_params(500)
Json = dict[str, Any]


def _payload(params: Json) -> bytes:
    return "&".join([f"{name}={params[name]}" for name in sorted(params)]).encode()


def _request_of(number: int, params: Json) -> Json:
    return {"id": number, "method": "order.place", "params": params}


@pytest.fixture(scope="module")
def writer() -> Callable[..., Any]:
    """fastws' encoder as a session uses it: checks the parameters against the method's table, reuses its
    buffers, and makes no bytes object."""
    make: Callable[..., Any] = native.encoder_module().Writer
    return make


def _encoded_by_hand() -> Callable[[Json], bytes]:
    next_id = count(1).__next__

    def encode(params: Json) -> bytes:
        return orjson.dumps(
            {"id": next_id(), "method": "order.place", "params": {**params, "timestamp": TIMESTAMP}}
        )

    return encode


def _signed_by_hand(sign: Callable[[bytes], str]) -> Callable[[Json], bytes]:
    next_id = count(1).__next__

    def encode(params: Json) -> bytes:
        signed = {**params, "apiKey": API_KEY, "timestamp": TIMESTAMP}
        signed["signature"] = sign(_payload(signed))
        return orjson.dumps({"id": next_id(), "method": "order.place", "params": signed})

    return encode


def _at_once(coroutine: Coroutine[Any, Any, bytes]) -> bytes:
    """What a coroutine returns that awaits nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast(bytes, done.value)
    raise AssertionError("the peer waits for something before it has encoded its request")


def _encoded_by_python_binance() -> Callable[[Json], bytes]:
    """python-binance's own encoding: its connection takes what it would send, in the way that it would encode it."""
    with warnings.catch_warnings():  # it warns of what it imports itself
        warnings.simplefilter("ignore")
        from binance import AsyncClient

    async def request(number: str, payload: Json) -> bytes:
        return json.dumps(payload).encode()

    async def opened() -> Any:
        client = AsyncClient(API_KEY, SECRET.decode())
        await client.close_connection()
        return client

    client = asyncio.run(opened())
    client.ws_api.request = request
    return lambda params: _at_once(client.ws_create_order(**params))


def _encoded_by_sdk() -> Callable[[Json], bytes]:
    """binance-sdk-spot's own encoding, likewise; it has parameters of its own names."""
    from binance_common.configuration import ConfigurationWebSocketAPI
    from binance_common.models import WebsocketApiOptions
    from binance_common.utils import ws_api_payload
    from binance_sdk_spot.websocket_api.api.trade_api import TradeApi

    configuration = ConfigurationWebSocketAPI(api_key=API_KEY, api_secret=SECRET.decode())
    options: Any = WebsocketApiOptions(signer=None, api_key=False, is_signed=True, skip_auth=False)

    class Connection:
        async def send_signed_message(self, payload: Json, **_: Any) -> bytes:
            return json.dumps(ws_api_payload(configuration, payload, options)).encode()

    api: Any = TradeApi(cast(Any, Connection()))
    names = {"timeInForce": "time_in_force", "newClientOrderId": "new_client_order_id"}
    return lambda params: _at_once(
        api.order_place(**{names.get(name, name): params[name] for name in params})
    )


def _check_peer(encode: Callable[[Json], bytes]) -> None:
    for params in ORDERS:
        request = json.loads(encode(params))
        sent = request["params"]
        signature = sent.pop("signature")
        assert signature == hmac.digest(SECRET, _payload(sent), "sha256").hex()
        assert sent.pop("timestamp") > 0
        assert (request["method"], sent) == ("order.place", {**params, "apiKey": API_KEY})


def _check(writer: Any, expected: Callable[[Json], bytes]) -> None:
    for params in ORDERS:
        assert json.loads(writer.text(params)) == json.loads(expected(params))


def test_unsigned(benchmark: BenchmarkFixture, writer: Callable[..., Any]) -> None:
    encode, by_hand = writer("order.place", None, TIMESTAMP), _encoded_by_hand()
    _check(encode, by_hand)
    ready = [
        _request_of(number, {**params, "timestamp": TIMESTAMP}) for number, params in enumerate(ORDERS, 1)
    ]
    encode_msgspec = msgspec.json.Encoder().encode
    compare(
        benchmark,
        {
            "fastws": calls(encode, ORDERS),
            "orjson.dumps": calls(orjson.dumps, ready),
            "orjson.dumps, by hand": calls(by_hand, ORDERS),
            "msgspec.json.encode": calls(encode_msgspec, ready),
            "json.dumps": calls(json.dumps, ready),
        },
        [
            Ratio("request, unsigned", "fastws", "orjson.dumps, by hand", 0.22),
            Ratio("request, unsigned", "fastws", "orjson.dumps"),
            Ratio("request, unsigned", "fastws", "msgspec.json.encode"),
            Ratio("request, unsigned", "fastws", "json.dumps"),
        ],
        operation="one order.place with eight parameters",
        compared="500 distinct requests, parsed, with those made by hand",
    )


def test_hmac(benchmark: BenchmarkFixture, writer: Callable[..., Any]) -> None:
    def sign(payload: bytes) -> str:
        return hmac.digest(SECRET, payload, "sha256").hex()

    encode = writer("order.place", fastws.load_signer(API_KEY, secret=SECRET), TIMESTAMP)
    by_hand = _signed_by_hand(sign)
    _check(encode, by_hand)
    ready = []
    for number, params in enumerate(ORDERS, 1):
        signed = {**params, "apiKey": API_KEY, "timestamp": TIMESTAMP}
        ready.append((_request_of(number, signed), _payload(signed)))

    peers = {"python-binance": _encoded_by_python_binance(), "binance-sdk-spot": _encoded_by_sdk()}
    for encode_as_peer in peers.values():
        _check_peer(encode_as_peer)

    def least(pair: tuple[Json, bytes]) -> bytes:
        request, payload = pair
        request["params"]["signature"] = hmac.digest(SECRET, payload, "sha256").hex()
        return orjson.dumps(request)

    compare(
        benchmark,
        {
            "fastws": calls(encode, ORDERS),
            "orjson.dumps + hmac.digest": calls(least, ready),
            "orjson.dumps + hmac.digest, by hand": calls(by_hand, ORDERS),
            **{name: calls(encode_as_peer, ORDERS) for name, encode_as_peer in peers.items()},
        },
        [
            Ratio("request, signed with HMAC", "fastws", "orjson.dumps + hmac.digest, by hand", 0.20),
            Ratio("request, signed with HMAC", "fastws", "orjson.dumps + hmac.digest"),
            *[Ratio("request, signed with HMAC", "fastws", name) for name in peers],
        ],
        operation="one signed order.place with ten parameters",
        compared="500 distinct requests, parsed, signatures included, with those made by hand",
    )


def test_ed25519(benchmark: BenchmarkFixture, writer: Callable[..., Any]) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    signer = fastws.load_signer(API_KEY, private_key=pem)
    encode = writer("order.place", signer, TIMESTAMP)
    orders = ORDERS[:100]
    payloads = []
    for params in orders:
        signed = json.loads(encode.text(params))["params"]
        signature = signed.pop("signature")
        payloads.append(_payload(signed))
        assert signature == signer.sign(payloads[-1])
    compare(
        benchmark,
        {"fastws": calls(encode, orders), "sign alone": calls(key.sign, payloads)},
        [Ratio("request, signed with Ed25519", "fastws", "sign alone", 1.05)],
        operation="one signed order.place with ten parameters",
        compared="the signatures of 100 distinct requests",
        rounds=40,
    )


CHANGING = ("price", "quantity", "newClientOrderId")


def _split(params: Json) -> tuple[Json, Json]:
    """What a strategy prepares, and what it changes with each order."""
    fixed = {name: value for name, value in params.items() if name not in CHANGING}
    return fixed, {name: params[name] for name in CHANGING}


# Orders of one kind, as a prepared request makes them.
ALIKE = [{**params, **_split(ORDERS[0])[0]} for params in ORDERS]
CHANGES = [_split(params)[1] for params in ALIKE]


def test_prepared(benchmark: BenchmarkFixture) -> None:
    encode = native.encoder_module().PreparedWriter("order.place", _split(ALIKE[0])[0], None, TIMESTAMP)
    by_hand = _encoded_by_hand()
    for params, changes in zip(ALIKE, CHANGES, strict=True):
        assert json.loads(encode.text(changes)) == json.loads(by_hand(params))
    ready = [
        _request_of(number, {**params, "timestamp": TIMESTAMP}) for number, params in enumerate(ALIKE, 1)
    ]
    compare(
        benchmark,
        {
            "fastws": calls(encode, CHANGES),
            "orjson.dumps": calls(orjson.dumps, ready),
            "orjson.dumps, by hand": calls(by_hand, ALIKE),
        },
        [
            Ratio("request, prepared", "fastws", "orjson.dumps, by hand", 0.15),
            Ratio("request, prepared", "fastws", "orjson.dumps"),
        ],
        operation="one order.place with eight parameters, of which three change",
        compared="500 distinct requests, parsed, with those made by hand",
    )


def test_prepared_hmac(benchmark: BenchmarkFixture) -> None:
    signer = fastws.load_signer(API_KEY, secret=SECRET)
    encode = native.encoder_module().PreparedWriter("order.place", _split(ALIKE[0])[0], signer, TIMESTAMP)
    by_hand = _signed_by_hand(lambda payload: hmac.digest(SECRET, payload, "sha256").hex())
    for params, changes in zip(ALIKE, CHANGES, strict=True):
        assert json.loads(encode.text(changes)) == json.loads(by_hand(params))
    compare(
        benchmark,
        {"fastws": calls(encode, CHANGES), "orjson.dumps + hmac.digest, by hand": calls(by_hand, ALIKE)},
        [Ratio("request, prepared, with HMAC", "fastws", "orjson.dumps + hmac.digest, by hand")],
        operation="one signed order.place with ten parameters, of which three change",
        compared="500 distinct requests, parsed, signatures included, with those made by hand",
    )
