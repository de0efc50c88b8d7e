"""API keys, signatures of the three kinds, and the timing rules of SIGNED requests."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from .accounts import Account
from .errors import refuse

__all__ = [
    "ApiKey",
    "Credentials",
    "KeyType",
    "Number",
    "check_ahead",
    "check_late",
    "load_key",
    "new_private_key",
    "signature_payload",
    "value_text",
]

KeyType = Literal["HMAC", "RSA", "Ed25519"]
API_KEY_FORMAT = re.compile(r"[A-Za-z0-9]{64}")
PERMISSIONS = frozenset(("TRADE", "USER_DATA", "USER_STREAM"))

# Input timestamps from this number on are microseconds; as milliseconds, it would be the year 5138.
_FIRST_MICROSECONDS = 10**14
_AHEAD_US = 1_000_000


class Number(str):
    """A JSON number as the text that was sent: the signature covers the text, not the number."""

    __slots__ = ()


@dataclass(slots=True)
class ApiKey:
    """An API key at the exchange: its account, its permissions, and the check of its signatures."""

    api_key: str
    key_type: KeyType
    account: Account
    permissions: frozenset[str]
    verify: Callable[[bytes, str], bool]
    revoked: bool = False

    def __repr__(self) -> str:
        return f"<{self.key_type} key {self.api_key[:6]}… of {self.account.name}>"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A key as a client needs it:

    ``secret`` for HMAC, ``private_key`` (PKCS#8 PEM) for RSA and Ed25519.
    """

    api_key: str
    key_type: KeyType
    secret: str | None
    private_key: bytes | None
    account: Account

    def __repr__(self) -> str:
        return f"<credentials {self.key_type} {self.api_key[:6]}… of {self.account.name}>"


def new_private_key(key_type: KeyType) -> bytes:
    """Generate an RSA (2048 bits) or Ed25519 key.

    Returns:
        The private key, as unencrypted PKCS#8 PEM.
    """
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if key_type == "RSA":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_key(
    key_type: KeyType, *, secret: str | None, private_key: bytes | None
) -> Callable[[bytes, str], bool]:
    """Make the function that checks a key's signatures, from the payload and the signature's text.

    Raises:
        ValueError: the key is missing, or is of another kind.
    """
    if key_type == "HMAC":
        if secret is None:
            raise ValueError("an HMAC key needs a secret")
        return _hmac_check(secret.encode())
    if private_key is None:
        raise ValueError(f"a key of type {key_type} needs a private key")
    key = serialization.load_pem_private_key(private_key, password=None)
    if key_type == "RSA" and isinstance(key, rsa.RSAPrivateKey):
        return _rsa_check(key.public_key())
    if key_type == "Ed25519" and isinstance(key, ed25519.Ed25519PrivateKey):
        return _ed25519_check(key.public_key())
    raise ValueError(f"the private key is not an {key_type} key")


def _hmac_check(secret: bytes) -> Callable[[bytes, str], bool]:
    def check(payload: bytes, signature: str) -> bool:
        expected = hmac.digest(secret, payload, hashlib.sha256).hex()
        # Hexadecimal signatures are not case-sensitive.
        return hmac.compare_digest(expected.encode(), signature.lower().encode())

    return check


def _rsa_check(key: rsa.RSAPublicKey) -> Callable[[bytes, str], bool]:
    pkcs1v15, sha256 = padding.PKCS1v15(), hashes.SHA256()

    def check(payload: bytes, signature: str) -> bool:
        try:
            key.verify(base64.b64decode(signature, validate=True), payload, pkcs1v15, sha256)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    return check


def _ed25519_check(key: ed25519.Ed25519PublicKey) -> Callable[[bytes, str], bool]:
    def check(payload: bytes, signature: str) -> bool:
        try:
            key.verify(base64.b64decode(signature, validate=True), payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    return check


def value_text(value: Any) -> str:
    """The text of a parameter's value in the signature payload.

    Strings and numbers as they were sent, booleans as true and false, lists as compact JSON.
    """
    if isinstance(value, str):
        return value
    return _compact(value)


def _compact(value: Any) -> str:
    if isinstance(value, Number):
        return value
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_compact(k)}:{_compact(v)}" for k, v in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def signature_payload(params: Mapping[str, Any]) -> bytes:
    """The signature payload: all parameters except ``signature``, sorted by name, "name=value" joined by "&".

    It is UTF-8, without percent-encoding, unlike the REST API (web-socket-api.md, SIGNED request example).

    Raises:
        UnicodeEncodeError: a text has a lone surrogate.
    """
    return "&".join(
        [f"{name}={value_text(params[name])}" for name in sorted(params) if name != "signature"]
    ).encode()


def timestamp_us(timestamp: int) -> int:
    """An input timestamp, in milliseconds or microseconds, as microseconds."""
    return timestamp if timestamp >= _FIRST_MICROSECONDS else timestamp * 1000


def check_ahead(timestamp: int, now_us: int) -> None:
    """Refuse (-1021) a timestamp, in microseconds, that is a second or more ahead of the exchange's time."""
    if timestamp >= now_us + _AHEAD_US:
        raise refuse(-1021, msg="Timestamp for this request was 1000ms ahead of the server's time.")


def check_late(timestamp: int, recv_window: int, now_us: int) -> None:
    """Refuse (-1021) a timestamp that is older than ``recv_window``; all in microseconds."""
    if now_us - timestamp > recv_window:
        raise refuse(-1021)
