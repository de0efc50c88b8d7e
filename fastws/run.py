"""fastws.run(): run a program on the quickest event loop that is installed."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from types import FrameType

__all__ = ["run"]

T = TypeVar("T")


def run(
    main: Coroutine[Any, Any, T],
    *,
    loop: Literal["auto", "uvloop", "asyncio"] = "auto",
    debug: bool | None = None,
) -> T:
    """Run a coroutine to its end on a new event loop and return its result, as `asyncio.run` does.

    Args:
        main: the coroutine: ``fastws.run(main())``.
        loop: "uvloop"; "asyncio", the loop of the standard library, whatever policy is set; or "auto", uvloop
            where it is installed, else asyncio. uvloop does not exist for Windows.
        debug: asyncio's debug mode; None leaves it to PYTHONASYNCIODEBUG.

    Raises:
        ImportError: ``loop="uvloop"`` and uvloop is not installed, or this is Windows.
        KeyboardInterrupt: on Ctrl-C, after ``main`` was cancelled and has cleaned up.
        RuntimeError: an event loop is running in this thread already.
    """
    if not asyncio.iscoroutine(main):
        hint = ": call it, run(main())" if inspect.iscoroutinefunction(main) else ""
        raise TypeError(f"fastws.run needs a coroutine, not {type(main).__name__}{hint}")
    try:
        factory = _loop_factory(loop)
        if _is_loop_running():
            raise RuntimeError("fastws.run() cannot be called while an event loop runs: await main() instead")
    except BaseException:
        main.close()  # it will never be awaited, and that has been said
        raise
    if sys.version_info >= (3, 11):
        with asyncio.Runner(debug=debug, loop_factory=factory) as runner:
            result: T = runner.run(main)
            return result
    return _run(factory, main, debug)


def _loop_factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if loop not in ("auto", "uvloop", "asyncio"):
        raise ValueError(f'loop must be "auto", "uvloop" or "asyncio", not {loop!r}')
    if loop != "asyncio" and sys.platform != "win32":
        try:
            import uvloop
        except ImportError as error:
            if loop == "uvloop":
                raise ImportError('uvloop is not installed: pip install "fastws[uvloop]"') from error
        else:
            return uvloop.new_event_loop
    if loop == "uvloop":
        raise ImportError('uvloop does not exist for Windows: use loop="auto" or "asyncio"')
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop
    return asyncio.SelectorEventLoop


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run(
    factory: Callable[[], asyncio.AbstractEventLoop], main: Coroutine[Any, Any, T], debug: bool | None
) -> T:
    """What asyncio.Runner does, for Python 3.10, which has none."""
    loop = factory()
    try:
        asyncio.set_event_loop(loop)
        if debug is not None:
            loop.set_debug(debug)
        task = loop.create_task(main)
        interrupts = 0

        def interrupt(number: int, frame: FrameType | None) -> None:
            # The first Ctrl-C cancels ``main``. An exception raised here would end up in whatever code runs now,
            # such as a read callback.
            nonlocal interrupts
            interrupts += 1
            if interrupts > 1 or task.done():
                raise KeyboardInterrupt
            task.cancel()
            loop.call_soon_threadsafe(lambda: None)  # wakes the loop, should it sleep

        with _sigint_handled_by(interrupt):
            try:
                return loop.run_until_complete(task)
            except asyncio.CancelledError:
                if interrupts:
                    raise KeyboardInterrupt from None
                raise
    finally:
        try:
            _cancel_all_tasks(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


@contextlib.contextmanager
def _sigint_handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Ctrl-C calls ``handler``, unless somebody else handles it already; only the main thread may say so."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _cancel_all_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    for task in tasks:
        if not task.cancelled() and task.exception() is not None:
            loop.call_exception_handler(
                {
                    "message": "unhandled exception while fastws.run() ended",
                    "exception": task.exception(),
                    "task": task,
                }
            )
