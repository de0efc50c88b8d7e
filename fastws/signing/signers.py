"""Signers: HMAC, RSA and Ed25519 keys.

A signer never shows its secret: not in its repr, not in an error, and it refuses to be pickled.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from cryptography.hazmat.primitives import hashes, hmac

from .._common.shown import plain_text, shown
from ..errors import InvalidKey
from .payload import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

KeyKind = Literal["HMAC", "RSA", "Ed25519"]

_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
# An API key is written into JSON text without escapes.
_UNFIT_FOR_JSON = re.compile(r'[^\x21-\x7e]|["\\]')


class Signer:
    """Signs requests for one API key. `load_signer` creates it. It is immutable, and clients may share it.

    To keep a key outside of the process (in a hardware module, in an agent), derive from this class and override
    `sign`.

    Attributes:
        api_key: the API key, sent as the parameter ``apiKey`` and part of what is signed.
        kind: "HMAC", "RSA" or "Ed25519".
        can_logon: whether ``session.logon`` accepts the key: Ed25519 only.
    """

    __slots__ = ("_api_key", "_kind")

    def __init__(self, api_key: str, kind: KeyKind) -> None:
        fault = fault_of_token("api_key", api_key)
        if fault is not None:
            del api_key  # a secret may have been given in its place
            raise InvalidKey(fault)
        if kind not in ("HMAC", "RSA", "Ed25519"):
            raise InvalidKey(f'kind must be "HMAC", "RSA" or "Ed25519", not {shown(kind)}')
        self._api_key: str = plain_text(api_key)
        self._kind: KeyKind = kind

    @property
    def api_key(self) -> str:
        return self._api_key

    @property
    def kind(self) -> KeyKind:
        return self._kind

    @property
    def can_logon(self) -> bool:
        return self._kind == "Ed25519"

    def sign(self, payload: bytes) -> str:
        """The signature of ``payload``: lower-case hexadecimal for HMAC, base64 for RSA and Ed25519."""
        raise NotImplementedError(f"{type(self).__name__} does not define sign()")

    @staticmethod
    def payload(params: Mapping[str, Any]) -> bytes:
        """The bytes to sign for ``params``: all but ``signature``, sorted by name, never percent-encoded.

        Values are written as fastws sends them: ``str`` as it is, ``int`` (numpy's, too), ``bool`` as true or false,
        ``Decimal`` and finite ``float`` without an exponent, lists and tuples of these as compact JSON text; None
        is left out.

        Raises:
            InvalidRequest: a value has another type, is not finite, or holds control characters or lone
                surrogates.
        """
        pairs = [
            f"{name}={text(name, params[name])}"
            for name in sorted(params)
            if name != "signature" and params[name] is not None
        ]
        return "&".join(pairs).encode()

    def __repr__(self) -> str:
        key = self._api_key
        shown = f"{key[:4]}…{key[-4:]}" if len(key) >= 16 else "…"
        return f"<Signer {self._kind} {shown}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "a Signer holds a secret, so it is neither pickled nor copied; call load_signer() again"
        )


class HmacSigner(Signer):
    __slots__ = ("_copy",)

    def __init__(self, api_key: str, secret: bytes) -> None:
        super().__init__(api_key, "HMAC")
        # The key schedule is computed once; a copy of it costs less than half of hmac.digest.
        self._copy = hmac.HMAC(secret, hashes.SHA256()).copy

    def sign(self, payload: bytes) -> str:
        state = self._copy()
        state.update(payload)
        return state.finalize().hex()


class RsaSigner(Signer):
    __slots__ = ("_padding", "_sign")

    _HASH = hashes.SHA256()

    def __init__(self, api_key: str, key: rsa.RSAPrivateKey) -> None:
        from cryptography.hazmat.primitives.asymmetric import padding  # imported here: only RSA keys need it

        super().__init__(api_key, "RSA")
        self._padding = padding.PKCS1v15()
        self._sign = key.sign

    def sign(self, payload: bytes) -> str:
        return b2a_base64(self._sign(payload, self._padding, self._HASH), newline=False).decode()


class Ed25519Signer(Signer):
    __slots__ = ("_sign",)

    def __init__(self, api_key: str, key: ed25519.Ed25519PrivateKey) -> None:
        super().__init__(api_key, "Ed25519")
        self._sign = key.sign

    def sign(self, payload: bytes) -> str:
        return b2a_base64(self._sign(payload), newline=False).decode()


def fault_of_token(name: str, value: object) -> str | None:
    """What is wrong with an API key or a secret, in a text that does not repeat it; None if nothing is."""
    if not isinstance(value, str):
        return f"{name} must be a str, not {type(value).__name__}"
    if not value:
        return f"{name} is empty"
    if value.lstrip().startswith("-----BEGIN"):
        return f"{name} is a PEM text; a private key goes into private_key"
    if value.strip() != value:
        return f"{name} begins or ends with white space (a line break of the file it was read from?)"
    found = (_UNFIT_FOR_JSON if name == "api_key" else _UNPRINTABLE).search(value)
    if found is not None:
        return f"{name} has the character U+{ord(found.group()):04X} at position {found.start()}"
    return None
