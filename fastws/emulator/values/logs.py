"""The loggers of the exchange: "fastws.emulator", and "fastws.emulator.wire" for mistakes of clients on the wire.

Nothing is printed until the program configures logging.
"""

from __future__ import annotations

import logging

__all__ = ["logger", "one_line_for_handshakes", "wire_logger"]

logger = logging.getLogger("fastws.emulator")
wire_logger = logging.getLogger("fastws.emulator.wire")
# Without a handler, Python prints warnings and errors to standard error.
logger.addHandler(logging.NullHandler())


def one_line_for_handshakes() -> None:
    """Log a client's failed TLS handshake as one line, not as a traceback of the event loop."""
    logging.getLogger("asyncio").addFilter(_is_no_handshake)


def _is_no_handshake(record: logging.LogRecord) -> bool:
    message = str(record.msg)
    if not message.startswith("SSL handshake failed") or " client " in message:
        return True
    logger.warning("A client gave up during the TLS handshake: does it trust the certificate?")
    return False
