"""Schema: what to read and write SBE messages with."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from .._sbe import Decoder, Plans
from . import compact
from .encoder import encode
from .model import Model
from .plan import BlockPlan, compile_message
from .xml_reader import read_xml

__all__ = ["Schema"]

Numbers = Literal["str", "float", "decimal"]
TimeUnit = Literal["ms", "us"]


class Schema:
    """A schema of SBE messages: of one version, or of several that grew out of one another.

    Made by ``bundled()``, ``from_xml()`` or ``from_text()``.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._decoders: dict[tuple[str, str, bool], Decoder] = {}

    @classmethod
    def bundled(cls, name: Literal["spot", "stream"], version: int | None = None) -> Schema:
        """A schema that comes with fastws: "spot" (3:0 to 3:5), or "stream" (1:0) of the market data streams.

        Args:
            name: which.
            version: as it was in one version; by default the newest one, which reads the older ones, too.

        Raises:
            ValueError: there is no such schema, or no such version.
        """
        schema = _bundled(name)
        return schema if version is None else cls(schema.model.at(version))

    @classmethod
    def from_xml(cls, source: str | Path | bytes) -> Schema:
        """A schema as Binance publishes it.

        Args:
            source: the path of the file, or its bytes.

        Raises:
            SchemaError: it is no schema, or one that fastws does not understand.
            OSError: the file cannot be read.
        """
        return cls(read_xml(source))

    @classmethod
    def from_text(cls, text: str) -> Schema:
        """A schema in the compact form; see sbe/schemas/README.md.

        Raises:
            SchemaError: it is none; the message names the line.
        """
        return cls(compact.loads(text))

    @property
    def id(self) -> int:
        """The schema's id, as in every message's header."""
        return self.model.id

    @property
    def version(self) -> int:
        """The newest version that it knows."""
        return self.model.version

    def __repr__(self) -> str:
        return f"<Schema {self.model.package} {self.id}:{self.version}>"

    def decode(self, data: bytes, *, numbers: Numbers = "str", time_unit: TimeUnit = "us") -> Any:
        """The value that the JSON API documents for a message's content.

        Args:
            data: the bytes of one message.
            numbers: decimals as exact texts ("str"), as correctly rounded floats ("float"), or "decimal".
            time_unit: of timestamps, "ms" or "us".

        Raises:
            SbeError: the bytes are no valid message of this schema; its path says where.
        """
        return self._decoder(numbers, time_unit, False)(_bytes(data))

    def decode_native(self, data: bytes) -> dict[str, Any]:
        """A message's own fields: names, raw integers, mantissas and exponents; None for null.

        Enums are the names of their values, an unknown one its raw integer; sets are lists of names; an embedded
        message is {"template", "templateId", "schemaId", "version", "value"}.

        Raises:
            SbeError: as ``decode()``.
        """
        value: dict[str, Any] = self._decoder("str", "us", True)(_bytes(data))
        return value

    def encode(self, message: str | int, value: dict[str, Any]) -> bytes:
        """The bytes of a message, header included.

        Args:
            message: its name or its template id.
            value: as ``decode_native()`` gives it; what is missing, or None, is null, or empty.

        Raises:
            InvalidRequest: there is no such message, or a value does not fit; the text names it.
        """
        return encode(self.model, message, value)

    def plans(self, *, native: bool = False) -> Plans:
        """Plans for the decoder, of one's own."""

        def compiled(template: int, version: int) -> BlockPlan | None:
            return _compiled(self, template, version, native)

        return Plans(self.id, self.version, compiled)

    def _decoder(self, numbers: str, time_unit: str, native: bool) -> Decoder:
        key = (numbers, time_unit, native)
        decoder = self._decoders.get(key)
        if decoder is None:
            decoder = Decoder(self.plans(native=native), numbers=numbers, time_unit=time_unit, native=native)
            self._decoders[key] = decoder
        return decoder


def _bytes(data: bytes) -> bytes:
    return data if isinstance(data, bytes) else bytes(memoryview(data))


def _compiled(schema: Schema, template: int, version: int, native: bool) -> BlockPlan | None:
    message = schema.model.messages.get(template)
    if message is None or (message.removed is not None and version >= message.removed):
        return None
    return compile_message(schema.model, message, version, "native" if native else "json")


@cache
def _bundled(name: str) -> Schema:
    if name not in ("spot", "stream"):
        raise ValueError(f"expected 'spot' or 'stream', got {name!r}")
    return Schema.from_text(resources.files(__package__).joinpath("schemas", f"{name}.sbe").read_text("utf-8"))
