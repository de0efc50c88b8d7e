"""Reads private keys in version 2 of PKCS#8 (RFC 5958), which contains the public key, too.

The library cryptography reads only version 1, so the key is converted to it. An encrypted key (PBES2 of RFC 8018, with
PBKDF2 or scrypt, and AES) is decrypted first. Malformed input raises ValueError.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

__all__ = ["load_version_2"]

INTEGER, OCTETS, OBJECT_ID, SEQUENCE = 0x02, 0x04, 0x06, 0x30
PUBLIC_KEY = 0x81  # context-specific 1: a bit string

# Object identifiers in their DER encoding.
_RSADSI = bytes.fromhex("2a864886f70d")
_PBES2, _PBKDF2 = _RSADSI + b"\1\5\x0d", _RSADSI + b"\1\5\x0c"
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_AES_CBC = {
    bytes.fromhex("60864801650304") + bytes([1, last]): size for last, size in ((2, 16), (22, 24), (42, 32))
}
_HMACS: dict[bytes, hashes.HashAlgorithm] = {
    _RSADSI + b"\2\7": hashes.SHA1(),
    _RSADSI + b"\2\x08": hashes.SHA224(),
    _RSADSI + b"\2\x09": hashes.SHA256(),
    _RSADSI + b"\2\x0a": hashes.SHA384(),
    _RSADSI + b"\2\x0b": hashes.SHA512(),
}
_MOST_ROUNDS = 10_000_000  # of PBKDF2: some seconds
_MOST_WORK = 1 << 24  # of scrypt, n * r * p: some seconds, and 2 GiB; far beyond it cryptography panics


def load_version_2(pem: bytes, label: str, passphrase: bytes | None) -> Any:
    """The private key in the PEM block with this label.

    Raises:
        ValueError: it is no key of version 2, or the passphrase is wrong.
    """
    _, _, begun = pem.partition(f"-----BEGIN {label}-----".encode())
    body, end, _ = begun.partition(f"-----END {label}-----".encode())
    if not end:
        raise ValueError("cut off")
    der = a2b_base64(body)
    if passphrase is not None:
        der = _decrypt(der, passphrase)
    (content,) = _parts(der, SEQUENCE)
    version, algorithm, private, *more = _parts(content, INTEGER, SEQUENCE, OCTETS, more=True)
    if version != b"\1":
        raise ValueError("not of version 2")
    first = _part(INTEGER, b"\0") + _part(SEQUENCE, algorithm) + _part(OCTETS, private)
    key = load_der_private_key(_part(SEQUENCE, first), None)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        if any(tag == PUBLIC_KEY and value != b"\0" + public for tag, value in more):
            raise ValueError("its public key is another one's")
    return key


def _decrypt(der: bytes, passphrase: bytes) -> bytes:
    (content,) = _parts(der, SEQUENCE)
    algorithm, encrypted = _parts(content, SEQUENCE, OCTETS)
    scheme, parameters = _parts(algorithm, OBJECT_ID, SEQUENCE)
    if scheme != _PBES2:
        raise ValueError("not PBES2")
    derivation, encryption = _parts(parameters, SEQUENCE, SEQUENCE)
    cipher, vector = _parts(encryption, OBJECT_ID, OCTETS)
    if cipher not in _AES_CBC:
        raise ValueError("not AES")
    key = _derive(derivation, passphrase, _AES_CBC[cipher])
    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    padded = decryptor.update(encrypted) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def _derive(derivation: bytes, passphrase: bytes, size: int) -> bytes:
    kind, parameters = _parts(derivation, OBJECT_ID, SEQUENCE)
    salt, *rest = _parts(parameters, OCTETS, more=True)
    numbers = [int.from_bytes(value, "big") for tag, value in rest if tag == INTEGER]
    if kind == _SCRYPT:
        n, r, p = numbers[:3]
        if not 0 < n * r * p <= _MOST_WORK:
            raise ValueError("scrypt with numbers that nobody chooses")
        return Scrypt(salt=salt, length=size, n=n, r=r, p=p).derive(passphrase)
    if kind != _PBKDF2 or not numbers or numbers[0] > _MOST_ROUNDS:
        raise ValueError("neither PBKDF2 nor scrypt")
    named = [_parts(value, OBJECT_ID, more=True)[0] for tag, value in rest if tag == SEQUENCE]
    kind_of_hash = _HMACS.get(named[0]) if named else hashes.SHA1()
    if kind_of_hash is None:
        raise ValueError("an unknown hash")
    return PBKDF2HMAC(kind_of_hash, size, salt, numbers[0]).derive(passphrase)


def _parts(data: bytes, *tags: int, more: bool = False) -> list[Any]:
    """The contents of consecutive DER elements with these tags; with ``more`` also the rest, as (tag, content).

    Raises:
        ValueError: they have other tags, or are malformed.
    """
    found = list(_walk(data))
    if [tag for tag, _ in found[: len(tags)]] != list(tags) or (len(found) > len(tags) and not more):
        raise ValueError("not the parts of a private key")
    return [value for _, value in found[: len(tags)]] + found[len(tags) :]


def _walk(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("cut off")
        tag, size = data[at], data[at + 1]
        at += 2
        if size >= 0x80:
            width = size & 0x7F
            if not 1 <= width <= 4:
                raise ValueError("no length")
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        if at + size > len(data):
            raise ValueError("cut off")
        yield tag, data[at : at + size]
        at += size


def _part(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
