"""The exchange's side of a connection with TLS, for workloads.py: it speaks when it is told to.

In: one client that connects. Out: frames, each in a record of its own. It runs in the client's process and event loop,
and does TLS apart from its socket: so records can be made in advance, outside of what is counted.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from typing import Any

from fastws.emulator.network.tls import Certificate
from helpers.support import frame, unmasked

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class TlsPeer(asyncio.Protocol):
    """Accepts a client, and answers its session.logon.

    Attributes:
        url: where a client finds it.
        context: the SSL context of a client that trusts it.
    """

    def __init__(self) -> None:
        certificate = Certificate()
        self.context = certificate.client_context()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = certificate.server_context().wrap_bio(self._in, self._out, server_side=True)
        self._request = b""
        self._upgraded = False

    async def listen(self) -> None:
        server = await asyncio.get_running_loop().create_server(lambda: self, "127.0.0.1", 0)
        self.url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        self._server = server

    def close(self) -> None:
        self._transport.abort()
        self._server.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._fd = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        self._in.write(data)
        try:
            while True:
                self._read(self._ssl.read(1 << 16))
        except ssl.SSLWantReadError:
            self._transport.write(self._out.read())

    def _read(self, data: bytes) -> None:
        if self._upgraded:
            for request in _requests(data):
                if request["method"] == "session.logon":
                    result = {"apiKey": request["params"]["apiKey"]}
                    reply = json.dumps({"id": request["id"], "status": 200, "result": result})
                    self._ssl.write(frame(1, reply.encode()))
            return
        self._request += data
        if self._request.endswith(b"\r\n\r\n"):
            key = self._request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
            accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
            self._ssl.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            self._upgraded = True

    def reader(self) -> Callable[[], object]:
        """What asyncio's event loop calls when the client's socket can be read."""
        loop: Any = asyncio.get_running_loop()
        address = self._transport.get_extra_info("peername")
        for key in loop._selector.get_map().values():
            reader, _ = key.data
            if reader is not None and _address(key.fd) == address:
                run: Callable[[], object] = reader._run
                return run
        raise LookupError("the event loop does not read the client's socket")

    def sealed(self, data: bytes) -> bytes:
        """Records with this data, which must be sent in the order in which they were made."""
        self._ssl.write(data)
        return self._out.read()

    def send(self, record: bytes) -> None:
        """Send a record now; the client's socket has it when this returns."""
        os.write(self._fd, record)

    def drop(self) -> int:
        """Read what the client's socket sent, and forget it; its size."""
        return len(os.read(self._fd, 1 << 16))


def _address(fd: int) -> Any:
    with socket.socket(fileno=os.dup(fd)) as copy:
        return copy.getsockname()


def _requests(data: bytes) -> Iterator[dict[str, Any]]:
    """The requests in whole frames."""
    while data:
        opcode, size, at = data[0] & 15, data[1] & 127, 2
        if size == 126:
            (size,), at = struct.unpack_from("!H", data, 2), 4
        mask, payload, data = data[at : at + 4], data[at + 4 : at + 4 + size], data[at + 4 + size :]
        if opcode == 1:
            yield json.loads(unmasked(payload, mask))
