"""Values as the texts of errors, of logs and of ``repr()`` show them: short, whatever they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["LONGEST", "masked", "near", "plain_text", "short", "shown"]

LONGEST = 200  # characters of one value


def shown(value: object, longest: int = LONGEST) -> str:
    """The ``repr()`` of a value, cut where it is longer. It never raises."""
    try:
        if isinstance(value, (str, bytes)):  # what is cut off is not looked at: it may be megabytes
            kind = str if isinstance(value, str) else bytes
            text = repr(kind.__getitem__(value, slice(longest)))  # type: ignore[index]
            if len(value) <= longest and len(text) <= longest + 3:  # with b and its quotes
                return text
            unit = "characters" if kind is str else "bytes"
            return f"{text[:longest]}... ({len(value)} {unit})"
        text = repr(value)
    except Exception:  # of a value's own __repr__
        return "an int of too many digits" if isinstance(value, int) else "a value that has no repr()"
    return short(text, longest)


def short(text: str, longest: int = LONGEST) -> str:
    """A text, cut where it is longer."""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"


def plain_text(value: Any) -> Any:
    """The characters of a subclass of str, such as an enum's member, as a plain str; any other value as it is."""
    return str.__str__(value) if isinstance(value, str) else value


def near(name: object, names: Iterable[str]) -> str | None:
    """The one of the names that may be meant."""
    from difflib import get_close_matches  # imported here: only an error needs it

    found = get_close_matches(name, list(names), 1) if isinstance(name, str) and len(name) <= LONGEST else ()
    return found[0] if found else None


def masked(message: bytes) -> str:
    """How a message begins, without what looks like a key: that is for no log and no exception."""
    # a key must not be cut before it is known as one
    text = repr(re.sub(rb"[A-Za-z0-9+/]{32,}={0,2}", b"...", message[:4096])[:80])[1:]
    return text + (f"... ({len(message)} bytes)" if len(message) > 80 else "")
