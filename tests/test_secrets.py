"""Secrets, PEM texts, passphrases and proxies' passwords: in no text and in no frame of a traceback of fastws'."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import fastws
from fastws import FastwsError, InvalidKey, InvalidRequest
from fastws.emulator import Emulator
from fastws.emulator.network.tls import Certificate
from helpers.support import Peer, refusal, run
from helpers.ways import GOOD, answer, answering, everything, proxying

SECRET = "s3cr3t" * 11
PASSPHRASE = "c0rrect-h0rse"
PASSWORD = "hunter2"
PEM = (
    Ed25519PrivateKey.generate()
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSPHRASE.encode()),
    )
    .decode()
)
HMAC = {"api_key": "k" * 64, "secret": SECRET}
ED25519 = {"api_key": "k" * 64, "private_key": PEM.encode(), "passphrase": PASSPHRASE}
SECRETS = (SECRET, PASSPHRASE, PASSWORD, PEM.splitlines()[1])


class NoRepr:
    def __repr__(self) -> str:
        raise ZeroDivisionError


class NoPath:
    def __fspath__(self) -> str:
        raise ZeroDivisionError


ODD = {
    "2**63": 2**63,
    "-2**63": -(2**63),
    "10**400": 10**400,
    "10**5000": 10**5000,
    "nan": float("nan"),
    "inf": float("inf"),
    "no repr": NoRepr(),
    "no path": NoPath(),
    "surrogate": "\ud800",
    "nul": "\0",
    "bytes": b"\xff",
    "list": [],
    "type": object,
    "negative": -1,
    "path": Path("/nowhere/at/all"),
}
NAMES = [name for name in fastws.connect.__annotations__ if name != "return"]


@pytest.mark.parametrize("key", [HMAC, ED25519], ids=["HMAC", "Ed25519"])
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_argument_is_refused_without_a_secret_or_taken(name: str, key: dict[str, Any]) -> None:
    for label, value in ODD.items():
        try:
            client = fastws.connect(**{"endpoint": "testnet", **key, name: value})
        except (InvalidRequest, ZeroDivisionError) as error:
            refused: BaseException | None = error
        else:
            refused = None
        if refused is not None:
            assert refused.__cause__ is refused.__context__ is None
            assert isinstance(refused, InvalidRequest) or label == "no path"
            text = everything(refused)
        else:
            text = repr(client) + str(vars(client))
        for secret in SECRETS:
            assert secret not in text, label


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"reserve_weight": 2**63}, "reserve_weight: expected an amount of weight"),
        ({"max_output": 2**63}, "max_output: expected a number of bytes"),
        ({"max_message": 2**70}, "max_message: expected a number of bytes"),
        ({"cork": NoRepr()}, "cork: expected True or False"),
        ({"local_addr": NoRepr()}, "local_addr: expected an address"),
        ({"passphrase": "\ud800", "private_key": PEM, "secret": None}, "no valid Unicode text"),
    ],
)
def test_what_is_out_of_range_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequest, match=named) as caught:
        fastws.connect("testnet", **{**HMAC, **options})
    assert not any(secret in everything(caught.value) for secret in SECRETS)


def test_times_beyond_all_measure_are_for_ever() -> None:
    options = fastws.Options("testnet", connect_timeout=10**400, timeout=10**400, sync_every=10**400)
    assert options.connect_timeout == options.timeout == options.sync_every == 1e9


@pytest.mark.parametrize(
    "swapped",
    [
        {"api_key": PEM, "private_key": "k" * 64, "passphrase": PASSPHRASE},
        {"api_key": PEM, "secret": "k" * 64},
        {"api_key": "k" * 64, "secret": PEM},
        {"api_key": SECRET + "\n", "secret": "k" * 64},
        {"api_key": "k" * 64, "secret": "k" * 64, "private_key": SECRET},
        {"api_key": "k" * 64, "private_key": SECRET},
        {"api_key": "k" * 64, "private_key": PASSPHRASE, "passphrase": PEM},
        {"api_key": PASSPHRASE, "private_key": PEM, "passphrase": "k" * 64},
    ],
)
def test_a_key_and_a_secret_that_are_swapped_are_not_shown(swapped: dict[str, Any]) -> None:
    for make in (lambda: fastws.connect("testnet", **swapped), lambda: fastws.load_signer(**swapped)):
        with pytest.raises(InvalidKey) as caught:
            make()
        for secret in SECRETS:
            assert secret not in everything(caught.value)
            assert caught.value.__context__ is None


def test_a_signer_of_ones_own_does_not_show_what_is_no_key() -> None:
    with pytest.raises(InvalidKey) as caught:
        fastws.Signer(SECRET + "\n", "HMAC")
    assert SECRET not in everything(caught.value)


@contextlib.asynccontextmanager
async def refusing(how: str) -> AsyncIterator[dict[str, Any]]:
    """What to give connect(), so that opening fails in this way."""

    async def script(peer: Peer) -> None:
        request = await peer.request()
        if how == "logon refused":
            peer.send(refusal(request, 401, -2015, "Invalid API-key, IP, or permissions for action."))
        elif how == "logon cut":
            await peer.drop()

    certificate = Certificate()
    said = {
        "403": answer("Content-Length: 0", status="HTTP/1.1 403 Forbidden"),
        "302": answer(status="HTTP/1.1 302 Found"),
        "junk": b"hello\r\n\r\n",
    }.get(how, answer(*GOOD))
    async with (
        answering(
            said,
            script if how.startswith("logon") else None,
            tls=certificate.server_context() if how == "certificate" else None,
            stays=how == "silent",
        ) as url,
        proxying() as way,
    ):
        options: dict[str, Any] = {"endpoint": url, "timeout": 0.1}
        if how == "down":
            options["endpoint"] = "ws://127.0.0.1:1"
        elif how == "source":
            options["local_addr"] = "192.0.2.1"
        elif how == "silent":
            options["connect_timeout"] = 0.1
            way.silent = True
        elif how == "proxy":
            way.answer = answer(status="HTTP/1.1 407 Proxy Authentication Required")
        if how not in ("down", "certificate"):
            options["proxy"] = f"http://me:{PASSWORD}@127.0.0.1:{way.port}"
        yield options


WAYS = ["403", "302", "junk", "down", "source", "silent", "proxy", "certificate"]
LOGONS = ["logon refused", "logon cut", "logon silent"]  # HMAC keys do not log on


@pytest.mark.parametrize(
    ("how", "key"), [*((how, HMAC) for how in WAYS), *((how, ED25519) for how in [*WAYS, *LOGONS])]
)
def test_opening_that_fails_shows_no_secret(
    how: str, key: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    caplog.set_level(logging.DEBUG, "asyncio")

    async def main() -> None:
        asyncio.get_running_loop().set_debug(True)
        async with refusing(how) as options:
            client = fastws.connect(**options, **key)
            with pytest.raises(FastwsError) as caught:
                await client
            for text in (everything(caught.value), repr(client), str(vars(client)), caplog.text):
                for secret in SECRETS:
                    assert secret not in text

    run(main())


def test_requests_that_fail_show_no_secret() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            key = exchange.add_account("HMAC")
            assert key.secret is not None
            async with fastws.connect(exchange.url, api_key=key.api_key, secret=key.secret) as client:
                for call in (
                    lambda: client.order_place(symbol="BTCUSDT"),
                    lambda: client.request("order.place", {"symbol": NoRepr()}),
                    lambda: client.request("order.status", {"symbol": "\ud800"}),
                ):
                    with pytest.raises(FastwsError) as caught:
                        await call()
                    assert key.secret not in everything(caught.value)

    run(main())
