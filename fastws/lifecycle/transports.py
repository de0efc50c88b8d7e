"""Reads what ``client.transport_info`` shows from the transport of a connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import picows

from .._common.tcp import smoothed_rtt, socket_of
from ..transport_info import TransportInfo
from .socket_options import read_options

__all__ = ["describe"]


def describe(transport: picows.WSTransport, refused: Mapping[str, str]) -> TransportInfo:
    """What is known of an open connection. ``refused``: the socket options that the system did not accept."""
    lower: Any = transport.underlying_transport
    tls = lower.get_extra_info("ssl_object")
    cipher = tls.cipher() if tls is not None else None
    kernel = ("ktls_send_enabled", "ktls_recv_enabled")
    options: dict[str, int] = {}
    local = peer = None
    try:
        with socket_of(lower) as sock:
            options = read_options(sock)
            local, peer = _address(sock.getsockname()), _address(sock.getpeername())
    except (OSError, AttributeError):  # it ends just now
        pass
    return TransportInfo(
        tls=tls is not None,
        engine=_engine(lower),
        kernel_tls=tls is not None and any(lower.get_extra_info(name) for name in kernel),
        tls_version=tls.version() if tls is not None else None,
        cipher=cipher[0] if cipher is not None else None,
        session_reused=tls is not None and bool(tls.session_reused),
        socket_options=options,
        refused=dict(refused),
        smoothed_rtt=smoothed_rtt(lower),
        local_address=local,
        peer_address=peer,
    )


def _engine(transport: Any) -> str:
    """Whose class a transport is of."""
    package = type(transport).__module__.partition(".")[0]
    return package if package in ("aiofastnet", "uvloop") else "asyncio"


def _address(given: Any) -> tuple[Any, ...]:
    """An address of a socket as address and port."""
    return tuple(given[:2])
