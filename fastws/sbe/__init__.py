"""SBE, Binance's binary format: ``Schema`` reads and writes its messages."""

from typing import TYPE_CHECKING, Any

from ..errors import SbeError
from .schema import Schema

if TYPE_CHECKING:
    from .model import SchemaError

__all__ = ["SbeError", "Schema", "SchemaError"]


def __getattr__(name: str) -> Any:
    """Import the module of SchemaError at the first look: only who reads a schema needs it."""
    if name == "SchemaError":
        from .model import SchemaError

        globals()[name] = SchemaError
        return SchemaError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
