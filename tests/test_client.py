"""fastws.client: what connect() and requests take, and what a client is before and after its connection."""

import asyncio
import time
from decimal import Decimal

import pytest

import fastws
from fastws import InvalidKey, InvalidRequest, NotConnected
from fastws.emulator import Emulator
from helpers.support import KEY, ORDER, answer_all, run, serving, talking

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000.00",
    "quantity": "0.001",
}
KINDS = ["HMAC", "RSA", "Ed25519"]
SECRET = "s3cr3t" * 10


# --- arguments


@pytest.mark.parametrize(
    ("endpoint", "options", "url"),
    [
        ("prod", {}, "wss://ws-api.binance.com/ws-api/v3"),
        ("prod", {"port": 9443}, "wss://ws-api.binance.com:9443/ws-api/v3"),
        ("testnet", {}, "wss://ws-api.testnet.binance.vision/ws-api/v3"),
        (
            "testnet",
            {"time_unit": "us"},
            "wss://ws-api.testnet.binance.vision/ws-api/v3?timeUnit=MICROSECOND",
        ),
        ("demo", {"rate_limits": False}, "wss://demo-ws-api.binance.com/ws-api/v3?returnRateLimits=false"),
        ("wss://localhost:1/x", {"time_unit": "us"}, "wss://localhost:1/x?timeUnit=MICROSECOND"),
    ],
)
def test_endpoints(endpoint, options, url):
    client = fastws.connect(endpoint, **options)
    assert repr(client) == f"<fastws.Client {url} the client is not open: use `async with`, or await it>"
    assert not client.connected


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"endpoint": "production"}, "endpoint"),
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": None}, "endpoint"),
        ({"endpoint": "ws://ws-api.binance.com"}, "unencrypted"),
        ({"port": 80}, "port"),
        ({"numbers": "int"}, "numbers"),
        ({"numbers": None}, "numbers"),
        ({"time_unit": "ns"}, "time_unit"),
        ({"rate_limits": "yes"}, "rate_limits"),
        ({"logon": True}, "logon"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": "15"}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"timeout": None}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"connect_timeout": 0}, "connect_timeout"),
        ({"max_output": 0}, "max_output"),
        ({"max_output": 1.5}, "max_output"),
        ({"max_message": -1}, "max_message"),
        ({"max_message": True}, "max_message"),
        ({"recv_window": 60001}, "recvWindow"),
        ({"recv_window": 0}, "recvWindow"),
        ({"recv_window": "x"}, "recvWindow"),
        ({"recv_window": True}, "recvWindow"),
        ({"ssl_context": False}, "ssl_context"),
        ({"ssl_context": True}, "ssl_context"),
        ({"proxy": 8080}, "proxy"),
        ({"proxy": "ftp://localhost:1"}, "proxy"),
        ({"proxy": "localhost:3128"}, "proxy"),
        ({"on_event": 1}, "on_event"),
        ({"on_orphan": "log"}, "on_orphan"),
        ({"cork": None}, "cork"),
        ({"cork": "no"}, "cork"),
        ({"signer": "me"}, "signer"),
        ({"secret": "s"}, "api_key"),
        ({"private_key": b"-----BEGIN"}, "api_key"),
        ({"api_key": "k"}, "secret"),
        ({"passphrase": "p"}, "passphrase"),
        ({"signer": fastws.load_signer("k", secret="s"), "api_key": "k"}, "signer"),
        ({"signer": fastws.load_signer("k", secret="s"), "passphrase": "p"}, "signer"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_wrong_argument_is_refused_at_once_and_named(options, named):
    with pytest.raises(InvalidRequest, match=named):
        fastws.connect(**{"endpoint": "testnet", **options})


def test_there_is_no_default_endpoint_and_no_positional_key():
    with pytest.raises(TypeError):
        fastws.connect()
    with pytest.raises(TypeError):
        fastws.connect("testnet", "key", "secret")


@pytest.mark.parametrize(
    "options",
    [
        {"secret": "x y"},
        {"secret": ""},
        {"private_key": "/nowhere/key.pem"},
        {"private_key": b"no pem"},
        {"private_key": b"-----BEGIN PUBLIC KEY-----\nMC==\n-----END PUBLIC KEY-----\n"},
        {"secret": "s", "private_key": b"-----BEGIN PRIVATE KEY-----"},
        {"secret": "s", "passphrase": "p"},
    ],
    ids=repr,
)
def test_a_key_that_is_none_is_an_invalid_key(options):
    with pytest.raises(InvalidKey):
        fastws.connect("testnet", api_key="k" * 64, **options)


def test_wrong_options_of_a_request():
    async def main():
        async with talking(answer_all, **KEY) as client:
            for options, named in (
                ({"timeout": 0}, "timeout"),
                ({"timeout": "x"}, "timeout"),
                ({"timeout": float("nan")}, "timeout"),
                ({"on_reply": 5}, "on_reply"),
                ({"signer": "me"}, "signer"),
                ({"signer": KEY}, "signer"),
            ):
                with pytest.raises(InvalidRequest, match=named):
                    client.order_place(**ORDER, **options)
            assert client.stats["requests"] == 0
            assert client.in_flight == 0
            await client.ping(timeout=float("inf"))

    run(main())


@pytest.mark.parametrize("numbers", ["str", "float", "decimal"])
def test_numbers(numbers):
    async def main():
        async with Emulator() as exchange:
            account = exchange.add_account("HMAC")
            key = {"api_key": account.api_key, "secret": account.secret}
            async with fastws.connect(exchange.url, numbers=numbers, **key) as client:
                placed = await client.order_place(**LIMIT, newClientOrderId="123")
                found = await client.order_status(symbol="BTCUSDT", orderId=placed["orderId"])
                depth = await client.depth(symbol="BTCUSDT", limit=5)
        kind = {"str": str, "float": float, "decimal": Decimal}[numbers]
        for order in (placed, found):
            assert order["clientOrderId"] == "123", "an id is no decimal, whatever it looks like"
            assert (type(order["price"]), Decimal(str(order["price"]))) == (kind, 50000)
            assert (type(order["origQty"]), Decimal(str(order["origQty"]))) == (kind, Decimal("0.001"))
        assert {type(text) for row in depth["bids"] for text in row} == {kind}

    run(main())


@pytest.mark.parametrize("unit", ["ms", "us"])
def test_time_unit(unit):
    async def main():
        async with Emulator() as exchange, fastws.connect(exchange.url, time_unit=unit) as client:
            server_time = (await client.time())["serverTime"]
        now = time.time() * {"ms": 1e3, "us": 1e6}[unit]
        assert abs(server_time / now - 1) < 1e-6

    run(main())


def test_rate_limits_are_shown_or_hidden():
    async def main():
        async with Emulator() as exchange:
            account = exchange.add_account("HMAC")
            key = {"api_key": account.api_key, "secret": account.secret}
            async with fastws.connect(exchange.url, **key) as client:
                assert client.limits == []
                await client.ping()
                (weight,) = client.limits
                assert (weight.rateLimitType, weight.interval, weight.intervalNum) == (
                    "REQUEST_WEIGHT",
                    "MINUTE",
                    1,
                )
                assert 0 < weight.count < weight.limit
                await client.order_place(**LIMIT)
                assert sorted(row.rateLimitType for row in client.limits) == [
                    "ORDERS",
                    "ORDERS",
                    "REQUEST_WEIGHT",
                ]
            async with fastws.connect(exchange.url, rate_limits=False, **key) as client:
                await client.ping()
                assert client.limits == []
                await client.ping(returnRateLimits=True)
                assert len(client.limits) == 1

    run(main())


# --- a client before and after


def test_a_client_before_and_after_its_connection():
    async def main():
        async with serving(answer_all) as url:
            client = fastws.connect(url)
            for call in (client.ping, client.flush, lambda: client.request("ping")):
                with pytest.raises(NotConnected, match="not open"):
                    call()
            with pytest.raises(NotConnected):
                await client.wait_closed()
            assert (client.connected, client.logged_on, client.in_flight, client.limits) == (
                False,
                False,
                0,
                [],
            )
            assert set(client.stats.values()) == {0}
            await client
            assert client.connected
            assert client.close_reason is None
            with pytest.raises(InvalidRequest, match="opened before"):
                await client
            assert client.connected, "the second attempt harms nothing"
            async with client as same:
                assert same is client
            assert not client.connected
            with pytest.raises(NotConnected, match="closed by the client"):
                client.ping()
            for again in (client, client.__aenter__()):
                with pytest.raises(InvalidRequest, match="opened before"):
                    await again
            assert "closed by the client" in await client.wait_closed()

    run(main())


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (b"", NotConnected, "the other side closed the connection in place of a handshake"),
        (b"\x15\x03\x03\x00\x02\x02\x32", NotConnected, "in place of a handshake"),
        (b"hello\r\n\r\n", NotConnected, "unknown protocol"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", fastws.ServerError, "(status 502)"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1\r\n\r\n<", fastws.Forbidden, "(status 403)"),
    ],
)
def test_a_server_that_answers_no_handshake_is_no_open_client(answer, error, said):
    async def main():
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = fastws.connect(url)
        with pytest.raises(error) as caught:
            await client
        assert said in str(caught.value)
        assert url in str(caught.value)
        assert "code 0" not in str(caught.value)
        assert not client.connected
        server.close()
        await server.wait_closed()

    run(main())


def test_a_port_where_nobody_listens_is_told_in_words():
    async def main():
        with pytest.raises(NotConnected, match=r"nothing listens there"):
            await fastws.connect("ws://127.0.0.1:1")

    run(main())


def test_the_default_window_is_what_it_was_opened_with():
    """It is part of ready bytes: an attribute that could be set would tell resolve() another one than was sent."""
    client = fastws.connect("testnet", recv_window=4000)
    assert client.recv_window == 4000
    with pytest.raises(AttributeError):
        client.recv_window = 60000


def test_an_open_client_can_be_used_in_async_with() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            async with await fastws.connect(exchange.url) as client:
                assert await client.ping() == {}
            assert not client.connected

    run(main())


def test_without_an_event_loop_of_asyncio_it_says_that_it_needs_one() -> None:
    """As under trio, whose tasks are coroutines that another loop drives."""
    for opening in (
        fastws.connect("ws://127.0.0.1:1").__await__(),
        fastws.connect("ws://127.0.0.1:1").__aenter__(),
    ):
        with pytest.raises(RuntimeError, match=r"fastws needs asyncio.*trio"):
            opening.send(None)  # type: ignore[attr-defined]
