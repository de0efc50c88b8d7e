"""SBE: Binance's binary format. ``Schema`` reads and writes its messages."""

from ..errors import SbeError
from .schema import Schema
from .xml_reader import SchemaError

__all__ = ["SbeError", "Schema", "SchemaError"]
