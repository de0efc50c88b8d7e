"""What the operating system knows of a TCP connection, where it tells."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

__all__ = ["limit_unacknowledged", "seconds_since_data", "smoothed_rtt", "socket_of"]

# Offsets in Linux' struct tcp_info: tcpi_last_data_recv, the milliseconds since the last data came, and tcpi_rtt, the
# smoothed round trip time in microseconds.
_LAST_DATA = 52
_RTT = 68
_LINUX = hasattr(socket, "TCP_INFO") and os.name == "posix"


@contextlib.contextmanager
def socket_of(transport: Any) -> Iterator[socket.socket]:
    """A socket of this process for the connection of a transport; uvloop's own one takes no options.

    Raises:
        OSError, AttributeError: there is none any more.
    """
    own = transport.get_extra_info("socket")
    if os.name == "nt":  # it cannot be duplicated there by its number, and uvloop is not there
        yield own
        return
    with socket.socket(fileno=os.dup(own.fileno())) as copy:
        yield copy


def _tcp_info(transport: Any, offset: int) -> int | None:
    """A number of 32 bits of the system's struct tcp_info; None where the system does not tell."""
    if not _LINUX:
        return None
    try:
        with socket_of(transport) as own:
            info = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, offset + 4)
        (value,) = struct.unpack_from("I", info, offset)
    except (OSError, AttributeError, struct.error):
        return None
    return int(value)


def seconds_since_data(transport: Any) -> float | None:
    """Seconds since the last bytes came on the connection of a transport; None where the system does not tell."""
    milliseconds = _tcp_info(transport, _LAST_DATA)
    return None if milliseconds is None else milliseconds / 1000


def smoothed_rtt(transport: Any) -> float | None:
    """The kernel's smoothed round trip time of the connection of a transport, in seconds; None where unknown."""
    microseconds = _tcp_info(transport, _RTT)
    return None if microseconds is None else microseconds / 1e6


def limit_unacknowledged(transport: Any, seconds: float) -> None:
    """End the connection of a transport when data was not acknowledged for so long (TCP_USER_TIMEOUT, RFC 5482).

    Where there is no such option, nothing happens.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        return
    with contextlib.suppress(OSError, AttributeError), socket_of(transport) as own:
        own.setsockopt(socket.IPPROTO_TCP, option, max(1, min(int(seconds * 1000), 2**31 - 1)))
