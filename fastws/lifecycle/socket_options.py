"""The socket options of ``connect(socket_options=)``: checks them, sets them on a new socket, and reads them.

The names are those of socket(7), ip(7) and tcp(7). What the system refuses does not end an attempt to connect: it is
told in ``client.transport_info.refused``.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .._common.shown import shown
from .._common.tcp import socket_of
from ..errors import InvalidRequest

__all__ = ["NAMES", "check_socket_options", "read_options", "set_acknowledgements", "set_options"]

_LINUX = sys.platform == "linux"
_TCLASS = getattr(socket, "IPPROTO_IPV6", None), getattr(socket, "IPV6_TCLASS", None)


class _Option(NamedTuple):
    """A socket option: its level, its number (None where the system has none), the values that it may have."""

    level: int
    number: int | None
    least: int = 0
    most: int = 2**31 - 1


def _number(name: str, on_linux: int) -> int | None:
    """The number of an option, which some versions of Python do not name."""
    found: int | None = getattr(socket, name, on_linux if _LINUX else None)
    return found


# In the order in which they are set: Linux derives SO_PRIORITY from IP_TOS (ip(7)), so it comes behind it.
_OPTIONS = {
    "SO_RCVBUF": _Option(socket.SOL_SOCKET, socket.SO_RCVBUF, 1),
    "SO_SNDBUF": _Option(socket.SOL_SOCKET, socket.SO_SNDBUF, 1),
    "IP_TOS": _Option(socket.IPPROTO_IP, getattr(socket, "IP_TOS", None), 0, 255),
    "SO_PRIORITY": _Option(socket.SOL_SOCKET, _number("SO_PRIORITY", 12)),
    "SO_MARK": _Option(socket.SOL_SOCKET, _number("SO_MARK", 36)),
    "SO_BUSY_POLL": _Option(socket.SOL_SOCKET, _number("SO_BUSY_POLL", 46)),
    "SO_PREFER_BUSY_POLL": _Option(socket.SOL_SOCKET, _number("SO_PREFER_BUSY_POLL", 69), 0, 1),
    "SO_BUSY_POLL_BUDGET": _Option(socket.SOL_SOCKET, _number("SO_BUSY_POLL_BUDGET", 70), 0, 65535),
    "TCP_THIN_LINEAR_TIMEOUTS": _Option(socket.IPPROTO_TCP, _number("TCP_THIN_LINEAR_TIMEOUTS", 16), 0, 1),
    "TCP_QUICKACK": _Option(socket.IPPROTO_TCP, _number("TCP_QUICKACK", 12), 0, 1),
}
_BUFFERS = ("SO_RCVBUF", "SO_SNDBUF")
NAMES = tuple(_OPTIONS)


def check_socket_options(given: Any) -> Mapping[str, int]:
    """A copy of the options, which nobody can change.

    Raises:
        InvalidRequest: they are no mapping, a name is unknown, or a value is no number that the option can have.
    """
    if given is None:
        return MappingProxyType({})
    if not isinstance(given, Mapping):
        raise InvalidRequest(
            f"socket_options: expected a mapping of names to numbers, such as {{'SO_PRIORITY': 6}}, got {shown(given)}"
        )
    for name, value in given.items():
        option = _OPTIONS.get(name) if isinstance(name, str) else None
        if option is None:
            raise InvalidRequest(f"socket_options: expected one of {', '.join(NAMES)}, got {shown(name)}")
        if isinstance(value, bool) or not isinstance(value, int) or not option.least <= value <= option.most:
            raise InvalidRequest(
                f"socket_options: {name}: expected a number from {option.least} to {option.most},"
                f" got {shown(value)}"
            )
    return MappingProxyType({name: given[name] for name in NAMES if name in given})


def _of(sock: socket.socket, name: str) -> tuple[int, int | None]:
    """The level and the number of an option on this socket; IPv6 has a traffic class in place of IP_TOS."""
    if name == "IP_TOS" and sock.family == getattr(socket, "AF_INET6", None):
        level, number = _TCLASS
        return level or 0, number
    return _OPTIONS[name].level, _OPTIONS[name].number


def set_options(sock: socket.socket, options: Mapping[str, int]) -> dict[str, str]:
    """Set the options of a new socket that is not connected yet, all but TCP_QUICKACK.

    Returns:
        those that the system did not accept, or not as they were given, and why.
    """
    refused = {}
    for name, value in options.items():
        if name != "TCP_QUICKACK":
            why = _set(sock, name, value)
            if why is not None:
                refused[name] = why
    return refused


def set_acknowledgements(transport: Any, options: Mapping[str, int]) -> dict[str, str]:
    """Set TCP_QUICKACK of a connection, if the options have it; the result is as that of set_options().

    Linux sets it back by itself, among others when data is sent, as in the handshakes (tcp(7)). So it is set when the
    connection is ready. To set it again after each message would cost a system call a message.
    """
    if "TCP_QUICKACK" not in options:
        return {}
    try:
        with socket_of(transport) as sock:
            why = _set(sock, "TCP_QUICKACK", options["TCP_QUICKACK"])
    except (OSError, AttributeError) as exc:
        why = str(exc)
    return {} if why is None else {"TCP_QUICKACK": why}


def _set(sock: socket.socket, name: str, value: int) -> str | None:
    """Set one option; the result says why it is not as it was given."""
    level, number = _of(sock, name)
    if number is None:
        return f"this system has no {name}"
    try:
        sock.setsockopt(level, number, value)
        if name == "TCP_QUICKACK":
            return None  # what the system reports is whether it delays acknowledgements at present
        got = sock.getsockopt(level, number)
    except OSError as exc:
        return exc.strerror or str(exc)
    wanted = 2 * value if name in _BUFFERS and _LINUX else value
    if name in _BUFFERS:
        if got >= wanted:
            return None
        limit = (
            f"net.core.{'rmem' if name == 'SO_RCVBUF' else 'wmem'}_max" if _LINUX else "the system's limit"
        )
        return f"the system gives {got // 2 if _LINUX else got} of {value} bytes: {limit}"
    return None if got == wanted else f"the system made {got} of {value}"


def read_options(sock: socket.socket) -> dict[str, int]:
    """The options of a socket, as the system reports them; those that it cannot read are left out."""
    found = {}
    for name in NAMES:
        level, number = _of(sock, name)
        if number is not None:
            try:
                found[name] = sock.getsockopt(level, number)
            except OSError:
                continue
    return found
