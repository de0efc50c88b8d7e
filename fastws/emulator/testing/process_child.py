"""The exchange's side of EmulatorProcess: what runs in the process that it starts.

The process ends when its parent asks it to, and when the parent is gone, however the parent ended: then the pipe of
requests is at its end. A process that the parent forks has a copy of that pipe, which keeps it open; so, where there is
fork(), a thread looks for the parent as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import pickle
import threading
import time
import traceback
from collections.abc import Mapping
from typing import Any, BinaryIO

from ..network.control import ConnectionControl
from ..values.accounts import Account
from ..values.faults import Fault
from .emulator import Emulator
from .pipe import pickled, read_message, unpickled, write_message

__all__ = ["Failure", "main"]

_GRACE = 5.0  # seconds in which connections are ended
_LOOK = 0.5  # seconds between two looks for the parent


class Failure(Exception):
    """The text of an exception's traceback in the exchange's process."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


class _Objects:
    """The objects of the exchange that the parent has proxies of, by number."""

    def __init__(self) -> None:
        self._objects: dict[int, Any] = {}
        self._numbers: dict[Any, int] = {}

    def number_of(self, value: Any) -> int | None:
        if isinstance(value, ConnectionControl):
            key: Any = value
        elif isinstance(value, (Account, Fault)):
            key = id(value)
        else:
            return None
        number = self._numbers.setdefault(key, len(self._numbers))
        self._objects[number] = value
        return number

    def __getitem__(self, number: int) -> Any:
        return self._objects[number]


class _Child:
    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests = requests
        self._replies = replies
        self._objects = _Objects()
        self._tasks: set[asyncio.Task[None]] = set()

    def reply(self, number: int, value: Any, error: BaseException | None = None) -> None:
        with contextlib.suppress(OSError):  # the parent is gone
            write_message(self._replies, self._message(number, value, error))

    def _message(self, number: int, value: Any, error: BaseException | None) -> bytes:
        if error is None:
            try:
                return pickled((number, True, value), self._objects.number_of)
            except TypeError as unsent:
                error = TypeError(f"the result {unsent}")
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        with contextlib.suppress(Exception):
            # Some exceptions can be pickled but not loaded.
            if type(pickle.loads(pickle.dumps(error))) is type(error):
                return pickled((number, False, (error, text)), self._objects.number_of)
        error = RuntimeError(f"{type(error).__name__}: {error}")
        return pickled((number, False, (error, text)), self._objects.number_of)

    async def serve(self, options: Mapping[str, Any]) -> None:
        """Run the exchange until the parent asks for its end, or is gone."""
        end = asyncio.Event()
        try:
            exchange = Emulator(**options)
            await exchange.start()
        except Exception as error:
            self.reply(0, None, error)
            return
        self.reply(0, None)
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._receive, args=(exchange, loop, end), daemon=True)
        thread.start()
        try:
            await end.wait()
        finally:
            await exchange.stop()
            for task in self._tasks:
                task.cancel()

    def _receive(self, exchange: Emulator, loop: asyncio.AbstractEventLoop, end: asyncio.Event) -> None:
        while message := read_message(self._requests):
            loop.call_soon_threadsafe(self._take, exchange, message)
        _exit_soon()
        loop.call_soon_threadsafe(end.set)

    def _take(self, exchange: Emulator, message: bytes) -> None:
        number = 0
        try:
            number, content = pickle.loads(message)
            function, timeout, args = unpickled(content, self._objects.__getitem__)
            result = function(exchange, *args)
        except Exception as error:
            self.reply(number, None, error)
            return
        if not inspect.isawaitable(result):
            self.reply(number, result)
            return
        task = asyncio.ensure_future(self._wait(number, result, timeout))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wait(self, number: int, result: Any, timeout: float) -> None:
        try:
            self.reply(number, await asyncio.wait_for(result, timeout))
        except asyncio.TimeoutError:
            self.reply(number, None, TimeoutError(f"the call took longer than {timeout} seconds"))
        except Exception as error:
            self.reply(number, None, error)


def _exit_soon() -> None:
    """Exit after _GRACE seconds, also if the event loop does nothing any more."""
    timer = threading.Timer(_GRACE, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _exit_without(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


def main(parent: int) -> None:
    """Serve the process ``parent``, which holds the other ends of standard input and output."""
    if os.name == "posix":
        threading.Thread(target=_exit_without, args=(parent,), daemon=True).start()
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    replies = os.fdopen(os.dup(1), "wb")
    # What is printed in this process, by `log=print` for example, goes to standard error.
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    child = _Child(requests, replies)
    message = read_message(requests)
    if message is None:
        return
    try:
        options = pickle.loads(message)
    except Exception as error:
        child.reply(0, None, error)
        return
    asyncio.run(child.serve(options))
