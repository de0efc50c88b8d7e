"""Record a session with an endpoint, compare the emulator with it, and verify our readings there: `make testnet`.

It asks what costs nothing, and places and cancels one small order far from the market. Then `python -m fastws verify`
places and cancels some more. The key comes from the environment, as for `python -m fastws call`: FASTWS_API_KEY, and
FASTWS_PRIVATE_KEY (a file with an Ed25519 key in PEM) or FASTWS_SECRET. The recording holds neither keys nor
signatures; look at it before you show it to others, for it holds your balances.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fastws
from fastws.cli import main as verify
from fastws.emulator.testing import replay
from fastws.emulator.testing.record import ENDPOINTS, Recorder

SYMBOL = "BTCUSDT"


async def walk(client: fastws.Client) -> None:
    """Use as many methods as there is something to ask for. What is refused is recorded as well."""

    async def ask(method: str, **params: Any) -> Any:
        try:
            return await client.request(method, params)
        except (fastws.ApiError, fastws.InvalidRequest) as error:
            print(f"{method}: {error}", file=sys.stderr)
            return None

    for method in ("ping", "time", "session.status", "session.subscriptions"):
        await ask(method)
    await ask("userDataStream.subscribe")
    await ask("userDataStream.subscribe.signature")
    await ask("userDataStream.subscribe.signature")
    await ask("exchangeInfo", symbol=SYMBOL)
    await ask("depth", symbol=SYMBOL, limit=5)
    await ask("depth", symbol="NOSUCHSYMBOL")
    await ask("trades.recent", symbol=SYMBOL, limit=3)
    price = await ask("ticker.price", symbol=SYMBOL)
    await ask("ticker.book", symbol=SYMBOL)
    await ask("account.status", omitZeroBalances=True)
    await ask("account.rateLimits.orders")
    await ask("order.status", symbol=SYMBOL, orderId=1)
    low = f"{float(price['price']) * 0.9:.2f}" if price else "50000.00"
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order |= {"price": low, "quantity": "0.00100"}
    await ask("order.test", **order)
    placed = await ask("order.place", **order)
    if placed is not None:
        reference = {"symbol": SYMBOL, "orderId": placed["orderId"]}
        await ask("order.status", **reference)
        await ask("openOrders.status", symbol=SYMBOL)
        await ask("order.amend.keepPriority", **reference, newQty="0.00080")
        await ask("order.cancel", **reference)
        await ask("order.cancel", **reference)
    await ask("userDataStream.unsubscribe")
    await ask("userDataStream.unsubscribe")
    await ask("session.logout")


async def record(url: str, out: Path, **key: Any) -> None:
    """Record a walk at an endpoint."""
    with out.open("w", encoding="utf-8") as lines:
        async with Recorder(url, lines) as recorder, fastws.connect(recorder.url, **key) as client:
            await walk(client)
            await asyncio.sleep(0.5)  # for the last events


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoint", default="testnet", help="testnet, or a URL (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("build/testnet.jsonl"), help="default: %(default)s")
    parser.add_argument(
        "--readings",
        type=Path,
        default=Path("build/verify.json"),
        help="what was found of the readings; default: %(default)s",
    )
    options = parser.parse_args(argv)
    if "FASTWS_API_KEY" not in os.environ:
        print("make testnet needs FASTWS_API_KEY and FASTWS_PRIVATE_KEY (or FASTWS_SECRET)", file=sys.stderr)
        return 2
    key = {"api_key": os.environ["FASTWS_API_KEY"]}
    if "FASTWS_PRIVATE_KEY" in os.environ:
        key["private_key"] = os.environ["FASTWS_PRIVATE_KEY"]
    else:
        key["secret"] = os.environ.get("FASTWS_SECRET", "")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    url = ENDPOINTS.get(options.endpoint, options.endpoint)
    fastws.run(record(url, options.out, **key))
    print(f"Recorded in {options.out}")
    replayed = replay.main([str(options.out)])
    options.readings.parent.mkdir(parents=True, exist_ok=True)
    verified = verify(["verify", options.endpoint, "--out", str(options.readings)])
    return replayed or verified


if __name__ == "__main__":
    sys.exit(main())
