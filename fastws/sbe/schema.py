"""``Schema``: reads and writes SBE messages.

The modules that read schemas are imported when the first schema is made: a client of JSON needs none of them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .._common.shown import plain_text, shown
from .._native.sbe import DecodePlans, Reader, ResponseReader, view_message
from .._native.views import View

if TYPE_CHECKING:
    from .model import Model
    from .plan import BlockPlan

__all__ = ["Schema"]

Numbers = Literal["str", "float", "decimal"]
TimeUnit = Literal["ms", "us"]


class Schema:
    """A schema of SBE messages, of one version or of several successive versions.

    ``bundled()``, ``from_xml()`` and ``from_text()`` create it.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._readers: dict[tuple[str, str, bool], Reader] = {}

    @classmethod
    def bundled(cls, name: Literal["spot", "stream"], version: int | None = None) -> Schema:
        """A schema that comes with fastws: "spot" (3:0 to 3:5), or "stream" (1:0) of the market data streams.

        Args:
            name: the name of the schema.
            version: only this version; by default the newest one, which reads messages of older versions, too.

        Raises:
            ValueError: there is no such schema, or no such version.
        """
        schema = _bundled(plain_text(name))
        return schema if version is None else cls(schema.model.at(version))

    @classmethod
    def from_xml(cls, source: str | Path | bytes) -> Schema:
        """Read a schema in the XML form in which Binance publishes it.

        Args:
            source: the path of the file, or its bytes.

        Raises:
            SchemaError: the file is no schema, or fastws does not support it.
            OSError: the file cannot be read.
        """
        from .xml_reader import read_xml  # imported here: few programs read XML

        return cls(_checked(read_xml(source)))

    @classmethod
    def from_text(cls, text: str) -> Schema:
        """Read a schema in the compact form of fastws; see sbe/schemas/README.md.

        Raises:
            SchemaError: the text is no schema, or fastws does not support it. The message names the place.
        """
        from . import compact

        return cls(_checked(compact.loads(text)))

    @property
    def id(self) -> int:
        """The id of the schema, which the header of every message contains."""
        return self.model.id

    @property
    def version(self) -> int:
        """The newest version of the schema."""
        return self.model.version

    def __repr__(self) -> str:
        return f"<Schema {self.model.package} {self.id}:{self.version}>"

    def decode(self, data: bytes, *, numbers: Numbers = "str", time_unit: TimeUnit = "us") -> Any:
        """Decode a message to the value that the JSON API documents for the same content.

        Args:
            data: the bytes of one message.
            numbers: the type of decimals: "str" for exact texts, "float" (correctly rounded), or "decimal".
            time_unit: the unit of timestamps: "ms" or "us".

        Raises:
            SbeError: the bytes are no valid message of this schema; its ``path`` says where.
        """
        return self._reader(numbers, time_unit, False)(_bytes(data))

    def decode_native(self, data: bytes) -> dict[str, Any]:
        """Decode a message to the names and raw values of the schema: integers, mantissas, exponents; None for null.

        An enum becomes the name of its value, or the raw integer if that is unknown. A set becomes a list of names. An
        embedded message becomes {"template", "templateId", "schemaId", "version", "value"}.

        Raises:
            SbeError: as ``decode()``.
        """
        value: dict[str, Any] = self._reader("str", "us", True)(_bytes(data))
        return value

    def view(self, data: bytes, *, numbers: Numbers = "str", time_unit: TimeUnit = "us") -> View | list[Any]:
        """A read-only Mapping over a message, which decodes a field when you read it. It owns the bytes.

        It has the keys and values of ``decode()``, and the objects in it are Views, too. If the value of the message is
        an array, the result is a list, whose objects are Views.

        Raises:
            SbeError: the bytes are no message of this schema. A wrong field raises it only when you read the field.
        """
        return view_message(self._reader(numbers, time_unit, False), _bytes(data))

    def encode(self, message: str | int, value: dict[str, Any]) -> bytes:
        """Encode a message, with its header.

        Args:
            message: its name or its template id.
            value: in the form of ``decode_native()``. An element that is missing or None becomes null or empty.

        Raises:
            InvalidRequest: there is no such message, or a value does not fit; the text names it.
        """
        from .encoder import encode

        return encode(self.model, message, value)

    def plans(self, *, native: bool = False) -> DecodePlans:
        """New decode plans of this schema, which no other reader shares; ``native`` for decode_native()."""

        def compiled(template: int, version: int) -> BlockPlan | None:
            return _compiled(self, template, version, native)

        return DecodePlans(self.id, self.version, compiled)

    def response_reader(self, *, numbers: str, time_unit: str, views: bool) -> ResponseReader:
        """The reader of the messages of a connection.

        Raises:
            SchemaError: the schema has no WebSocketResponse in the form that fastws supports.
        """
        from .envelope import response_layout

        return ResponseReader(Reader(self.plans(), numbers, time_unit), response_layout(self.model), views)

    def _reader(self, numbers: str, time_unit: str, native: bool) -> Reader:
        reader = self._readers.get((numbers, time_unit, native))
        if reader is None:
            numbers, time_unit = plain_text(numbers), plain_text(time_unit)
            key = (numbers, time_unit, native)
            reader = self._readers[key] = Reader(self.plans(native=native), numbers, time_unit, native)
        return reader


def _checked(model: Model) -> Model:
    """The model, if all its plans can be compiled: an unsupported schema raises here, and not at its first message."""
    from .plan import compile_all

    compile_all(model)
    return model


def _bytes(data: bytes) -> bytes:
    return data if type(data) is bytes else bytes(memoryview(data))


def _compiled(schema: Schema, template: int, version: int, native: bool) -> BlockPlan | None:
    message = schema.model.messages.get(template)
    if message is None or (message.removed is not None and version >= message.removed):
        return None
    from .plan import compile_message

    return compile_message(schema.model, message, version, "native" if native else "json")


@cache
def _bundled(name: str) -> Schema:
    if name not in ("spot", "stream"):
        raise ValueError(f"expected 'spot' or 'stream', got {shown(name)}")
    from importlib import resources

    from . import compact

    file = resources.files(__package__) / "schemas" / f"{name}.sbe"
    return Schema(compact.loads(file.read_text("utf-8")))
