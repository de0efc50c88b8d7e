"""SBE, Binance's binary format: ``Schema`` reads and writes its messages."""

from ..errors import SbeError
from .model import SchemaError
from .schema import Schema

__all__ = ["SbeError", "Schema", "SchemaError"]
