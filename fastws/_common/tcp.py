"""What the operating system knows of a TCP connection, where it tells."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

__all__ = ["limit_unacknowledged", "seconds_since_data"]

# The offset of tcpi_last_data_recv in Linux' struct tcp_info: milliseconds since the last data came.
_LAST_DATA = 52
_LINUX = hasattr(socket, "TCP_INFO") and os.name == "posix"


@contextlib.contextmanager
def _socket_of(transport: Any) -> Iterator[socket.socket]:
    """A socket of this process for the connection of a transport; uvloop's own one takes no options."""
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as own:
        yield own


def seconds_since_data(transport: Any) -> float | None:
    """Seconds since the last bytes came on the connection of a transport; None where the system does not tell."""
    if not _LINUX:
        return None
    try:
        with _socket_of(transport) as own:
            info = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA + 4)
        (milliseconds,) = struct.unpack_from("I", info, _LAST_DATA)
    except (OSError, AttributeError, struct.error):
        return None
    return float(milliseconds) / 1000


def limit_unacknowledged(transport: Any, seconds: float) -> None:
    """End the connection of a transport when data was not acknowledged for so long (TCP_USER_TIMEOUT, RFC 5482).

    Where there is no such option, nothing happens.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        return
    with contextlib.suppress(OSError, AttributeError), _socket_of(transport) as own:
        own.setsockopt(socket.IPPROTO_TCP, option, max(1, min(int(seconds * 1000), 2**31 - 1)))
