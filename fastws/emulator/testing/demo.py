"""The demo account, whose keys are public."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..exchange.state import DEFAULT_BALANCES
from ..values.auth import Credentials
from ..values.named_symbols import balance_of
from .emulator import Emulator

__all__ = ["add_demo_account"]


def add_demo_account(exchange: Emulator) -> tuple[Credentials, Credentials]:
    """Open the account "demo" with large balances of all assets.

    Its keys are the same in every exchange and every release, so they protect nothing.

    Returns:
        An HMAC key and an Ed25519 key, both of that account.
    """
    private_key = Ed25519PrivateKey.from_private_bytes(_digest("Ed25519 private key")).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    symbols = [book.symbol for book in exchange.core.engine.books.values()]
    traded = {asset: balance_of(asset) for symbol in symbols for asset in (symbol.base, symbol.quote)}
    hmac_key = exchange.add_account(
        "HMAC",
        name="demo",
        api_key=_digest("HMAC").hex(),
        secret=_digest("HMAC secret").hex(),
        balances={**traded, **DEFAULT_BALANCES},
    )
    ed25519_key = exchange.add_key(
        hmac_key.account, "Ed25519", api_key=_digest("Ed25519").hex(), private_key=private_key
    )
    return hmac_key, ed25519_key


def _digest(what: str) -> bytes:
    return hashlib.sha256(f"fastws demo account: {what}".encode()).digest()
