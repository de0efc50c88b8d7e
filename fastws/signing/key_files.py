"""``load_signer()``: creates the signer of an API key from its secret or its private key, a PEM text or file.

No error contains a secret, nor do the local variables of its traceback.
"""

from __future__ import annotations

import errno
import os
import re
from typing import Any

from .._common.shown import shown
from ..errors import InvalidKey
from .signers import Ed25519Signer, HmacSigner, RsaSigner, Signer, fault_of_token

# Binance registers RSA keys of 2048 and 4096 bits (faqs/api_key_types.md).
_MIN_RSA_BITS = 2048
# An encrypted RSA key of 16384 bits takes 13 kB: a longer file is no key file.
_MAX_FILE_BYTES = 65536

_PEM_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----")


class WrongKeyKind(InvalidKey):
    """The key is well formed, but it is not a private RSA or Ed25519 key that Binance would accept."""


class WrongPassphrase(InvalidKey):
    """The passphrase is wrong; or missing for an encrypted key; or given for a key that is not encrypted."""


class KeyFileNotFound(InvalidKey, FileNotFoundError):
    """There is no file at the path of the private key; ``errno`` is ENOENT."""


class KeyFileUnreadable(InvalidKey, OSError):
    """The file of the private key exists, but cannot be read; ``errno`` says why."""


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
        passphrase: the passphrase of the private key, if it is encrypted.

    Raises:
        InvalidKey: an argument is missing, empty or malformed.
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
    # The local variables of the frames and causes contain the secret, so the error is raised without them. api_key is
    # deleted, too: the caller may have mixed it up with the secret.
    del api_key, secret, private_key, passphrase
    fault.__cause__ = fault.__context__ = None
    raise fault.with_traceback(None)


def _load(api_key: Any, secret: Any, private_key: Any, passphrase: Any) -> Signer:
    if secret is not None and private_key is not None:
        raise InvalidKey("give secret (HMAC) or private_key (Ed25519, RSA), not both")
    fault = fault_of_token("api_key", api_key)
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
    fault = fault_of_token("secret", secret)
    if fault is not None:
        raise InvalidKey(fault)
    return HmacSigner(api_key, secret.encode())


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
    # Imported here: these modules take as long as a tenth of `import fastws`, and only a private key needs them.
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

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
        return Ed25519Signer(api_key, key)
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < _MIN_RSA_BITS:
            raise WrongKeyKind(
                f"private_key is an RSA key of {key.key_size} bits: too small, Binance takes 2048 or 4096"
            )
        return RsaSigner(api_key, key)
    raise WrongKeyKind(f"private_key is {_name_of_key(key)}: Binance takes Ed25519 and RSA keys")


def _key_of_pem(pem: bytes, label: str, passphrase: bytes | None) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(pem, passphrase)
    except Exception:
        if label not in ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
            raise
    from .pkcs8 import load_version_2

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
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return f"an EC key ({key.curve.name})"
    if isinstance(key, dsa.DSAPrivateKey):
        return "a DSA key"
    if isinstance(key, ed448.Ed448PrivateKey):
        return "an Ed448 key"
    return "a key of another kind"
