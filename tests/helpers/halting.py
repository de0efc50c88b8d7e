"""Orders, keys and scripted answers for tests of halt() and of the request limiter."""

from __future__ import annotations

import json
from typing import Any

from fastws.emulator import Emulator
from helpers.support import CLOSE, PING, PONG, Peer, frame

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "50000.00",
    "quantity": "0.001",
}
ETHER = {**LIMIT, "symbol": "ETHUSDT", "price": "3000.00", "quantity": "0.01"}


def answering(answer: Any) -> Any:
    """A script that answers each request with what `answer` makes of it: a message, or None to cut the connection."""

    async def script(peer: Peer) -> None:
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                peer.writer.write(frame(CLOSE, payload))
                return
            if opcode == PING:
                peer.writer.write(frame(PONG, payload))
                continue
            message = answer(json.loads(payload))
            if message is None:
                await peer.drop()
                return
            peer.send(message)

    return script


def key(exchange: Emulator) -> dict[str, Any]:
    account = exchange.add_account("HMAC")
    return {"api_key": account.api_key, "secret": account.secret}
