"""The methods of Binance's WebSocket API: their table, and the wrappers made from it."""

from .parameters import PARAMETERS
from .table import METHODS, Method
from .wrappers import Methods

__all__ = ["METHODS", "PARAMETERS", "Method", "Methods"]
