"""The facts of the exchange that tests compare with, and where they stand.

``tests/data`` holds our own compilations of Binance's documentation; its README says what they are. Binance's own files
are not ours to copy: the published XML schemas and their life cycle, and frames that were captured from the exchange.
Tests compare with them where they stand in a folder ``shared/binance`` beside the checkout, or above it, in its folders
``sbe`` and ``captures``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
DATA = TESTS / "data"


def _official_folder() -> Path | None:
    for folder in TESTS.parents:
        if (folder.parent / "shared" / "binance" / "sbe").is_dir():
            return folder.parent / "shared" / "binance"
    return None


OFFICIAL = _official_folder()
needs_official = pytest.mark.skipif(
    OFFICIAL is None, reason="Binance's own files, which are not ours to copy, are not beside this checkout"
)


def text(name: str) -> str:
    """The text of a file of ``tests/data``."""
    return (DATA / name).read_text(encoding="utf-8")


def methods() -> list[dict[str, Any]]:
    """The documented methods: parameters, weights, example requests and replies."""
    found: list[dict[str, Any]] = json.loads(text("methods.json"))["methods"]
    return found


def events() -> list[dict[str, Any]]:
    """The documented examples of events, each with its type and its JSON."""
    found: list[dict[str, Any]] = json.loads(text("events.json"))["events"]
    return found


def error_replies() -> list[dict[str, Any]]:
    """The documented examples of replies that are errors."""
    found: list[dict[str, Any]] = json.loads(text("events.json"))["errors"]
    return found


def error_codes() -> list[dict[str, Any]]:
    """The documented error codes, each with its name and its texts."""
    found: list[dict[str, Any]] = json.loads(text("events.json"))["error_codes"]
    return found


def signatures() -> list[dict[str, Any]]:
    """The documented examples of signatures, with the keys that Binance published for them."""
    found: list[dict[str, Any]] = json.loads(text("signing.json"))["vectors"]
    return found


def official_schema(name: str, version: int) -> bytes:
    """Binance's own XML of a schema."""
    assert OFFICIAL is not None
    number = {"spot": 3, "stream": 1}[name]
    return (OFFICIAL / "sbe" / f"{name}_{number}_{version}.xml").read_bytes()


def capture(name: str) -> bytes:
    """A frame that the exchange sent."""
    assert OFFICIAL is not None
    return (OFFICIAL / "captures" / f"{name}.sbe").read_bytes()
