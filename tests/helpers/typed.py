"""Checks a value against a type of fastws.types at run time: keys, required and not, and their values, nested."""

from __future__ import annotations

import types
import typing
from decimal import Decimal
from functools import cache

import fastws.types

NUMBER = fastws.types.Number
KLINE = (int, *[NUMBER] * 5, int, NUMBER, int, NUMBER, NUMBER, str)


@cache
def hints(cls):
    return typing.get_type_hints(cls, include_extras=True)


def faults(value, kind, path="$"):
    """What is wrong with a value, as lines that name the place; none where it is of the type."""
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _annotated(value, kind.__metadata__[0], path)
    if origin in (types.UnionType, typing.Union):
        return _union(value, typing.get_args(kind), path)
    if origin is typing.Literal:
        return (
            []
            if value in typing.get_args(kind)
            else [f"{path}: {value!r} is none of {typing.get_args(kind)}"]
        )
    if origin is list:
        if type(value) is not list:
            return [f"{path}: {value!r} is no list"]
        (item,) = typing.get_args(kind)
        return [fault for i, each in enumerate(value) for fault in faults(each, item, f"{path}[{i}]")]
    if typing.is_typeddict(kind):
        return _keys(value, kind, path)
    if kind is type(None):
        return [] if value is None else [f"{path}: {value!r} is not None"]
    assert kind in (int, str, bool), f"{path}: the checker does not know {kind}"
    return [] if type(value) is kind else [f"{path}: {value!r} is no {kind.__name__}"]


def _annotated(value, what, path):
    if what == "decimal":
        return [] if isinstance(value, (str, float, Decimal)) else [f"{path}: {value!r} is no decimal"]
    assert what == "kline"
    if type(value) is not list or len(value) != 12:
        return [f"{path}: {value!r} is no kline"]
    return [fault for i, each in enumerate(value) for fault in faults(each, KLINE[i], f"{path}[{i}]")]


def _union(value, kinds, path):
    """The faults of the kind that fits best: of TypedDicts with a tag, that of the tag."""
    found = [faults(value, kind, path) for kind in kinds]
    return min(found, key=len)


def _keys(value, cls, path):
    if type(value) is not dict:
        return [f"{path}: {value!r} is no dict"]
    known = hints(cls)
    missing = [f"{path}.{key}: is missing ({cls.__name__})" for key in cls.__required_keys__ - value.keys()]
    unknown = [f"{path}.{key}: is not in {cls.__name__}" for key in value.keys() - known.keys()]
    wrong = [
        fault
        for key, each in value.items()
        if key in known
        for fault in faults(each, known[key], f"{path}.{key}")
    ]
    return missing + unknown + wrong


def kind_of(text):
    """The type that a text of the method table names: "list[Order]"."""
    return eval(text, {"list": list}, vars(fastws.types))


def best(value, kinds):
    """The least that is wrong with a value, by one of several types."""
    return min((faults(value, kind) for kind in kinds), key=len)


def kinds_of(method):
    """The types that the result of a method may have, MINI ones of several symbols included."""
    found = [kind_of(text) for text in method.results.values()]
    if "MINI" in method.results:
        found.append(list[kind_of(method.results["MINI"])])
    return found
