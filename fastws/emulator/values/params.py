"""Parsers of parameters: the valid values of each type, and the documented errors for others.

A parser takes the name and the value as it was sent, and returns the value for handlers. The documentation does not say
what the exchange does with values of another JSON type. Here, a text is accepted for a documented number, and a number
for a documented text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .auth import Number, timestamp_us
from .decimals import UNIT
from .errors import refuse

__all__ = [
    "Parser",
    "boolean",
    "cancel_restrictions",
    "client_order_id",
    "decimal",
    "enum",
    "integer",
    "is_request_id",
    "parse_all",
    "permissions",
    "recv_window",
    "strategy_type",
    "symbol_name",
    "symbol_names",
    "text",
    "timestamp",
]

Parser: TypeAlias = Callable[[str, Any], Any]

_DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER = r"^[0-9]{1,20}$"
_CLIENT_ID = r"^[a-zA-Z0-9-_]{1,36}$"
_decimal = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?").fullmatch
_integer = re.compile(r"[0-9]{1,20}").fullmatch
_client_id = re.compile(r"[a-zA-Z0-9\-_]{1,36}").fullmatch
_MAX_RECV_WINDOW = 60_000
_MAX_LONG = 2**63 - 1


def text(name: str, value: Any) -> str:
    """STRING; most other parsers use this."""
    if isinstance(value, str):
        if value:
            return value
        raise refuse(-1105, name)
    if value is None:
        raise refuse(-1105, name)
    raise refuse(-1130, name)


def integer(name: str, value: Any) -> int:
    """INT and LONG."""
    digits = text(name, value)
    if not _integer(digits):
        raise refuse(-1100, name, _INTEGER)
    number = int(digits)
    if number > _MAX_LONG:
        raise refuse(-1108, name)
    return number


def decimal(name: str, value: Any) -> int:
    """DECIMAL with up to eight places; returned in units of 10^-8."""
    match = _decimal(text(name, value))
    if match is None:
        raise refuse(-1100, name, _DECIMAL)
    whole, fraction = match.groups()
    if fraction is None:
        return int(whole) * UNIT
    if len(fraction) > 8:
        if fraction[8:].strip("0"):
            raise refuse(-1111, name)
        fraction = fraction[:8]
    return int(whole) * UNIT + int(fraction.ljust(8, "0"))


def recv_window(name: str, value: Any) -> int:
    """recvWindow: milliseconds with up to three decimal places, at most 60000; returned in microseconds."""
    match = _decimal(text(name, value))
    if match is None:
        raise refuse(-1100, name, r"^[0-9]{1,20}(\.[0-9]{1,3})?$")
    whole, fraction = match.groups()
    if fraction is not None and fraction[3:].strip("0"):
        raise refuse(-1111, name)
    window = int(whole) * 1000 + int((fraction or "0")[:3].ljust(3, "0"))
    if window > _MAX_RECV_WINDOW * 1000:
        raise refuse(
            -1102, name, _MAX_RECV_WINDOW, msg="'%s' contains unexpected value. Cannot be greater than %s."
        )
    return window


def timestamp(name: str, value: Any) -> int:
    """A time in milliseconds or microseconds; returned in microseconds."""
    return timestamp_us(integer(name, value))


def boolean(name: str, value: Any) -> bool:
    """BOOLEAN, as JSON or as the text "true" or "false"."""
    if isinstance(value, bool):
        return value
    flag = text(name, value)
    if flag not in ("true", "false"):
        raise refuse(-1100, name, "^(true|false)$")
    return flag == "true"


def client_order_id(name: str, value: Any) -> str:
    """A client order id: 1 to 36 letters, digits, hyphens and underscores."""
    client_id = text(name, value)
    if not _client_id(client_id):
        raise refuse(-1100, name, _CLIENT_ID)
    return client_id


def enum(*values: str, code: int = -1130) -> Parser:
    """ENUM: one of the values; others are refused with ``code``."""
    allowed = frozenset(values)

    def parse(name: str, value: Any) -> str:
        choice = text(name, value)
        if choice not in allowed:
            raise refuse(-1130, name) if code == -1130 else refuse(code)
        return choice

    return parse


cancel_restrictions = enum("ONLY_NEW", "ONLY_PARTIALLY_FILLED", code=-1145)


def strategy_type(name: str, value: Any) -> int:
    """strategyType: values below 1000000 are reserved."""
    number = integer(name, value)
    if number < 1_000_000:
        raise refuse(-1134)
    return number


def symbol_name(name: str, value: Any) -> str:
    """The name of a symbol. The handler checks whether the symbol exists."""
    return text(name, value)


def symbol_names(name: str, value: Any) -> list[str]:
    """ARRAY of STRING: a JSON array of different symbols."""
    names = _texts(name, value)
    if len(set(names)) != len(names):
        raise refuse(-1151)
    return names


def permissions(name: str, value: Any) -> list[str]:
    """A list of permissions, or one permission."""
    return [text(name, value)] if isinstance(value, str) else _texts(name, value)


def _texts(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(type(item) is str for item in value):
        raise refuse(-1135, name, msg="JSON sent for parameter '%s' is not valid")
    if not value or not all(value):
        raise refuse(-1105, name)
    return value


def parse_all(
    params: Mapping[str, Any], parsers: Mapping[str, Parser], mandatory: tuple[str, ...]
) -> dict[str, Any]:
    """Parse the parameters of a request.

    Raises:
        Refusal: -1102, a mandatory parameter is missing; -1101 or -1104, there is an unknown one; or the error
            of a parser.
    """
    for name in mandatory:
        if params.get(name) is None:
            raise refuse(-1102, name)
    values = {}
    for name, value in params.items():
        parser = parsers.get(name)
        if parser is not None:
            values[name] = parser(name, value)
    if len(values) != len(params):
        if len(parsers) == 1:
            # Only returnRateLimits is known: the method itself has no parameters.
            own = len(params) - len(values)
            raise refuse(-1101, 0, own, msg="Too many parameters; expected '%s' and received '%s'.")
        raise refuse(-1104, len(values), len(params))
    return values


def is_request_id(value: Any) -> bool:
    """Whether the exchange accepts a request id: null, an integer, or a text like a client order id.

    The documentation says that ids are arbitrary; replies of the exchange show the limit on texts.
    """
    if value is None:
        return True
    if isinstance(value, Number):
        return value.lstrip("-").isdigit()
    return isinstance(value, str) and _client_id(value) is not None
