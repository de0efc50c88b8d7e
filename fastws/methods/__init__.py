"""The methods of Binance's WebSocket API: the table of them, and the wrappers that follow from it."""

from .parameters import PARAMETERS
from .table import METHODS, Method
from .wrappers import Methods

__all__ = ["METHODS", "PARAMETERS", "Method", "Methods"]
