"""Short texts of any values, for errors, logs and ``repr()``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["LONGEST", "masked", "near", "plain_text", "short", "shown"]

LONGEST = 200  # characters: the default length at which a value is cut


def shown(value: object, longest: int = LONGEST) -> str:
    """The ``repr()`` of a value, cut to ``longest`` characters. It never raises."""
    try:
        if isinstance(
            value, (str, bytes)
        ):  # repr() only of the part that is shown: the value may have megabytes
            kind = str if isinstance(value, str) else bytes
            text = repr(kind.__getitem__(value, slice(longest)))  # type: ignore[index]
            if len(value) <= longest and len(text) <= longest + 3:  # 3 for the b and the quotes
                return text
            unit = "characters" if kind is str else "bytes"
            return f"{text[:longest]}... ({len(value)} {unit})"
        text = repr(value)
    except Exception:  # __repr__ of the value raised
        return "an int of too many digits" if isinstance(value, int) else "a value that has no repr()"
    return short(text, longest)


def short(text: str, longest: int = LONGEST) -> str:
    """A text, cut to ``longest`` characters."""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"


def plain_text(value: Any) -> Any:
    """An instance of a subclass of str, such as a member of an enum, as a str; any other value unchanged."""
    return str.__str__(value) if isinstance(value, str) else value


def near(name: object, names: Iterable[str]) -> str | None:
    """The most similar of the names, for a hint in an error; None if none is similar."""
    from difflib import get_close_matches  # imported here: only an error needs it

    found = get_close_matches(name, list(names), 1) if isinstance(name, str) and len(name) <= LONGEST else ()
    return found[0] if found else None


def masked(message: bytes) -> str:
    """The beginning of a message, with everything that looks like a key replaced, for logs and exceptions."""
    # replace before the cut: a part of a key would not be recognised
    text = repr(re.sub(rb"[A-Za-z0-9+/]{32,}={0,2}", b"...", message[:4096])[:80])[1:]
    return text + (f"... ({len(message)} bytes)" if len(message) > 80 else "")
