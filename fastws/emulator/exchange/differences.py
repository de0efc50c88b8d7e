"""Events whose fields differ between connections, for tests of clients that compare the events of two connections."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

__all__ = ["differing"]


def differing(event: dict[str, Any], names: Collection[str], connection: int) -> dict[str, Any]:
    """The event as the connection of a number shows it: the values of the fields ``names`` differ between connections.

    A number grows by the connection's number, and so do the places behind the point of a decimal text (without a point,
    the whole), which keeps its length. Any other text gets the number at its end. A list or an object differs in all
    its values. true, false and null stay as they are.
    """
    changed = {name: _other(event[name], connection) for name in names if name in event}
    return {**event, **changed} if changed else event


def _other(value: Any, connection: int) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return value + connection
    if isinstance(value, str):
        return _other_text(value, connection)
    if isinstance(value, list):
        return [_other(each, connection) for each in value]
    return {name: _other(each, connection) for name, each in value.items()}


def _other_text(text: str, connection: int) -> str:
    whole, point, places = text.rpartition(".")
    if not point and places.startswith("-"):
        whole, places = "-", places[1:]
    if not places.isdecimal() or not (whole.removeprefix("-").isdecimal() or whole in ("", "-")):
        return f"{text}{connection}"
    number = (int(places) + connection) % 10 ** len(places)
    return f"{whole}{point}{number:0{len(places)}}"
