"""The whole exchange, through a client by others."""

from __future__ import annotations

import pytest

from fastws.emulator import Emulator
from helpers.emulator.wire import limit_order, now_ms, run, signed, wire


@pytest.mark.parametrize("key_type", ["HMAC", "RSA", "Ed25519"])
def test_places_and_cancels_an_order_with_each_kind_of_key(key_type):
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account(key_type)
            async with wire(exchange) as client:
                order = await client.result(
                    "order.place", signed(key, **limit_order(newClientOrderId="mine"))
                )
                assert order["status"] == "NEW"
                canceled = await client.result(
                    "order.cancel", signed(key, symbol="BTCUSDT", orderId=order["orderId"])
                )
                assert canceled["status"] == "CANCELED"
                assert canceled["origClientOrderId"] == "mine"
                (placed,) = exchange.journal.find(method="order.place")
                assert placed.executed
                assert placed.reply_sent
                assert placed.order_id == order["orderId"]

    run(main)


def test_serves_tls_with_its_own_authority():
    async def main():
        async with Emulator(tls=True) as exchange:
            assert exchange.url.startswith("wss://127.0.0.1:")
            assert exchange.ca_pem.startswith(b"-----BEGIN CERTIFICATE-----")
            async with wire(exchange) as client:
                server_time = (await client.result("time"))["serverTime"]
                assert abs(server_time - now_ms()) < 5000

    run(main)


def test_the_same_seed_gives_the_same_books():
    async def main():
        books = []
        for seed in (7, 7, 8):
            async with Emulator(seed=seed) as exchange, wire(exchange) as client:
                books.append(await client.result("depth", symbol="BTCUSDT"))
        assert books[0] == books[1]
        assert books[0] != books[2]

    run(main)


@pytest.mark.parametrize("argument", ["stream_ports", "sbe_stream_ports"])
def test_a_start_that_fails_leaves_no_port_open(argument):
    async def main():
        async with Emulator() as other:
            exchange = Emulator(**{argument: [other.port]})
            with pytest.raises(OSError, match="cannot listen"):
                await exchange.start()
            with pytest.raises(RuntimeError):
                exchange.url  # noqa: B018

    run(main)
