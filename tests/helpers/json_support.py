"""What the tests of the JSON decoder share: simdjson's kernels in turn, and json.loads as the judge."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

import fastws
from fastws import JsonError
from fastws._native import json as _json

DEPTH = 1024

# What fastws refuses and json.loads reads: by the reason that is given, and what the document must then hold.
REFUSED_BY_FASTWS_ALONE = {
    "a lone surrogate": re.compile(rb"\\u[dD][89a-fA-F]"),
    "a number out of range": re.compile(rb"\d[eE]\+?\d{2}|\d{300}"),
    "not JSON": re.compile(rb"NaN|Infinity"),
    "not a number of JSON": re.compile(rb"-Infinity"),
}

TOO_MANY_DIGITS = re.compile(rb"\d{4301}")


@pytest.fixture(scope="module", params=_json.kernels())
def each_kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    """The tests of a module under each of simdjson's kernels that this processor has."""
    before = _json.kernel()
    _json.select_kernel(request.param)
    yield request.param
    _json.select_kernel(before)


def same(found: Any, expected: Any) -> bool:
    """Equal in types, in the order of keys, and in the sign of zero, too."""
    return bool(found == expected) and repr(found) == repr(expected)


def reads(document: bytes | str) -> Any:
    """The document's value, which must be that of json.loads."""
    value = fastws.loads(document)
    assert same(value, json.loads(document)), document
    return value


def refusal(document: bytes | str) -> JsonError:
    """The error that the document ends in."""
    with pytest.raises(JsonError) as caught:
        fastws.loads(document)
    return caught.value


def expected_position(document: bytes) -> int | None:
    """Where json.loads gives up, in bytes; None where it reads the document."""
    try:
        text = document.decode()
    except UnicodeDecodeError as exc:
        return exc.start
    try:
        json.loads(text)
    except json.JSONDecodeError as exc:
        return len(text[: exc.pos].encode())
    except (ValueError, RecursionError):
        pass
    return None


def _never(word: str) -> Any:
    raise AssertionError(f"fastws read a document with {word}")


def justified(error: JsonError, document: bytes) -> bool:
    """Whether a document that json.loads reads is refused for a reason that the documentation names."""
    if TOO_MANY_DIGITS.search(document):
        return True  # json.loads gives up there with another error, whatever stands behind
    pattern = REFUSED_BY_FASTWS_ALONE.get(error.reason)
    return pattern is not None and pattern.search(document) is not None


def judge(document: bytes) -> bool:
    """Hold what fastws makes of any bytes against json.loads; True where both read them."""
    error = None
    try:
        found = fastws.loads(document)
    except JsonError as exc:
        error = exc
    if error is None:
        expected = json.loads(document.decode(), parse_constant=_never)
        assert same(found, expected), document
        return True
    position = expected_position(document)
    if position is None:
        assert justified(error, document), (document, error)
        assert 0 <= error.position < len(document)
    else:
        assert error.position == position, (document, error)
    return False


DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
MAKERS: dict[str, Callable[[str], float | Decimal]] = {"float": float, "decimal": Decimal}


def agrees(found: Any, expected: Any, numbers: str) -> bool:
    """The same, but for decimals that were texts and are numbers now."""
    if isinstance(expected, str) and not isinstance(found, str):
        return DECIMAL.fullmatch(expected) is not None and repr(found) == repr(MAKERS[numbers](expected))
    if isinstance(expected, dict):
        if type(found) is not dict or list(found) != list(expected):
            return False
        return all(agrees(found[key], value, numbers) for key, value in expected.items())
    if isinstance(expected, list):
        if type(found) is not list or len(found) != len(expected):
            return False
        return all(agrees(one, other, numbers) for one, other in zip(found, expected, strict=True))
    return same(found, expected)


def nested(depth: int, core: str = "1", left: str = "[", right: str = "]") -> str:
    return left * depth + core + right * depth


def is_infinite(text: str) -> bool:
    return math.isinf(float(text))
