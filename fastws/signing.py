"""Signatures of requests: HMAC, RSA and Ed25519 keys.

The rule, for every kind of key (web-socket-api.md, "Request security"): take all parameters but
``signature``, sort them by name, join them as ``name=value`` with ``&``, and sign the UTF-8 bytes. Nothing is
percent-encoded; that is a rule of the REST API. HMAC-SHA256 signatures are hexadecimal; those of
RSASSA-PKCS1-v1_5 with SHA-256 and of Ed25519 are base64.

A signer never shows its secret: not in its repr, not in an error, not in the frames of a traceback that
starts here, and it refuses to be pickled.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
from binascii import b2a_base64
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ._index import index_of
from ._pkcs8 import load_version_2
from ._shown import plain_text, shown
from .errors import InvalidKey, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "KeyFileNotFound",
    "KeyFileUnreadable",
    "Signer",
    "WrongKeyKind",
    "WrongPassphrase",
    "load_signer",
]

KeyKind = Literal["HMAC", "RSA", "Ed25519"]

# Binance registers RSA keys of 2048 and 4096 bits (faqs/api_key_types.md).
_MIN_RSA_BITS = 2048
# An encrypted RSA key of 16384 bits takes 13 kB: what is longer is no key file.
_MAX_FILE_BYTES = 65536

_PEM_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----")
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
# An API key is written into JSON text as it is.
_UNFIT_FOR_JSON = re.compile(r'[^\x21-\x7e]|["\\]')
_CONTROL = re.compile("[\x00-\x1f\x7f]")


class WrongKeyKind(InvalidKey):
    """The key is well formed, but it is not a private RSA or Ed25519 key that Binance would accept."""


class WrongPassphrase(InvalidKey):
    """The passphrase is wrong, or missing where the key is encrypted, or given where it is not."""


class KeyFileNotFound(InvalidKey, FileNotFoundError):
    """There is no file at the path of the private key. ``errno`` is ENOENT."""


class KeyFileUnreadable(InvalidKey, OSError):
    """The file of the private key exists and cannot be read. ``errno`` says why."""


class Signer:
    """Signs for one API key. Made by `load_signer`; immutable, and may be shared between clients.

    To keep a key outside of the process (a hardware module, an agent), derive from this class and override
    `sign`.

    Attributes:
        api_key: the API key, sent as the parameter ``apiKey`` and part of what is signed.
        kind: "HMAC", "RSA" or "Ed25519".
        can_logon: whether ``session.logon`` accepts the key: Ed25519 only.
    """

    __slots__ = ("_api_key", "_kind")

    def __init__(self, api_key: str, kind: KeyKind) -> None:
        fault = _fault_of_token("api_key", api_key)
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
            f"{name}={_text(name, params[name])}"
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


class _HmacSigner(Signer):
    __slots__ = ("_copy",)

    def __init__(self, api_key: str, secret: bytes) -> None:
        super().__init__(api_key, "HMAC")
        # The key schedule is computed once; a copy of it costs less than half of hmac.digest.
        self._copy = hmac.HMAC(secret, hashes.SHA256()).copy

    def sign(self, payload: bytes) -> str:
        state = self._copy()
        state.update(payload)
        return state.finalize().hex()


class _RsaSigner(Signer):
    __slots__ = ("_sign",)

    _PADDING = padding.PKCS1v15()
    _HASH = hashes.SHA256()

    def __init__(self, api_key: str, key: rsa.RSAPrivateKey) -> None:
        super().__init__(api_key, "RSA")
        self._sign = key.sign

    def sign(self, payload: bytes) -> str:
        return b2a_base64(self._sign(payload, self._PADDING, self._HASH), newline=False).decode()


class _Ed25519Signer(Signer):
    __slots__ = ("_sign",)

    def __init__(self, api_key: str, key: ed25519.Ed25519PrivateKey) -> None:
        super().__init__(api_key, "Ed25519")
        self._sign = key.sign

    def sign(self, payload: bytes) -> str:
        return b2a_base64(self._sign(payload), newline=False).decode()


def load_signer(
    api_key: str,
    *,
    secret: str | bytes | None = None,
    private_key: str | bytes | os.PathLike[str] | None = None,
    passphrase: str | bytes | None = None,
) -> Signer:
    """Make the signer of an API key from its secret (HMAC) or its private key (Ed25519, RSA).

    Args:
        api_key: the API key as Binance shows it.
        secret: the secret of an HMAC key.
        private_key: the path of a PEM file (``~`` is expanded), or its content as bytes, or as a str that
            starts with ``-----BEGIN``; its line breaks may be written as ``\\n``, as in an environment variable.
            PKCS#8 of both versions, encrypted or not, and the traditional form of RSA keys.
        passphrase: of the private key, where it is encrypted.

    Raises:
        InvalidKey: something of the above is missing, empty or malformed.
        KeyFileNotFound: an InvalidKey and a FileNotFoundError: there is no such file.
        KeyFileUnreadable: an InvalidKey and an OSError: the file cannot be read.
        WrongKeyKind: an InvalidKey: a public key, a certificate, an OpenSSH, EC or DSA key, a small RSA key.
        WrongPassphrase: an InvalidKey: the passphrase is wrong, missing, or not needed.
    """
    fault: BaseException
    try:
        return _load(api_key, secret, private_key, passphrase)
    except BaseException as error:
        fault = error
    # The frames and causes below hold the secret in their locals: what is raised knows nothing of them. An api_key may
    # be a secret that was given in its place.
    del api_key, secret, private_key, passphrase
    fault.__cause__ = fault.__context__ = None
    raise fault.with_traceback(None)


def _load(api_key: Any, secret: Any, private_key: Any, passphrase: Any) -> Signer:
    if secret is not None and private_key is not None:
        raise InvalidKey("give secret (HMAC) or private_key (Ed25519, RSA), not both")
    fault = _fault_of_token("api_key", api_key)
    if fault is not None:
        raise InvalidKey(fault)
    if private_key is not None:
        # first the passphrase: where it was swapped with the key, it would be shown as a path that does not exist
        unlock = _passphrase_bytes(passphrase)
        return _from_private_key(api_key, _pem_bytes(private_key), unlock)
    if secret is None:
        raise InvalidKey("an API key needs its secret (HMAC) or its private_key (Ed25519, RSA)")
    if passphrase is not None:
        raise InvalidKey("passphrase belongs to private_key; an HMAC secret has none")
    if isinstance(secret, bytes):
        secret = secret.decode("latin-1")
    fault = _fault_of_token("secret", secret)
    if fault is not None:
        raise InvalidKey(fault)
    return _HmacSigner(api_key, secret.encode())


def _fault_of_token(name: str, value: object) -> str | None:
    """What is wrong with an API key or a secret, in words that do not repeat it."""
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


def _pem_bytes(private_key: Any) -> bytes:
    if isinstance(private_key, (bytes, bytearray, memoryview)):
        return bytes(private_key)
    # quotes: as they come in an environment variable of a container's --env-file
    if isinstance(private_key, str) and private_key.lstrip("\ufeff \t\r\n\"'").startswith("-----BEGIN"):
        return private_key.encode("utf-8", "replace")
    if not isinstance(private_key, (str, os.PathLike)):
        raise InvalidKey(
            f"private_key must be a path, or a PEM text or bytes, not {type(private_key).__name__}"
        )
    path = os.fspath(private_key)
    if not isinstance(path, str):
        raise InvalidKey("private_key as a path must be a str or a Path")
    if not path:
        raise InvalidKey("private_key is empty")
    place = shown(path) if _may_be_shown(private_key) else f"a text of {len(path)} characters that is no path"
    try:
        with open(os.path.expanduser(path), "rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise _os_fault(
            KeyFileNotFound, f"private_key: there is no such file: {place}", errno.ENOENT
        ) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "it cannot be read"
        raise _os_fault(KeyFileUnreadable, f"private_key: {place}: {reason}", error.errno) from None
    except ValueError:
        raise InvalidKey("private_key is neither a path nor a PEM text") from None
    if len(data) > _MAX_FILE_BYTES:
        raise InvalidKey(f"private_key: {place} is longer than {_MAX_FILE_BYTES} bytes: no key file")
    if not data.strip():
        raise InvalidKey(f"private_key: {place} is empty")
    return data


def _may_be_shown(path: str | os.PathLike[str]) -> bool:
    """Whether an error may repeat ``path``: not where it may be a secret that was passed by mistake."""
    if not isinstance(path, str):
        return True
    full = os.path.expanduser(path)
    folder, name = os.path.split(full)
    if not path.isprintable():
        return False
    return (
        len(path) < 32 or "." in name or os.path.exists(full) or (len(folder) > 1 and os.path.isdir(folder))
    )


def _os_fault(
    cls: type[KeyFileNotFound] | type[KeyFileUnreadable], text: str, number: int | None
) -> InvalidKey:
    fault = cls(text)
    fault.errno = number
    return fault


def _passphrase_bytes(passphrase: Any) -> bytes | None:
    if passphrase is None:
        return None
    if not isinstance(passphrase, (str, bytes)):
        raise InvalidKey(f"passphrase must be a str or bytes, not {type(passphrase).__name__}")
    if not passphrase:
        raise WrongPassphrase("passphrase is empty; leave it out for a key that is not encrypted")
    try:
        given = passphrase.encode("utf-8", "surrogateescape") if isinstance(passphrase, str) else passphrase
    except UnicodeEncodeError:
        raise WrongPassphrase("passphrase is no valid Unicode text") from None
    if _PEM_BEGIN.search(given):
        raise WrongPassphrase("passphrase is a PEM text; a private key goes into private_key")
    return given


def _from_private_key(api_key: str, pem: bytes, passphrase: bytes | None) -> Signer:
    # an environment variable often holds a line break as a backslash and an n; base64 has no backslash
    pem = pem.replace(b"\\r", b"").replace(b"\\n", b"\n")
    labels = [match.group(1).decode() for match in _PEM_BEGIN.finditer(pem)]
    label = next((label for label in labels if label.endswith("PRIVATE KEY")), labels[0] if labels else None)
    if label is None:
        raise InvalidKey(
            'private_key is not in PEM format (a text with the line "-----BEGIN PRIVATE KEY-----")'
        )
    fault = _fault_of_label(label)
    if fault is not None:
        raise WrongKeyKind(f"private_key is {fault}")
    encrypted = label == "ENCRYPTED PRIVATE KEY" or (
        label == "RSA PRIVATE KEY" and b"Proc-Type: 4,ENCRYPTED" in pem
    )
    if encrypted and passphrase is None:
        raise WrongPassphrase("private_key is encrypted: it needs its passphrase")
    if passphrase is not None and not encrypted:
        raise WrongPassphrase("private_key is not encrypted: leave passphrase out")
    try:
        key = _key_of_pem(pem, label, passphrase)
    except Exception:  # as OpenSSL's own, which cryptography calls InternalError
        # cryptography's text may quote the input, so it is not passed on.
        if encrypted:
            raise WrongPassphrase(
                "private_key cannot be decrypted: the passphrase is wrong, or the file damaged"
            ) from None
        raise InvalidKey(
            "private_key is damaged: what stands between its PEM lines is no private key"
        ) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _Ed25519Signer(api_key, key)
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < _MIN_RSA_BITS:
            raise WrongKeyKind(
                f"private_key is an RSA key of {key.key_size} bits: too small, Binance takes 2048 or 4096"
            )
        return _RsaSigner(api_key, key)
    raise WrongKeyKind(f"private_key is {_name_of_key(key)}: Binance takes Ed25519 and RSA keys")


def _key_of_pem(pem: bytes, label: str, passphrase: bytes | None) -> Any:
    try:
        return load_pem_private_key(pem, passphrase)
    except Exception:
        if label not in ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
            raise
    return load_version_2(pem, label, passphrase)


def _fault_of_label(label: str) -> str | None:
    """Why a PEM block of this label cannot be a key for Binance; None where it can."""
    if label.endswith("PUBLIC KEY"):
        return "a public key: it was registered with Binance; signing needs the private one"
    if label.endswith(("CERTIFICATE", "CERTIFICATE REQUEST")):
        return "a certificate, not a private key"
    if label == "OPENSSH PRIVATE KEY":
        return "in the OpenSSH format, not in PKCS#8: make a key with openssl genpkey -algorithm ed25519"
    if label in ("EC PRIVATE KEY", "DSA PRIVATE KEY"):
        return f"{'an EC' if label[0] == 'E' else 'a DSA'} key: Binance takes Ed25519 and RSA keys"
    if not label.endswith("PRIVATE KEY"):
        return f'a PEM block "{label}", not a private key'
    return None


def _name_of_key(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return f"an EC key ({key.curve.name})"
    if isinstance(key, dsa.DSAPrivateKey):
        return "a DSA key"
    if isinstance(key, ed448.Ed448PrivateKey):
        return "an Ed448 key"
    return "a key of another kind"


def _text(name: str, value: object) -> str:
    """The text of one parameter, as it is signed and sent."""
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_json_text(name, item) for item in value) + "]"
    if isinstance(value, str):
        return _checked(name, value)
    return _scalar_text(name, value)


def _json_text(name: str, item: object) -> str:
    if isinstance(item, str):
        return json.dumps(_checked(name, item), ensure_ascii=False)
    return _scalar_text(name, item)


def _checked(name: str, value: str) -> str:
    if _CONTROL.search(value) is not None:
        raise InvalidRequest(f"{name} has a control character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name} has a lone surrogate: no valid Unicode text") from None
    # A subclass of str (an enum member) may format itself differently.
    return str(plain_text(value))


def _scalar_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    number = index_of(value)
    if number is not None:
        return int.__repr__(number)
    if isinstance(value, (Decimal, float)):
        # math.isfinite() makes a float of a Decimal first
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            raise InvalidRequest(f"{name} is not finite: {value}")
        return format(value if isinstance(value, Decimal) else Decimal(repr(value)), "f")
    raise InvalidRequest(
        f"{name} must be a str, int, bool, Decimal, float or a list of these, not {type(value).__name__}"
    )
