"""A server in a thread that resets its connection, after a part of what it had to say."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Resetter", "resetting"]


class Resetter:
    """One connection of a client, accepted in a thread, without an event loop.

    Attributes:
        asked: set when the client waits for what ``go`` releases.
        may_end: for scripts that wait before they close the connection.
        read, send: what the scripts speak with.
        url: where the client connects to.
    """

    def __init__(self, listening: socket.socket, context: ssl.SSLContext | None) -> None:
        self.url = f"{'ws' if context is None else 'wss'}://127.0.0.1:{listening.getsockname()[1]}/ws-api/v3"
        self.asked = threading.Event()
        self._listening = listening
        self._context = context
        self.may_end = threading.Event()
        self._go = threading.Event()
        self._done = threading.Event()
        self._socket: socket.socket
        self.read: Callable[[], bytes]
        self.send: Callable[[bytes], object]
        self.close_notify: Callable[[], None]

    def go(self) -> None:
        """Let the server say its last words and reset; both have arrived when this returns.

        The event loop, which calls this, is blocked meanwhile: so it learns of both at once.
        """
        self._go.set()
        assert self._done.wait(5), "the server did not reset the connection"

    # For the scripts, which run in the thread.

    def accept(self, *, tls: bool | None = None) -> None:
        """Accept the connection, with the handshake of TLS if the server has a context, or as ``tls`` says."""
        plain, _ = self._listening.accept()
        plain.settimeout(5)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = plain
        self.read, self.send = lambda: plain.recv(65536), plain.sendall
        if tls or (tls is None and self._context is not None):
            self.start_tls()

    def start_tls(self) -> None:
        """Speak TLS from here on, within whatever was spoken."""
        assert self._context is not None
        read, send = self.read, self.send
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        speaking = self._context.wrap_bio(incoming, outgoing, server_side=True)

        def speak(step: Callable[[], Any]) -> Any:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        send(outgoing.read())
                    incoming.write(read())
                finally:
                    if outgoing.pending:
                        send(outgoing.read())

        def close_notify() -> None:
            with contextlib.suppress(ssl.SSLError):  # no answer yet, or data of the client in its place
                speaking.unwrap()
            send(outgoing.read())

        speak(speaking.do_handshake)
        self.close_notify = close_notify
        self.read, self.send = (
            lambda: speak(lambda: speaking.read(65536)),
            lambda data: speak(lambda: speaking.write(data)),
        )

    def upgrade(self) -> bytes:
        """Read the request of a WebSocket handshake; the answer that is due."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.read()
        key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def wait(self) -> None:
        """Wait for ``go()``."""
        self.asked.set()
        assert self._go.wait(5)

    def reset(self) -> None:
        """Reset the connection: TCP's RST, with nothing of TLS before it."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()
        self.said()

    def close(self) -> None:
        self._socket.close()

    def shutdown(self) -> None:
        """Say that nothing more comes: TCP's FIN, with nothing of TLS before it."""
        self._socket.shutdown(socket.SHUT_WR)

    def said(self) -> None:
        """End the wait of ``go()``."""
        self._done.set()


@contextlib.contextmanager
def resetting(
    script: Callable[[Resetter], None], context: ssl.SSLContext | None = None
) -> Iterator[Resetter]:
    """A server that accepts one connection, whose script runs in a thread."""
    faults: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        server = Resetter(listening, context)

        def run() -> None:
            try:
                script(server)
            except BaseException as fault:
                faults.append(fault)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server
        thread.join(5)
    if faults:
        raise faults[0]
