"""``TransportInfo``: how the bytes of a connection travel, which ``client.transport_info`` shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TransportInfo"]


@dataclass(frozen=True)
class TransportInfo:
    """The transport of the connection that carries the requests, as it is when ``client.transport_info`` is read.

    Attributes:
        tls: whether the connection is encrypted. With an https proxy and a ``ws://`` URL, that is the way to the proxy.
        engine: whose transports move the bytes: "aiofastnet", "uvloop" or "asyncio".
        kernel_tls: whether the kernel encrypts or decrypts (kTLS). It needs aiofastnet's engine, Linux with the module
            ``tls``, OpenSSL 3, and ``ssl.OP_ENABLE_KTLS`` (Python 3.12) in the options of ``connect(ssl_context=)``.
        tls_version: the version of TLS, e.g. "TLSv1.3"; None without TLS.
        cipher: the cipher suite, by its name in OpenSSL; None without TLS.
        session_reused: whether the TLS handshake resumed an earlier session, and so was a short one.
        socket_options: the options of the socket that ``connect(socket_options=)`` knows and the system can read, as
            the system reports them. Linux reports twice the size of a buffer that was set (socket(7)).
        refused: those of ``connect(socket_options=)`` that the system did not accept, or not as they were given, and
            why.
        smoothed_rtt: the kernel's smoothed round trip time of the TCP connection in seconds (TCP_INFO, Linux); None
            where the system does not tell. With a proxy it is the way to the proxy.
        local_address: the address and the port of this side; None where unknown.
        peer_address: the address and the port of the other side: the exchange's, or the proxy's.
    """

    tls: bool
    engine: str
    kernel_tls: bool
    tls_version: str | None
    cipher: str | None
    session_reused: bool
    socket_options: Mapping[str, int] = field(hash=False)
    refused: Mapping[str, str] = field(hash=False)
    smoothed_rtt: float | None
    local_address: tuple[Any, ...] | None
    peer_address: tuple[Any, ...] | None
