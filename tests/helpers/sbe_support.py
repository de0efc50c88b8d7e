"""What the tests of SBE share: random native values, bytes by hand, and the JSON that the documentation shows.

The folder tests/sbe must not become a package: it would hide the package ``sbe`` that tests compare with.
"""

from __future__ import annotations

import dataclasses
import random
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastws.sbe import Schema
from fastws.sbe.model import Data, Enum, Field, Group, Message, Model, Scalar, VarData

HEADER = struct.Struct("<4H")
FLOATS = ("float", "double")

# Texts around what the decoder treats apart: eight and sixteen bytes, ASCII or not, and a digit in front.
TEXTS = ("", "a", "7", "BTC", "ETHUSDT", "BTCUSDT8", "1234567", "x" * 15, "x" * 16, "x" * 17, "x" * 33)
TEXTS += ("é", "这是测试币456", "\x7f\x01", "0" * 16, "ä" * 8, "a" * 15 + "é", "NONE")


def header(block_length: int, template: int, schema: int = 3, version: int = 5) -> bytes:
    return HEADER.pack(block_length, template, schema, version)


def bits_of(primitive: str) -> int:
    return 8 * Scalar("", primitive).size


def range_of(primitive: str) -> tuple[int, int]:
    """The smallest and the largest integer that is not the null value."""
    bits = bits_of(primitive)
    return (0, 2**bits - 2) if primitive.startswith("u") else (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1)


class Values:
    """Random native values of messages.

    Args:
        nulls: how often an optional element is null.
        strangers: with values that an enum, and bits that a set does not know.
        exponents: what exponents are taken from.
    """

    def __init__(
        self,
        model: Model,
        rng: random.Random,
        *,
        nulls: float = 0.3,
        strangers: bool = False,
        exponents: tuple[int, ...] = (-8, -8, -2, 0, 3, -18, -128, 127),
    ) -> None:
        self.model, self.rng, self.nulls = model, rng, nulls
        self.strangers, self.exponents = strangers, exponents

    def message(self, message: Message, depth: int = 0) -> dict[str, Any]:
        return self._block(message, depth)

    def _block(self, block: Message | Group, depth: int) -> dict[str, Any]:
        rng = self.rng
        value: dict[str, Any] = {item.name: self._field(item) for item in block.fields}
        for group in block.groups:
            count = rng.choice((0, 1, 1, 2, 5)) if depth < 2 else rng.choice((0, 1))
            if group.name == "listStatus":
                count = min(count, 1)  # all that the exchange sends
            value[group.name] = [self._block(group, depth + 1) for _ in range(count)]
        for data in block.data:
            value[data.name] = self._data(data, depth)
        return value

    def _field(self, item: Field) -> Any:
        rng = self.rng
        kind = self.model.type_of(item)
        if item.constant is not None:
            return item.constant
        if item.optional and rng.random() < self.nulls:
            return None
        if isinstance(kind, Enum):
            names = [choice.name for choice in kind.choices]
            if not kind.is_set:
                low, high = range_of(kind.primitive)
                unknown = {*range(128), low, high, high + (not item.optional)} - {
                    c.value for c in kind.choices
                }
                return (
                    rng.choice(sorted(unknown))
                    if self.strangers and rng.random() < 0.2
                    else rng.choice(names)
                )
            found: list[Any] = sorted(rng.sample(names, rng.randrange(len(names) + 1)), key=names.index)
            known = {choice.value for choice in kind.choices}
            if self.strangers:
                found += [bit for bit in range(8 * kind.size) if bit not in known and rng.random() < 0.1]
                bits = {choice.name: choice.value for choice in kind.choices}
                found.sort(key=lambda bit: bits.get(bit, bit))
            return found
        assert isinstance(kind, Scalar)
        if kind.primitive == "char":
            return "".join(rng.choices("aBc", k=rng.randint(1, kind.length)))
        if kind.length not in (1, 16):
            single = dataclasses.replace(item, type=kind.primitive, optional=False)
            return [self._field(single) for _ in range(kind.length)]
        if kind.primitive in FLOATS:
            return float(rng.randrange(-10_000, 10_000)) / 8
        if item.type == "exponent8":
            return rng.choice([value for value in self.exponents if value != -128 or not item.optional])
        if kind.length == 16:
            return rng.choice((0, 1, -1, rng.getrandbits(126), -rng.getrandbits(126), rng.getrandbits(63)))
        low, high = range_of(kind.primitive)
        return rng.choice((low, high, 0, 1, max(low, -1), rng.randint(low, high), rng.randrange(100)))

    def _data(self, data: Data, depth: int) -> Any:
        rng = self.rng
        kind = self.model.types[data.type]
        assert isinstance(kind, VarData)
        if kind.optional and rng.random() < self.nulls:
            return None
        if kind.holds == "text":
            return rng.choice([text for text in TEXTS if text or not kind.optional])
        # what fits behind a length of eight bits, and no more nesting than a few
        small = [message for message in self.model.messages.values() if message.id < 30]
        any_ = [message for message in self.model.messages.values() if message.id != 50]
        if data.name == "data":
            any_ = [message for message in any_ if message.name == "CancelReplaceOrderResponse"] or any_
        message = rng.choice(any_ if kind.length != "uint8" and depth < 2 else small)
        return {
            "template": message.name,
            "templateId": message.id,
            "schemaId": self.model.id,
            "version": self.model.version,
            "value": self.message(message, depth + 2),
        }


def encoded(schema: Schema, message: Message, values: Values) -> tuple[dict[str, Any], bytes]:
    """A random value and its bytes."""
    while True:
        value = values.message(message)
        try:
            return value, schema.encode(message.id, value)
        except ValueError as exc:
            # a filter with a long text does not fit a length of eight bits
            if "more than its length can say" not in str(exc):
                raise


def samples(
    schema: Schema, model: Model, seed: int, each: int, **options: Any
) -> Iterator[tuple[Message, dict[str, Any], bytes]]:
    """Each message of a model, several times, with random values."""
    rng = random.Random(seed)
    for message in model.messages.values():
        for _ in range(each):
            yield message, *encoded(schema, message, Values(model, rng, **options))


def opened(value: Any) -> Any:
    """What a view shows, read field by field."""
    if isinstance(value, Mapping):
        return {key: opened(value[key]) for key in value}
    if isinstance(value, list):
        return [opened(entry) for entry in value]
    return value


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value whose objects were changed, from within to without."""
    if isinstance(value, dict):
        return change({key: changed(entry, change) for key, entry in value.items()})
    if isinstance(value, list):
        return [changed(entry, change) for entry in value]
    return value


def fixed_point(mantissa: int, exponent: int) -> str:
    """A decimal as the JSON API writes it."""
    sign, digits = "-" if mantissa < 0 else "", str(abs(mantissa))
    if exponent >= 0:
        return sign + digits + "0" * (exponent if mantissa else 0)
    digits = digits.rjust(1 - exponent, "0")
    return f"{sign}{digits[:exponent]}.{digits[exponent:]}"
