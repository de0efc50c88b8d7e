"""Options that commands share: where to connect, with which key, on which event loop.

Secrets never stand on a command line, where every user of the machine can read them: options name files, and
the environment holds values.
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
  FASTWS_API_KEY       the API key                          --api-key FILE
  FASTWS_PRIVATE_KEY   path or PEM text, Ed25519 or RSA     --private-key FILE
  FASTWS_PASSPHRASE    of the private key, or it is asked   --passphrase FILE
  FASTWS_SECRET        the secret of an HMAC key            --secret FILE
  FASTWS_ENDPOINT      where --endpoint is not given
"""


class UsageError(Exception):
    """The command line asks for something that makes no sense; the text says what would."""


def keys_epilog(examples: str) -> str:
    return f"examples:\n{examples}\n{_KEYS_EPILOG}"


def add_loop_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--loop",
        choices=("auto", "uvloop", "asyncio"),
        default="auto",
        help="the event loop; auto is uvloop where it is installed",
    )


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where to")
    where = group.add_mutually_exclusive_group()
    where.add_argument("--endpoint", metavar="NAME", help="prod, testnet, demo, or a URL")
    where.add_argument("--url", help="a URL: wss://…, or ws://127.0.0.1:PORT for an emulator")
    group.add_argument("--port", type=int, help="443 or 9443")
    group.add_argument("--ca", metavar="FILE", help="PEM file of an own authority, for TLS")
    group.add_argument(
        "--timeout", type=seconds, default=15.0, metavar="SECONDS", help="how long to wait for a reply (15)"
    )
    add_loop_option(parser)


def add_key_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("with which key (files; see below for the environment)")
    group.add_argument("--api-key", metavar="FILE", help="holds the API key")
    group.add_argument("--private-key", metavar="FILE", help="PEM file of an Ed25519 or RSA key")
    group.add_argument("--passphrase", metavar="FILE", help="holds the passphrase of the private key")
    group.add_argument("--secret", metavar="FILE", help="holds the secret of an HMAC key")


def connection_of(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of fastws.connect() that say where to."""
    endpoint = args.endpoint or args.url or os.environ.get("FASTWS_ENDPOINT")
    if not endpoint:
        raise UsageError("where to? Give --endpoint prod, testnet or demo, --url URL, or FASTWS_ENDPOINT")
    return {
        "endpoint": endpoint,
        "port": args.port,
        "timeout": args.timeout,
        "ssl_context": _ssl_context(args.ca),
    }


def given(args: argparse.Namespace) -> list[str]:
    """The options of connection and key, as they were given: for a command that shall talk to the same account."""
    names = ("endpoint", "url", "port", "ca", "api_key", "private_key", "passphrase", "secret")
    values = ((name, getattr(args, name)) for name in names)
    return [
        text
        for name, value in values
        if value is not None
        for text in (f"--{name.replace('_', '-')}", str(value))
    ]


def signer_of(args: argparse.Namespace) -> Signer | None:
    """The signer of the key that options and environment name; None where they name no key."""
    api_key = _held("api-key", args.api_key) or os.environ.get("FASTWS_API_KEY")
    secret = _held("secret", args.secret)
    private_key: str | Path | None = Path(args.private_key) if args.private_key else None
    if secret is None and private_key is None:
        secret = os.environ.get("FASTWS_SECRET") or None
        private_key = os.environ.get("FASTWS_PRIVATE_KEY") or None
    if not api_key:
        if args.secret or args.private_key:
            raise UsageError("the API key is missing: FASTWS_API_KEY, or --api-key FILE")
        return None
    passphrase = _held("passphrase", args.passphrase) or os.environ.get("FASTWS_PASSPHRASE") or None
    try:
        return load_signer(api_key, secret=secret, private_key=private_key, passphrase=passphrase)
    except WrongPassphrase:
        if passphrase is not None or not sys.stdin.isatty():
            raise
    passphrase = getpass.getpass("Passphrase of the private key: ")
    return load_signer(api_key, private_key=private_key, passphrase=passphrase)


def _held(option: str, file: str | None) -> str | None:
    """What the file of an option holds, less the line break at its end."""
    if file is None:
        return None
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
    # The name is not repeated: it may be the secret itself, given by mistake.
    raise UsageError(
        f"--{option} names a file that holds it, and that file cannot be read ({reason}); "
        f"the value itself goes into FASTWS_{option.replace('-', '_').upper()}"
    )


def _ssl_context(ca: str | None) -> ssl.SSLContext | None:
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--ca {ca}: {error.strerror or 'no PEM file of certificates'}") from None


def seconds(text: str) -> float:
    """A positive number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value


def count(text: str) -> int:
    """A positive number of things."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)
