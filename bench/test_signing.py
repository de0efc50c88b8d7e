"""Stage "signing": a payload to the text of its signature, for the three kinds of keys."""

from __future__ import annotations

import hmac
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pytest_benchmark.fixture import BenchmarkFixture

import fastws
from bench import messages
from bench.harness import Ratio, calls, compare

API_KEY = "k" * 64
SECRET = b"s" * 64
PAYLOADS = [fastws.Signer.payload({**params, "apiKey": API_KEY}) for params in messages.order_params(500)]


def _pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_hmac(benchmark: BenchmarkFixture) -> None:
    def digest(payload: bytes) -> str:
        return hmac.digest(SECRET, payload, "sha256").hex()

    sign = fastws.load_signer(API_KEY, secret=SECRET).sign
    assert [sign(payload) for payload in PAYLOADS] == [digest(payload) for payload in PAYLOADS]
    compare(
        benchmark,
        {"fastws": calls(sign, PAYLOADS), "hmac.digest": calls(digest, PAYLOADS)},
        [Ratio("signature, HMAC", "fastws", "hmac.digest")],
        operation="one signature of 200 bytes",
        compared="the signatures of 500 distinct payloads",
    )


def test_ed25519(benchmark: BenchmarkFixture) -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    sign = fastws.load_signer(API_KEY, private_key=_pem(key)).sign
    payloads = PAYLOADS[:100]
    assert [sign(payload) for payload in payloads] == [
        b64encode(key.sign(payload)).decode() for payload in payloads
    ]
    compare(
        benchmark,
        {"fastws": calls(sign, payloads), "sign alone": calls(key.sign, payloads)},
        [Ratio("signature, Ed25519", "fastws", "sign alone")],
        operation="one signature of 200 bytes",
        compared="the signatures of 100 distinct payloads",
        rounds=40,
    )


def test_rsa(benchmark: BenchmarkFixture) -> None:
    key = rsa.generate_private_key(65537, 2048)
    sign = fastws.load_signer(API_KEY, private_key=_pem(key)).sign
    payloads = PAYLOADS[:20]

    def sign_alone(payload: bytes) -> bytes:
        return key.sign(payload, padding.PKCS1v15(), SHA256())

    assert [sign(payload) for payload in payloads] == [
        b64encode(sign_alone(payload)).decode() for payload in payloads
    ]
    compare(
        benchmark,
        {"fastws": calls(sign, payloads), "sign alone": calls(sign_alone, payloads)},
        [Ratio("signature, RSA-2048", "fastws", "sign alone")],
        operation="one signature of 200 bytes",
        compared="the signatures of 20 distinct payloads",
        rounds=30,
    )
