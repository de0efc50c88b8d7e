"""Private keys as they are found: with line breaks that were escaped, and in version 2 of PKCS#8, encrypted or not."""

import os
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from fastws import InvalidKey, load_signer
from fastws.signing import WrongPassphrase

API_KEY = "k" * 64
PASSPHRASE = b"open sesame"
PKCS8, TRADITIONAL = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
LOCKED = serialization.BestAvailableEncryption(PASSPHRASE)

# RFC 8410, 10.3: the same key in version 1, and in version 2 with an attribute and its public key.
RFC_1 = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
"""
RFC_2 = """-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
"""


def der(tag, *contents):
    content = b"".join(contents)
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    return bytes((tag, 0x82)) + size.to_bytes(2, "big") + content


def seq(*contents):
    return der(0x30, *contents)


def oid(text):
    first, second, *rest = map(int, text.split("."))
    encoded = bytes([40 * first + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        encoded += bytes(reversed(digits))
    return der(6, encoded)


def number(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def pem(data, label="PRIVATE KEY"):
    text = b64encode(data).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def version_2(key, public=None):
    """A key in version 2, by hand."""
    plain = serialization.NoEncryption()
    first = key.private_bytes(serialization.Encoding.DER, PKCS8, plain)
    head = 4 if first[1] == 0x82 else 2
    assert first[head : head + 3] == b"\x02\x01\x00"
    if public is None:
        form = serialization.PublicFormat
        is_rsa = isinstance(key, rsa.RSAPrivateKey)
        raw = (serialization.Encoding.DER, form.PKCS1) if is_rsa else (serialization.Encoding.Raw, form.Raw)
        public = key.public_key().public_bytes(*raw)
    return seq(number(1), first[head + 3 :], der(0x81, b"\0", public))


HMAC = "1.2.840.113549.2."


def pbkdf2(size, prf=HMAC + "9", kind=hashes.SHA256, with_size=False):
    salt = os.urandom(16)
    more = ([number(size)] if with_size else []) + ([seq(oid(prf), der(5))] if prf else [])
    derivation = seq(oid("1.2.840.113549.1.5.12"), seq(der(4, salt), number(2048), *more))
    return derivation, PBKDF2HMAC(kind(), size, salt, 2048).derive(PASSPHRASE)


def scrypt(size):
    salt = os.urandom(16)
    derivation = seq(oid("1.3.6.1.4.1.11591.4.11"), seq(der(4, salt), number(1024), number(8), number(1)))
    return derivation, Scrypt(salt=salt, length=size, n=1024, r=8, p=1).derive(PASSPHRASE)


DERIVATIONS = {
    "SHA-1, not told": lambda size: pbkdf2(size, None, hashes.SHA1),
    "SHA-256": pbkdf2,
    "SHA-512": lambda size: pbkdf2(size, HMAC + "11", hashes.SHA512),
    "with its size": lambda size: pbkdf2(size, with_size=True),
    "scrypt": scrypt,
}
AES = {16: "2", 24: "22", 32: "42"}


def locked(data, derive=pbkdf2, size=32):
    """A key, encrypted by PBES2, by hand."""
    derivation, key = derive(size)
    vector = os.urandom(16)
    left = 16 - len(data) % 16
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    encrypted = encryptor.update(data + bytes([left]) * left) + encryptor.finalize()
    cipher = seq(oid(f"2.16.840.1.101.3.4.1.{AES[size]}"), der(4, vector))
    scheme = seq(oid("1.2.840.113549.1.5.13"), seq(derivation, cipher))
    return pem(seq(scheme, der(4, encrypted)), "ENCRYPTED PRIVATE KEY")


@pytest.fixture(scope="module", params=["Ed25519", "RSA"])
def key(request):
    if request.param == "RSA":
        return rsa.generate_private_key(65537, 2048)
    return ed25519.Ed25519PrivateKey.generate()


def signature(text, passphrase=None):
    """What a key signs, which must be the same as text, as bytes and in a file."""
    signer = load_signer(API_KEY, private_key=text, passphrase=passphrase)
    assert load_signer(API_KEY, private_key=text.encode(), passphrase=passphrase).sign(b"x") == signer.sign(
        b"x"
    )
    return signer.sign(b"x")


def as_pem(key, form=PKCS8, lock=None):
    lock = serialization.NoEncryption() if lock is None else lock
    return key.private_bytes(serialization.Encoding.PEM, form, lock).decode()


@pytest.mark.parametrize("line_break", ["\\n", "\\r\\n"])
def test_a_pem_text_with_escaped_line_breaks_is_read(key, line_break, tmp_path):
    expected = signature(as_pem(key))
    assert signature(as_pem(key).replace("\n", line_break)) == expected
    assert signature(as_pem(key, lock=LOCKED).replace("\n", line_break), PASSPHRASE) == expected
    assert signature(pem(version_2(key)).replace("\n", line_break)) == expected
    if isinstance(key, rsa.RSAPrivateKey):
        old = as_pem(key, TRADITIONAL, LOCKED)
        assert "Proc-Type" in old
        assert signature(old.replace("\n", line_break), PASSPHRASE) == expected
    for quote in "\"'":  # a container's --env-file keeps them
        assert signature(quote + as_pem(key).replace("\n", line_break) + quote) == expected
    file = tmp_path / "key.pem"
    file.write_text(as_pem(key).replace("\n", line_break) + "\n")
    assert load_signer(API_KEY, private_key=file).sign(b"x") == expected


def test_a_key_in_version_2_of_pkcs_8_is_read(key):
    assert signature(RFC_2) == signature(RFC_1)
    assert signature(pem(version_2(key))) == signature(as_pem(key))


@pytest.mark.parametrize("size", AES)
@pytest.mark.parametrize("derivation", DERIVATIONS)
def test_an_encrypted_key_in_version_2_of_pkcs_8_is_read(key, derivation, size):
    text = locked(version_2(key), DERIVATIONS[derivation], size)
    assert signature(text, PASSPHRASE) == signature(as_pem(key))
    with pytest.raises(WrongPassphrase, match="cannot be decrypted: the passphrase is wrong"):
        load_signer(API_KEY, private_key=text, passphrase="open barley")
    with pytest.raises(WrongPassphrase, match="needs its passphrase"):
        load_signer(API_KEY, private_key=text)


def test_a_public_key_that_is_another_ones_is_damage():
    key = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(InvalidKey, match="damaged"):
        load_signer(API_KEY, private_key=pem(version_2(key, b"\7" * 32)))


def test_a_key_that_is_cut_or_changed_anywhere_is_refused_as_a_key():
    """Nothing else than InvalidKey comes out, and a key that is read is that key."""
    key = ed25519.Ed25519PrivateKey.generate()
    data = version_2(key)
    expected = signature(as_pem(key))
    cases = [data[:size] for size in range(len(data))]
    cases += [
        data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :] for at in range(len(data)) for bit in (1, 0x80)
    ]
    for case in cases:
        try:
            found = load_signer(API_KEY, private_key=pem(case)).sign(b"x")
        except InvalidKey:
            continue
        assert found == expected
    whole = locked(data)
    for size in range(60, len(whole), 7):
        with pytest.raises(InvalidKey):
            load_signer(API_KEY, private_key=whole[:size], passphrase=PASSPHRASE)


@pytest.mark.parametrize("numbers", [(1 << 63, 8, 1), (1 << 40, 8, 1), (1024, 8, 1 << 62), (1 << 30, 1, 1)])
def test_a_derivation_that_nobody_chooses_is_refused_at_once(numbers):
    derivation = seq(oid("1.3.6.1.4.1.11591.4.11"), seq(der(4, bytes(16)), *map(number, numbers)))
    text = locked(version_2(ed25519.Ed25519PrivateKey.generate()), lambda size: (derivation, bytes(size)))
    with pytest.raises(InvalidKey):
        load_signer(API_KEY, private_key=text, passphrase=PASSPHRASE)
