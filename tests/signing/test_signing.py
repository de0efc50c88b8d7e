"""fastws.signing: published signatures, an own error for each unusable key, no secret leaks."""

import copy
import errno
import os
import pickle
import sys
import traceback
from binascii import a2b_base64
from decimal import Decimal
from enum import Enum

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

import fastws.signing
from fastws.errors import FastwsError, InvalidKey, InvalidRequest
from fastws.signing import (
    KeyFileNotFound,
    KeyFileUnreadable,
    Signer,
    WrongKeyKind,
    WrongPassphrase,
    load_signer,
)
from helpers import facts

API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"

# Published in web-socket-api.md, "SIGNED request example (HMAC)".
ORDER = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01000000",
    "price": "52000.00",
    "recvWindow": 100,
    "timestamp": 1645423376532,
    "apiKey": API_KEY,
}
ORDER_PAYLOAD = (
    f"apiKey={API_KEY}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL"
    "&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
)
ORDER_SIGNATURE = "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
NON_ASCII = dict(
    ORDER,
    symbol="\uff11\uff12\uff13\uff14\uff15\uff16",
    side="BUY",
    quantity="1.00000000",
    price="0.10000000",
    recvWindow=5000,
)
NON_ASCII_SIGNATURE = "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"

# Published in fix-api.md, "How to sign Logon<A> request".
ED25519_PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u\n"
    "-----END PRIVATE KEY-----\n"
)
LOGON_PAYLOAD = b"A\x01EXAMPLE\x01SPOT\x011\x0120240627-11:17:25.223"
LOGON_SIGNATURE = "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="

PLAIN = serialization.NoEncryption()
LOCKED = serialization.BestAvailableEncryption(b"open sesame")
PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
OPENSSH = serialization.PrivateFormat.OpenSSH


def pem(key, form=PKCS8, lock=PLAIN):
    return key.private_bytes(serialization.Encoding.PEM, form, lock)


def public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def ed_key():
    return ed25519.Ed25519PrivateKey.generate()


# --- signatures


def test_hmac_signs_as_published():
    signer = load_signer(API_KEY, secret=SECRET)
    assert (signer.api_key, signer.kind, signer.can_logon) == (API_KEY, "HMAC", False)
    assert signer.payload(ORDER) == ORDER_PAYLOAD.encode()
    assert signer.sign(signer.payload(ORDER)) == ORDER_SIGNATURE
    assert signer.sign(signer.payload(NON_ASCII)) == NON_ASCII_SIGNATURE


def test_ed25519_signs_as_published():
    signer = load_signer(API_KEY, private_key=ED25519_PEM)
    assert (signer.kind, signer.can_logon) == ("Ed25519", True)
    assert signer.sign(LOGON_PAYLOAD) == LOGON_SIGNATURE


def test_every_published_vector():
    vectors = facts.signatures()
    for vector in vectors:
        if vector["key_type"] == "HMAC":
            signer = load_signer(vector["apiKey"], secret=vector["secretKey"])
            payload = signer.payload({**vector["params"], "signature": "ignored"})
            assert payload == vector["payload"].encode(), vector["id"]
        else:
            signer = load_signer(API_KEY, private_key=vector["private_key_pem"].encode())
            payload = vector["payload"].encode()
        assert signer.kind == vector["key_type"], vector["id"]
        assert signer.sign(payload) == vector["signature"], vector["id"]
    assert len(vectors) >= 15


def test_rsa_signs_with_pkcs1_v1_5_and_sha256(rsa_key):
    signer = load_signer(API_KEY, private_key=pem(rsa_key))
    assert (signer.kind, signer.can_logon) == ("RSA", False)
    signature = a2b_base64(signer.sign(b"payload"))
    rsa_key.public_key().verify(signature, b"payload", padding.PKCS1v15(), hashes.SHA256())


def test_signing_again_gives_the_same(rsa_key):
    for signer in (
        load_signer(API_KEY, secret=SECRET),
        load_signer(API_KEY, private_key=ED25519_PEM),
        load_signer(API_KEY, private_key=pem(rsa_key)),
    ):
        first = signer.sign(b"one")
        assert signer.sign(b"two") != first
        assert signer.sign(b"one") == first


def test_secret_may_be_bytes():
    signer = load_signer(API_KEY, secret=SECRET.encode())
    assert signer.sign(ORDER_PAYLOAD.encode()) == ORDER_SIGNATURE


# --- the payload


class Side(str, Enum):
    BUY = "BUY"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("a b&c=d/e+f%", "a b&c=d/e+f%"),
        ("这是测试币456", "这是测试币456"),
        ("", ""),
        (Side.BUY, "BUY"),
        (0, "0"),
        (-7, "-7"),
        (2**70, str(2**70)),
        (True, "true"),
        (False, "false"),
        (Decimal("0.00000001"), "0.00000001"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-12"), "0.000000000001"),
        (Decimal("0.10"), "0.10"),
        (5000.5, "5000.5"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (["BTCUSDT", "这是测试币456"], '["BTCUSDT","这是测试币456"]'),
        (('quo"te', 1, True, Decimal("1E+2")), '["quo\\"te",1,true,100]'),
        ([], "[]"),
    ],
)
def test_payload_value(value, text):
    assert Signer.payload({"name": value}) == f"name={text}".encode()


def test_payload_sorts_by_name_and_leaves_the_signature_out():
    params = {"b": 1, "a": 2, "signature": "x", "A": 3, "aB": 4, "signatures": 5}
    assert Signer.payload(params) == b"A=3&a=2&aB=4&b=1&signatures=5"
    assert Signer.payload({"a": None, "b": 1}) == b"b=1"
    assert Signer.payload({}) == b""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"x", "bytes"),
        ({"a": 1}, "dict"),
        ([["nested"]], "list"),
        ([None], "NoneType"),
        (Decimal("NaN"), "not finite"),
        (Decimal("sNaN"), "not finite"),
        (float("inf"), "not finite"),
        ("line\nbreak", "control character"),
        (["tab\t"], "control character"),
        ("\ud800", "lone surrogate"),
        (["\udfff"], "lone surrogate"),
    ],
)
def test_payload_refuses(value, said):
    with pytest.raises(InvalidRequest, match=said) as caught:
        Signer.payload({"price": value})
    assert "price" in str(caught.value)


# --- private keys that work


@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
def test_rsa_forms(rsa_key, form):
    assert load_signer(API_KEY, private_key=pem(rsa_key, form)).kind == "RSA"
    assert (
        load_signer(API_KEY, private_key=pem(rsa_key, form, LOCKED), passphrase="open sesame").kind == "RSA"
    )


def test_passphrase_as_bytes_and_as_text(ed_key):
    locked = pem(ed_key, lock=serialization.BestAvailableEncryption("ключ".encode()))
    expected = load_signer(API_KEY, private_key=pem(ed_key)).sign(b"x")
    for passphrase in ("ключ", "ключ".encode()):
        assert load_signer(API_KEY, private_key=locked, passphrase=passphrase).sign(b"x") == expected


def test_private_key_from_a_file(tmp_path, ed_key, monkeypatch):
    file = tmp_path / "key.pem"
    file.write_bytes(pem(ed_key))
    expected = load_signer(API_KEY, private_key=pem(ed_key)).sign(b"x")
    assert load_signer(API_KEY, private_key=file).sign(b"x") == expected
    assert load_signer(API_KEY, private_key=str(file)).sign(b"x") == expected
    monkeypatch.setenv("HOME" if sys.platform != "win32" else "USERPROFILE", str(tmp_path))
    assert load_signer(API_KEY, private_key="~/key.pem").sign(b"x") == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: b"Bag Attributes\n    friendlyName: key\n" + text,
        lambda text: b"\n\n" + text.rstrip(),
        bytearray,
    ],
    ids=["plain", "crlf", "bom", "text before", "blank lines", "bytearray"],
)
def test_pem_as_people_have_it(ed_key, change):
    assert load_signer(API_KEY, private_key=change(pem(ed_key))).kind == "Ed25519"


def test_private_key_beside_its_public_key(ed_key):
    assert load_signer(API_KEY, private_key=public_pem(ed_key) + pem(ed_key)).kind == "Ed25519"


# --- private keys that do not


def refusal(cls, **options):
    """The text of the refusal, whose class is exactly ``cls``."""
    with pytest.raises(InvalidKey) as caught:
        load_signer(API_KEY, **options)
    assert type(caught.value) is cls, repr(caught.value)
    assert isinstance(caught.value, FastwsError)
    return str(caught.value)


def test_wrong_kind_of_key(rsa_key, ed_key):
    curve = ec.generate_private_key(ec.SECP256R1())
    old = dsa.generate_private_key(1024)
    for key, said in [
        (public_pem(ed_key), "public key"),
        (
            rsa_key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
            "public",
        ),
        (pem(ed_key, OPENSSH), "OpenSSH"),
        (pem(curve), "EC key"),
        (pem(curve, TRADITIONAL), "EC key"),
        (pem(old), "DSA key"),
        (pem(old, TRADITIONAL), "DSA key"),
        (pem(ed448.Ed448PrivateKey.generate()), "Ed448"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate"),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "X509 CRL"),
    ]:
        assert said in refusal(WrongKeyKind, private_key=key)


def test_small_rsa_key():
    assert "1024 bits" in refusal(WrongKeyKind, private_key=pem(rsa.generate_private_key(65537, 1024)))


@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
def test_passphrase_faults(rsa_key, form):
    locked, plain = pem(rsa_key, form, LOCKED), pem(rsa_key, form)
    assert "needs its passphrase" in refusal(WrongPassphrase, private_key=locked)
    assert "is wrong" in refusal(WrongPassphrase, private_key=locked, passphrase="open barley")
    assert "not encrypted" in refusal(WrongPassphrase, private_key=plain, passphrase="open sesame")
    assert "is empty" in refusal(WrongPassphrase, private_key=locked, passphrase="")
    assert "Unicode" in refusal(WrongPassphrase, private_key=locked, passphrase="\ud800")
    assert "passphrase must be" in refusal(InvalidKey, private_key=locked, passphrase=1)


def test_file_faults(tmp_path):
    missing = tmp_path / "missing.pem"
    assert "missing.pem" in refusal(KeyFileNotFound, private_key=missing)
    for name in ("binance-key", "key-of-the-second-trading-account"):
        assert name in refusal(KeyFileNotFound, private_key=tmp_path / name)
        assert name in refusal(KeyFileNotFound, private_key=str(tmp_path / name))
    with pytest.raises(FileNotFoundError) as caught:
        load_signer(API_KEY, private_key=str(missing))
    assert caught.value.errno == errno.ENOENT

    assert str(tmp_path.name) in refusal(KeyFileUnreadable, private_key=tmp_path / ".")
    with pytest.raises(OSError, match=r"irectory|ermission") as caught:
        load_signer(API_KEY, private_key=tmp_path)
    assert caught.value.errno in (errno.EISDIR, errno.EACCES)

    for content, said in [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"MC4CAQAwBQYDK2VwBCIEIIJEYWtG", "not in PEM format"),
        (b"\x00\x01\x02\xff", "not in PEM format"),
        (ED25519_PEM.encode()[:40], "damaged"),
        (ED25519_PEM.encode().replace(b"MC4C", b"MC4D"), "damaged"),
        (ED25519_PEM.encode().replace(b"MC4C", b"!!!!"), "damaged"),
        (b"x" * 70_000, "longer than"),
    ]:
        missing.write_bytes(content)
        assert said in refusal(InvalidKey, private_key=missing), content[:20]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_file_without_permission(tmp_path):
    file = tmp_path / "key.pem"
    file.write_text(ED25519_PEM)
    file.chmod(0)
    assert "Permission denied" in refusal(KeyFileUnreadable, private_key=file)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "needs its secret"),
        ({"secret": SECRET, "private_key": ED25519_PEM}, "not both"),
        ({"secret": ""}, "secret is empty"),
        ({"secret": b""}, "secret is empty"),
        ({"secret": SECRET + "\n"}, "white space"),
        ({"secret": "abc\x00def"}, "U\\+0000 at position 3"),
        ({"secret": "abc def"}, "U\\+0020"),
        ({"secret": 5}, "must be a str, not int"),
        ({"secret": ED25519_PEM}, "private_key"),
        ({"secret": SECRET, "passphrase": "x"}, "passphrase belongs to private_key"),
        ({"private_key": ""}, "is empty"),
        ({"private_key": 5}, "not int"),
        ({"private_key": "a\0b"}, "neither a path"),
    ],
)
def test_wrong_arguments(options, said):
    with pytest.raises(InvalidKey, match=said):
        load_signer(API_KEY, **options)


@pytest.mark.parametrize(
    "api_key", ["", " ", "abc\n", "a\x07b", "a b", "schlüssel", None, b"bytes", ED25519_PEM]
)
def test_wrong_api_key(api_key):
    with pytest.raises(InvalidKey, match="api_key"):
        load_signer(api_key, secret=SECRET)


# --- a signer of one's own


def test_own_signer():
    class Remote(Signer):
        def sign(self, payload):
            return payload.decode().upper()

    signer = Remote("key", "Ed25519")
    assert signer.can_logon
    assert signer.sign(signer.payload({"a": "b"})) == "A=B"
    with pytest.raises(NotImplementedError, match="sign"):
        Signer("key", "RSA").sign(b"")
    with pytest.raises(InvalidKey, match="kind"):
        Signer("key", "EC")
    with pytest.raises(AttributeError):
        signer.api_key = "other"


# --- secrets stay secret


def secrets_of(rsa_key):
    yield {"secret": SECRET}, SECRET
    yield {"private_key": ED25519_PEM}, "MC4CAQAwBQYDK2VwBCIEIIJEYWtG"
    yield {"private_key": pem(rsa_key, lock=LOCKED), "passphrase": "open sesame"}, "open sesame"


def test_a_signer_shows_no_secret(rsa_key):
    for options, secret in secrets_of(rsa_key):
        signer = load_signer(API_KEY, **options)
        for shown in (repr(signer), str(signer), f"{signer}", repr([signer])):
            assert secret not in shown
            assert API_KEY not in shown
        assert repr(signer) == f"<Signer {signer.kind} vmPU…Eh8A>"
        assert not hasattr(signer, "__dict__")
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="secret"):
                pickle.dumps(signer, protocol)
        for refused in (copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="secret"):
                refused(signer)
    assert "…" in repr(load_signer("short", secret=SECRET))
    assert "short" not in repr(load_signer("short", secret=SECRET))


def test_an_error_shows_no_secret(rsa_key):
    mine = "sEcReT" * 9
    for options in [
        {"secret": mine + "\n"},
        {"secret": mine + "ü"},
        {"secret": mine, "private_key": ED25519_PEM},
        {"secret": mine, "passphrase": mine},
        {"private_key": mine},
        {"private_key": f"C:/{mine}"},
        {"private_key": mine * 99},
        {"private_key": f"-----BEGIN PRIVATE KEY-----\n{mine}\n-----END PRIVATE KEY-----"},
        {"private_key": f"-----BEGIN EC PRIVATE KEY-----\n{mine}\n-----END EC PRIVATE KEY-----"},
        {"private_key": mine.encode()},
        {"private_key": ED25519_PEM, "passphrase": mine},
        {"private_key": pem(rsa_key, lock=LOCKED), "passphrase": mine},
        {"private_key": pem(rsa_key, TRADITIONAL, LOCKED), "passphrase": mine},
    ]:
        with pytest.raises(InvalidKey) as caught:
            load_signer(API_KEY, **options)
        error = caught.value
        assert error.__cause__ is None
        assert error.__context__ is None
        said = traceback.TracebackException.from_exception(error, capture_locals=True)
        folder = os.path.dirname(fastws.signing.__file__)
        frames = [frame for frame in said.stack if os.path.dirname(frame.filename) == folder]
        assert [frame.name for frame in frames] == ["load_signer"]
        assert mine not in str(error)
        assert all(mine not in text for frame in frames for text in (frame.locals or {}).values())
