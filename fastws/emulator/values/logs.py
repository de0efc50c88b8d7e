"""What the exchange logs, and where: under "fastws.emulator", and nowhere until a program configures logging.

What clients do wrong on the wire is under "fastws.emulator.wire".
"""

from __future__ import annotations

import logging

__all__ = ["logger", "one_line_for_handshakes", "wire_logger"]

logger = logging.getLogger("fastws.emulator")
wire_logger = logging.getLogger("fastws.emulator.wire")
# Without a handler, Python prints warnings and errors to standard error.
logger.addHandler(logging.NullHandler())


def one_line_for_handshakes() -> None:
    """Let a client's failed TLS handshake be one line of ours, not a traceback of the event loop's."""
    logging.getLogger("asyncio").addFilter(_is_no_handshake)


def _is_no_handshake(record: logging.LogRecord) -> bool:
    message = str(record.msg)
    if not message.startswith("SSL handshake failed") or " client " in message:
        return True
    logger.warning("A client gave up during the TLS handshake: does it trust the certificate?")
    return False
