"""Messages between EmulatorProcess and its process: pickles, each behind its length.

Objects that live in the exchange (connections, accounts, faults) are not copied: their numbers travel, as Handle.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

__all__ = ["Handle", "pickled", "read_message", "unpickled", "write_message"]

_LENGTH = struct.Struct("<Q")


class Handle(NamedTuple):
    """The number of an object that lives in the exchange's process."""

    number: int


class _Pickler(pickle.Pickler):
    def __init__(self, file: BinaryIO, number_of: Callable[[Any], int | None]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._number_of = number_of

    def persistent_id(self, obj: Any) -> int | None:
        return self._number_of(obj)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, object_of: Callable[[int], Any]) -> None:
        super().__init__(file)
        self._object_of = object_of

    def persistent_load(self, pid: Any) -> Any:
        return self._object_of(pid)


def pickled(value: Any, number_of: Callable[[Any], int | None]) -> bytes:
    """The bytes of a value.

    Raises:
        TypeError: it holds something that has a meaning in this process only, such as a lambda or a socket.
    """
    file = io.BytesIO()
    try:
        _Pickler(file, number_of).dump(value)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise TypeError(f"cannot be sent to another process: {error}") from None
    return file.getvalue()


def unpickled(data: bytes, object_of: Callable[[int], Any]) -> Any:
    return _Unpickler(io.BytesIO(data), object_of).load()


def write_message(pipe: BinaryIO, data: bytes) -> None:
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def read_message(pipe: BinaryIO) -> bytes | None:
    """The next message; None when the other side has closed the pipe or is gone."""
    head = _read(pipe, _LENGTH.size)
    return None if head is None else _read(pipe, _LENGTH.unpack(head)[0])


def _read(pipe: BinaryIO, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        try:
            part = pipe.read(size - len(data))
        except (OSError, ValueError):  # ValueError: this side has closed it
            return None
        if not part:
            return None
        data += part
    return bytes(data)
