"""Options that commands share: where to connect, with which key, on which event loop.

Every user of the machine can read a command line. So secrets are never arguments: options name files, and
environment variables hold values.
"""

from __future__ import annotations

import argparse
import getpass
import os
import re
import ssl
import sys
from pathlib import Path
from typing import Any

from ..signing import Signer, WrongPassphrase, load_signer

_KEYS_EPILOG = """\
keys, from the environment or from files:
  FASTWS_API_KEY       API key                              --api-key FILE
  FASTWS_PRIVATE_KEY   path or PEM text, Ed25519 or RSA     --private-key FILE
  FASTWS_PASSPHRASE    passphrase; else you are asked       --passphrase FILE
  FASTWS_SECRET        secret of an HMAC key                --secret FILE
  FASTWS_ENDPOINT      endpoint, if --endpoint is not given
"""


class UsageError(Exception):
    """The command line is wrong; the text says how to correct it."""


def keys_epilog(examples: str) -> str:
    return f"examples:\n{examples}\n{_KEYS_EPILOG}"


def add_loop_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--loop",
        choices=("auto", "uvloop", "asyncio"),
        default="auto",
        help="the event loop; auto: uvloop if it is installed, else asyncio",
    )


def add_connection_options(
    parser: argparse.ArgumentParser, endpoints: str = "prod, testnet, demo, or a URL"
) -> None:
    group = parser.add_argument_group("connection")
    where = group.add_mutually_exclusive_group()
    where.add_argument("--endpoint", metavar="NAME", help=endpoints)
    where.add_argument("--url", help="a URL: wss://…, or ws://127.0.0.1:PORT for an emulator")
    group.add_argument("--port", type=int, help="443 or 9443")
    group.add_argument("--ca", metavar="FILE", help="PEM file of your own certificate authority, for TLS")
    group.add_argument(
        "--timeout", type=seconds, default=15.0, metavar="SECONDS", help="seconds to wait for a reply (15)"
    )
    add_loop_option(parser)


def add_key_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("key (files; for environment variables, see below)")
    group.add_argument("--api-key", metavar="FILE", help="file with the API key")
    group.add_argument("--private-key", metavar="FILE", help="PEM file of an Ed25519 or RSA key")
    group.add_argument("--passphrase", metavar="FILE", help="file with the passphrase of the private key")
    group.add_argument("--secret", metavar="FILE", help="file with the secret of an HMAC key")


def connection_of(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of fastws.connect() for the connection."""
    return {
        "endpoint": endpoint_of(args, "prod, testnet or demo"),
        "port": args.port,
        "timeout": args.timeout,
        "sync_every": None,  # a clock that is off is measured when the exchange refuses a timestamp
        "reconnect": False,  # a command ends with its connection, unless it says otherwise
        "ssl_context": ssl_context_of(args),
    }


def endpoint_of(args: argparse.Namespace, names: str) -> str:
    """The endpoint from the options or the environment. ``names``: which ones a person may choose from.

    Raises:
        UsageError: there is none.
    """
    endpoint: str | None = args.endpoint or args.url or os.environ.get("FASTWS_ENDPOINT")
    if not endpoint:
        raise UsageError(f"no endpoint: give --endpoint {names}, or --url URL, or set FASTWS_ENDPOINT")
    return endpoint


def given(args: argparse.Namespace) -> list[str]:
    """The given options of connection and key: for another command that uses the same account."""
    names = ("endpoint", "url", "port", "ca", "api_key", "private_key", "passphrase", "secret")
    values = ((name, getattr(args, name)) for name in names)
    return [
        text
        for name, value in values
        if value is not None
        for text in (f"--{name.replace('_', '-')}", str(value))
    ]


def signer_of(args: argparse.Namespace) -> Signer | None:
    """The signer for the key in options or environment; None if there is no key."""
    api_key = api_key_of(args)
    secret = held("secret", args.secret)
    private_key: str | Path | None = Path(args.private_key) if args.private_key else None
    if secret is None and private_key is None:
        secret = os.environ.get("FASTWS_SECRET") or None
        private_key = os.environ.get("FASTWS_PRIVATE_KEY") or None
    if not api_key:
        if args.secret or args.private_key:
            raise UsageError("the API key is missing: set FASTWS_API_KEY, or give --api-key FILE")
        return None
    passphrase = held("passphrase", args.passphrase) or os.environ.get("FASTWS_PASSPHRASE") or None
    try:
        return load_signer(api_key, secret=secret, private_key=private_key, passphrase=passphrase)
    except WrongPassphrase:
        if passphrase is not None or not sys.stdin.isatty():
            raise
    passphrase = getpass.getpass("Passphrase of the private key: ")
    return load_signer(api_key, private_key=private_key, passphrase=passphrase)


def api_key_of(args: argparse.Namespace) -> str | None:
    """The API key from the option or the environment, without its secret; None if there is none."""
    return held("api-key", args.api_key) or os.environ.get("FASTWS_API_KEY") or None


def held(option: str, file: str | None) -> str | None:
    """The text in the file of an option, without white space around it."""
    if file is None:
        return None
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
    # The message does not contain the path: it may be the secret itself, given by mistake.
    raise UsageError(
        f"--{option} is the path of a file, but this file cannot be read ({reason}); "
        f"to give the value itself, set FASTWS_{option.replace('-', '_').upper()}"
    )


def ssl_context_of(args: argparse.Namespace) -> ssl.SSLContext | None:
    """The SSL context that trusts the authority of ``--ca``; None without it."""
    ca: str | None = args.ca
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--ca {ca}: {error.strerror or 'not a PEM file of certificates'}") from None


def seconds(text: str) -> float:
    """A positive number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def count(text: str) -> int:
    """A positive whole number."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)
