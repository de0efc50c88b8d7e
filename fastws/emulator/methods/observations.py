"""What was observed of the readings at the real exchange: the record that ``python -m fastws verify`` writes.

``observed.json`` beside this file is the record of this package. To renew it, put the file of a run against the test
network, or against production, in its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["RECORD", "Observation", "RecordError", "load"]

RECORD = Path(__file__).with_name("observed.json")


class RecordError(ValueError):
    """A file is no record of observations; the text says what is wrong with it."""


class Observation(NamedTuple):
    """What was observed of one reading.

    Attributes:
        verdict: "observed", or "refuted" if something else was observed.
        text: what was observed.
        date: the day of the run, UTC, as in 2026-11-28.
        build: what observed it, as in "fastws 0.1.0".
        endpoint: where: "testnet", "prod", "demo" or "other".
    """

    verdict: str
    text: str
    date: str
    build: str
    endpoint: str

    def __str__(self) -> str:
        where = "another endpoint" if self.endpoint == "other" else self.endpoint
        return f"{self.verdict} ({self.date}, {self.build}, {where})"


def load(path: Path, topics: frozenset[str]) -> Mapping[str, Observation]:
    """The observations of a record, by the topics of their readings; what stayed unclear is left out.

    Raises:
        RecordError: the file cannot be read, is no record, or has a topic that is none of ``topics``.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise RecordError(f"{path}: it is not JSON") from None
    try:
        rows = record["readings"]
        if not rows:
            return {}
        run = [_text(record, name) for name in ("date", "build", "endpoint")]
        found = {_text(row, "topic"): (_text(row, "verdict"), _text(row, "observed")) for row in rows}
    except (KeyError, TypeError):
        raise RecordError(f"{path}: it is no record of python -m fastws verify") from None
    unknown = found.keys() - topics
    if unknown:
        raise RecordError(f"{path}: there is no reading {min(unknown)!r}; it is of another version")
    observations = {}
    for topic, (verdict, text) in found.items():
        if verdict in ("observed", "refuted"):
            observations[topic] = Observation(verdict, text, *run)
        elif verdict != "unclear":
            raise RecordError(f"{path}: {verdict!r} is no verdict on {topic!r}")
    return observations


def _text(holder: Any, name: str) -> str:
    value = holder[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value
