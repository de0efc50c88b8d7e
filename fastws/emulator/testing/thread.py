"""The exchange in its own thread, for tests and programs that do not use its event loop."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .emulator import Emulator
from .remote import TIMEOUT, RemoteEmulator, RemoteObject

__all__ = ["EmulatorThread"]


class EmulatorThread(RemoteEmulator):
    """An embedded exchange that runs in its own thread, with its own event loop.

        with EmulatorThread(seed=2) as exchange:
            key = exchange.add_account("HMAC")
            ...  # connect to exchange.url, with any client, in any thread or event loop

    It takes Emulator's arguments. Its methods are those of Emulator with the same names; use ``call`` for all others.
    The methods of ``faults``, ``journal`` and ``events`` can be called as well, and what is in ``connections`` can be
    read, called and set; ``journal.wait_for`` and ``events.wait_for`` block.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._options = options
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._exchange: Emulator | None = None

    def __enter__(self) -> EmulatorThread:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _execute(self, function: Callable[..., Any], *args: Any) -> Any:
        return self.call(lambda exchange: function(exchange, *args))

    def _proxy(self, value: Any) -> RemoteObject:
        return RemoteObject(self, value)

    def start(self) -> None:
        """Start the thread, and listen.

        Raises:
            OSError: it cannot listen on this address.
        """
        started = threading.Event()
        failures: list[BaseException] = []

        async def serve() -> None:
            end = asyncio.Event()
            try:
                async with Emulator(**self._options) as exchange:
                    self._exchange, self._loop, self._end = exchange, asyncio.get_running_loop(), end
                    started.set()
                    await end.wait()
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                started.set()

        def run() -> None:
            try:
                asyncio.run(serve())
            except BaseException:
                if not failures:
                    raise

        self._thread = threading.Thread(target=run, name="fastws emulator", daemon=True)
        self._thread.start()
        started.wait()
        if self._exchange is None:
            self._thread.join()
            raise failures[0]

    def stop(self) -> None:
        """End all connections, stop listening, and end the thread."""
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()
        self._exchange = None

    def call(self, function: Callable[[Emulator], Any], *, timeout: float = TIMEOUT) -> Any:
        """Call ``function(exchange)`` in the exchange's thread, and return its result; an awaitable is awaited.

        Raises:
            TimeoutError: the call takes longer than ``timeout`` seconds.
            RuntimeError: the exchange is not running.
        """
        exchange = self._exchange
        if exchange is None or self._loop is None:
            raise RuntimeError("the exchange is not running")

        async def called() -> Any:
            result = function(exchange)
            return await asyncio.wait_for(result, timeout) if inspect.isawaitable(result) else result

        future = asyncio.run_coroutine_threadsafe(called(), self._loop)
        try:
            return future.result(timeout + 1.0)
        except asyncio.TimeoutError:
            raise TimeoutError(f"the call took longer than {timeout} seconds") from None
