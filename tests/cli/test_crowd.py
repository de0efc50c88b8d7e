"""fastws.cli.exchange and crowd: the exchange in its own process has trades until it is told to be calm."""

import asyncio

import fastws
from fastws.cli.exchange import exchange_process
from helpers.support import run


async def last_trade(client):
    return (await client.trades_recent(symbol="ETHUSDT", limit=1))[0]["id"]


def test_a_crowd_trades_until_it_is_told_to_be_calm():
    async def main():
        async with exchange_process(["BTCUSDT", "ETHUSDT"]) as place, fastws.connect(place.url) as client:
            before = await last_trade(client)
            while await last_trade(client) < before + 3:  # noqa: ASYNC110, another process trades
                await asyncio.sleep(0.02)
            place.calm()
            seen = None
            while seen != (seen := await last_trade(client)):  # noqa: ASYNC110
                await asyncio.sleep(0.3)
            return place

    place = run(main(), timeout=20)
    assert place.stream_url.startswith("ws://127.0.0.1:")
    assert place.sbe_stream_url not in (place.stream_url, place.url)
    assert place.process.returncode == 0
