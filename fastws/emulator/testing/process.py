"""The exchange in a process of its own, for tests, benchmarks and programs that need the processor for themselves."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import itertools
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .pipe import Handle, pickled, read_message, unpickled, write_message
from .process_child import Failure
from .remote import TIMEOUT, RemoteEmulator, RemoteObject

__all__ = ["EmulatorProcess"]

_START_TIMEOUT = 60.0  # seconds; a busy machine takes several for the imports
_STOP_TIMEOUT = 8.0  # seconds; the process ends itself earlier
_ERROR_LINES = 30
_CODE = """\
import sys
sys.path[:] = {path!r}
from fastws.emulator.testing.process_child import main
main({parent})
"""


class _Running:
    """The process while it runs: requests are written by any thread, replies are read by a thread of their own."""

    def __init__(self, exchange: EmulatorProcess, options: bytes) -> None:
        code = _CODE.format(path=sys.path, parent=os.getpid())
        # Ctrl-C in a terminal is for the parent, which then ends the exchange.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, **apart
        )
        self._exchange = exchange
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._errors: deque[str] = deque(maxlen=_ERROR_LINES)
        self._started: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._waiting = {0: self._started}
        self._ended = False
        self._threads = [
            threading.Thread(target=target, name="fastws emulator process", daemon=True)
            for target in (self._read_errors, self._read_replies)
        ]
        for thread in self._threads:
            thread.start()
        with contextlib.suppress(OSError):  # the process has ended: the readers say so
            self._write(options)

    def wait_until_started(self) -> None:
        try:
            self._started.result(_START_TIMEOUT)
        except concurrent.futures.TimeoutError:
            raise TimeoutError(f"the exchange did not start within {_START_TIMEOUT} seconds") from None

    def ask(self, function: Callable[..., Any], args: tuple[Any, ...], timeout: float) -> Any:
        number = next(self._numbers)
        content = pickled((function, timeout, args), self._number_of)
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        with self._lock:
            if self._ended:
                raise self._end_error()
            self._waiting[number] = future
        try:
            try:
                self._write(pickle.dumps((number, content)))
            except (OSError, ValueError):  # the pipe is closed at one of its ends; the reader says why
                timeout = 0.0
            return future.result(timeout + 1.0)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise
            raise TimeoutError(f"the call took longer than {timeout} seconds") from None
        finally:
            self._waiting.pop(number, None)

    def _number_of(self, value: Any) -> int | None:
        if isinstance(value, RemoteObject):
            if value._exchange is not self._exchange:
                raise TypeError("it is an object of another exchange")
            value = value._target
        return value.number if isinstance(value, Handle) else None

    def stop(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._write(b"")
        try:
            self.process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(_STOP_TIMEOUT)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()

    def _write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        with self._lock:
            write_message(self.process.stdin, data)  # type: ignore[arg-type]

    def _read_replies(self) -> None:
        assert self.process.stdout is not None
        while (message := read_message(self.process.stdout)) is not None:  # type: ignore[arg-type]
            number, right, value = unpickled(
                message, lambda target: RemoteObject(self._exchange, Handle(target))
            )
            future = self._waiting.pop(number, None)
            if future is None or not future.set_running_or_notify_cancel():
                continue
            if right:
                future.set_result(value)
            else:
                error, text = value
                error.__cause__ = Failure(text)
                future.set_exception(error)
        # The readers have different pipes: the last lines of the other one belong to the error.
        self._threads[0].join(1.0)
        self.process.wait()
        with self._lock:
            self._ended = True
            waiting, self._waiting = dict(self._waiting), {}
        for future in waiting.values():
            future.set_exception(self._end_error())

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            text = line.decode(errors="replace")
            self._errors.append(text)
            with contextlib.suppress(Exception):  # there is no standard error, or it is closed
                sys.stderr.write(text)

    def _end_error(self) -> RuntimeError:
        text = "".join(self._errors).strip()
        said = f":\n{text}" if text else ""
        return RuntimeError(f"the exchange's process has ended with code {self.process.poll()}{said}")


class EmulatorProcess(RemoteEmulator):
    """An embedded exchange that runs in a process of its own.

        with EmulatorProcess(seed=2) as exchange:
            key = exchange.add_account("HMAC")
            ...  # connect to exchange.url, or to exchange.stream_url for market data

        async with EmulatorProcess() as exchange:  # starts and ends without blocking the event loop
            ...

    It takes Emulator's arguments, if they can be pickled: a function must be one that can be imported by its name, and
    it is called in that process. What is printed there appears in the caller's standard error.

    Its methods are those of Emulator with the same names; use ``call`` for all others. They block until the exchange
    has answered, usually for less than a millisecond. The methods of ``faults``, ``journal`` and ``events`` can be
    called as well; what is in ``connections``, faults that were added and ``key.account`` can be read, called and set.
    ``journal.wait_for`` and ``events.wait_for`` block: in a coroutine, use ``asyncio.to_thread`` for them.

    The process ends with ``stop()`` or the ``with`` block, and also when the process that started it is gone, however
    it ended. It does not receive the Ctrl-C of a terminal. Records and events are copies: they show what was known when
    they were asked for.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._options = options
        self._running: _Running | None = None
        self._owner = 0  # the process that started it

    def __enter__(self) -> EmulatorProcess:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> EmulatorProcess:
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await starting
            await asyncio.to_thread(self.stop)
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.stop))

    def start(self) -> None:
        """Start the process, and wait until it listens.

        Raises:
            OSError: it cannot listen on this address.
            TypeError: an argument is unknown, or cannot be sent to another process.
            ValueError: an argument is out of range.
            TimeoutError: it did not start within a minute.
            RuntimeError: it is running already; or the process ended while it started, with its text.
        """
        if self._running is not None:
            raise RuntimeError("the exchange is running already")
        for name, value in self._options.items():
            try:
                pickled(value, lambda _: None)
            except TypeError as error:
                raise TypeError(f"{name} {error}") from None
        self._owner = os.getpid()
        running = self._running = _Running(self, pickle.dumps(self._options))
        try:
            running.wait_until_started()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all connections and the process. After that, ``start`` starts a new exchange."""
        running, self._running = self._running, None
        if running is not None and self._owner == os.getpid():
            running.stop()

    @property
    def pid(self) -> int:
        """The id of the process.

        Raises:
            RuntimeError: the exchange is not running.
        """
        return self._live.process.pid

    def call(self, function: Callable[..., Any], *args: Any, timeout: float = TIMEOUT) -> Any:
        """Call ``function(exchange, *args)`` in the exchange's process, and return its result; an awaitable is awaited.

        Args:
            function: a function that can be imported by its name, so no lambda; ``exchange`` is the Emulator.
            args: what can be pickled; connections, accounts and faults of this exchange are the exchange's own there.
            timeout: in seconds.

        Raises:
            TypeError: the function, an argument or the result cannot be sent to another process.
            TimeoutError: the call takes longer than ``timeout`` seconds.
            RuntimeError: the exchange is not running, or its process has ended.
        """
        return self._live.ask(function, args, timeout)

    @property
    def _live(self) -> _Running:
        if self._running is None:
            raise RuntimeError("the exchange is not running")
        if self._owner != os.getpid():
            raise RuntimeError("the exchange belongs to the process that started it; a fork cannot call it")
        return self._running

    def _execute(self, function: Callable[..., Any], *args: Any) -> Any:
        return self._live.ask(function, args, TIMEOUT)

    def _proxy(self, value: Any) -> RemoteObject:
        assert isinstance(value, RemoteObject)
        return value
