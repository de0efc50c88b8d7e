"""A sequence of the last records of some kind, which can be searched and waited for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

__all__ = ["History"]

_T = TypeVar("_T")


class History(Sequence[_T], Generic[_T]):
    """The last ``size`` records, oldest first. ``total`` counts all records since the start."""

    def __init__(self, size: int) -> None:
        self._records: deque[_T] = deque(maxlen=size)
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[_T]]] = []
        self.total = 0

    def find(self, **attributes: Any) -> list[_T]:
        """The records with these attributes, e.g.

        ``journal.find(method="order.place", client_order_id="x")``.
        """
        return [record for record in self._records if _matches(record, attributes)]

    async def wait_for(self, **attributes: Any) -> _T:
        """Wait for a record with these attributes, and return the first one.

        E.g. ``await journal.wait_for(method="order.place", outcome="executed")``.
        """
        for record in self._records:
            if _matches(record, attributes):
                return record
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._waiting.append((attributes, future))
        return await future

    def changed(self, record: _T) -> None:
        """Wake the callers of ``wait_for`` after a change of a record."""
        if self._waiting:
            for attributes, future in self._waiting:
                if not future.done() and _matches(record, attributes):
                    future.set_result(record)
            self._waiting = [waiter for waiter in self._waiting if not waiter[1].done()]

    def clear(self) -> None:
        """Remove all records."""
        self._records.clear()

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[_T]:
        return iter(self._records)

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> list[_T]: ...
    def __getitem__(self, index: int | slice) -> _T | list[_T]:
        if isinstance(index, slice):
            return list(self._records)[index]
        return self._records[index]


def _matches(record: object, attributes: dict[str, Any]) -> bool:
    return all(getattr(record, name) == value for name, value in attributes.items())
