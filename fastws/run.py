"""``fastws.run()``: runs a program on the fastest event loop that is installed."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import math
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ._common.grace import grace_of
from ._common.log import logger
from ._common.shown import shown
from .errors import InvalidRequest
from .loop_thread import LoopThread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import FrameType

__all__ = ["run"]

T = TypeVar("T")

# Seconds, after the grace is over, in which tasks that were cancelled may end.
_LAST_TURNS = 0.25

# The signals that end a program, and Python's default action for each.
_ENDING: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
if sys.platform != "win32":
    _ENDING[signal.SIGHUP] = signal.SIG_DFL


def run(
    main: Coroutine[Any, Any, T],
    *,
    loop: Literal["auto", "uvloop", "asyncio"] = "auto",
    debug: bool | None = None,
    grace: float | None = 8.0,
    spin: bool = False,
    cpu: int | None = None,
    gc: Literal["freeze", "off"] | None = None,
) -> T:
    """Run a coroutine to its end on a new event loop and return its result, as `asyncio.run` does.

    Ctrl-C, SIGTERM and SIGHUP (where the system has them) cancel ``main``, once: its ``finally:`` blocks run, and may
    await what they need, such as ``client.halt()``, for ``grace`` seconds. A second signal ends the process at once.
    Signals that the program handles itself, or that are ignored (such as SIGHUP by nohup), are not changed. Up to
    Python 3.11, ``asyncio.wait_for`` loses a cancellation if the reply comes at the same moment; then run() repeats it,
    for ``main`` and for what it gathers.

    Args:
        main: the coroutine: ``fastws.run(main())``.
        loop: "uvloop"; "asyncio", the loop of the standard library, whatever policy is set; or "auto", uvloop
            where it is installed, else asyncio. uvloop does not exist for Windows.
        debug: asyncio's debug mode; None leaves it to PYTHONASYNCIODEBUG.
        grace: seconds from the signal until the program is ended, even if ``main`` has not finished its clean-up.
            ``client.halt()`` ends a second before, or sooner in a short grace, and reports what is left. The default
            suits Docker, which kills a container 10 s after SIGTERM. None: no limit. Code that blocks the event loop
            or runs in a thread cannot be ended.
        spin: the loop never sleeps: it polls, so a reply is read some microseconds sooner, and no wake-up by the system
            is in its way. The price is a core that is at 100 % all the time, so it needs a second core for all else.
            On Linux, the connections of fastws are read without the event loop; every 50 µs it has a turn for timers,
            signals, and other sockets, which may so be read 50 µs later. Connections are read fastest while there are
            at most four, and while Python has no other threads (``threading.active_count()``); otherwise such threads
            may run while the loop waits. In asyncio's debug mode, and on other systems, the event loop reads them.
        cpu: the number of the core that the thread of the loop is pinned to until the end, as ``taskset`` counts: an
            isolated core may be named as well. Linux. Threads and processes that ``main`` starts inherit that core,
            and have to leave it (``os.sched_setaffinity(0, cores)``); those of the loop's default executor, and those
            in which fastws looks up names, use the cores from before.
        gc: "freeze" calls ``gc.collect()`` and ``gc.freeze()`` before ``main`` starts: Python's garbage collector then
            never goes through the modules and what else exists by then. For what ``main`` loads, call the two once
            more, when it is loaded. "off" switches the collector off for the run: memory in reference cycles, such as
            those of many exceptions, then grows. Both hold for the whole process. None leaves it as it is.

    Raises:
        TypeError: ``main`` is no coroutine.
        InvalidRequest: ``loop`` is none of these names; ``grace`` is neither None nor seconds, 0 or more; ``spin``,
            ``cpu`` or ``gc`` is none of the above; the process has only one core to spin on; the system cannot pin
            threads, or not to this core.
        ImportError: ``loop="uvloop"`` and uvloop is not installed, or this is Windows.
        KeyboardInterrupt: on Ctrl-C, after ``main`` was cancelled and has cleaned up.
        SystemExit: on SIGTERM and SIGHUP, after the same, with the code 128 + the signal's number, as shells have it.
            An error of the clean-up itself is raised in its place.
        RuntimeError: an event loop is running in this thread already.
    """
    if not asyncio.iscoroutine(main):
        hint = ": call it, run(main())" if inspect.iscoroutinefunction(main) else ""
        raise TypeError(f"fastws.run needs a coroutine, not {type(main).__name__}{hint}")
    with contextlib.ExitStack() as stack:
        try:
            factory = _loop_factory(loop)
            _check_grace(grace)
            thread = LoopThread(spin, cpu, gc)
            if _is_loop_running():
                raise RuntimeError(
                    "fastws.run() cannot be called while an event loop runs: await main() instead"
                )
            stack.enter_context(thread)
        except BaseException:
            main.close()  # without this, Python would warn that it was never awaited
            raise
        return _run(factory, thread, main, debug, grace)


def _check_grace(grace: float | None) -> None:
    if grace is None:
        return
    if isinstance(grace, bool) or not isinstance(grace, (int, float)) or not 0 <= grace < math.inf:
        raise InvalidRequest(f"grace: expected None or seconds, 0 or more, got {shown(grace)}")


def _loop_factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if loop not in ("auto", "uvloop", "asyncio"):
        raise InvalidRequest(f'loop must be "auto", "uvloop" or "asyncio", not {shown(loop)}')
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


class _Stop:
    """The handler of the signals that end a program: the first one cancels ``main``, a second one ends the process.

    If the handler raised an exception, the code that happens to run would get it, such as a read callback. The system's
    own action for SIGTERM and SIGHUP ends the process at once. In both cases ``main`` could not clean up.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, main: asyncio.Task[Any], grace: float | None) -> None:
        self.number = 0  # of the first one
        self.was_late = False  # it came when ``main`` had ended
        self.expired: asyncio.Future[None] = loop.create_future()  # the grace is over
        self._loop = loop
        self._main = main
        self._grace = grace
        self._defaults: dict[int, Any] = {}

    def __enter__(self) -> _Stop:
        if (
            threading.current_thread() is threading.main_thread()
        ):  # Python allows only the main thread to set handlers
            for number, default in _ENDING.items():
                # otherwise the program handles it, or it is ignored, such as SIGHUP by nohup
                if signal.getsignal(number) is default:
                    with contextlib.suppress(ValueError):  # an interpreter that takes no signals
                        signal.signal(number, self)
                        self._defaults[number] = default
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, default in self._defaults.items():
            if signal.getsignal(number) is self:
                signal.signal(number, default)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            # Not Python's own action for SIGINT: a KeyboardInterrupt within the event loop can lose the waking of a
            # task, for which the end of the program would then wait for ever.
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
            return
        self.number = number
        self.was_late = self._main.done()
        # wakes the loop if it sleeps
        self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        if self._grace is not None:
            grace_of(self._loop).begin(self._loop.time() + self._grace)
            self._loop.call_later(self._grace, self._expire)
        if self._main.done():
            self.was_late = True
        else:
            _cancel(self._loop, [self._main])

    def _expire(self) -> None:
        if not self.expired.done():
            self.expired.set_result(None)

    def finish(self, future: asyncio.Future[Any]) -> bool:
        """Run the loop until the future is done, or the grace is over; returns whether it is done."""
        # No task waits for it: a program may cancel all tasks that asyncio.all_tasks() shows.
        over: asyncio.Future[None] = self._loop.create_future()

        def end(_: object) -> None:
            if not over.done():
                over.set_result(None)

        future.add_done_callback(end)
        if self.expired.done():
            self._loop.call_later(_LAST_TURNS, end, None)
        else:
            self.expired.add_done_callback(end)
        try:
            self._loop.run_until_complete(over)
        finally:
            future.remove_done_callback(end)
            self.expired.remove_done_callback(end)
        return future.done()


def _cancel(loop: asyncio.AbstractEventLoop, tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and cancel those again whose asyncio.wait_for() loses the cancellation."""
    waits = [] if sys.version_info >= (3, 12) else [*map(_wait_of, asyncio.all_tasks(loop))]
    for task in tasks:
        task.cancel()
    hit = [
        wait
        for wait in waits
        if wait is not None and (wait[1].cancelled() or getattr(wait[0], "_must_cancel", False))
    ]
    if hit:
        loop.call_soon(_cancel_again, loop, hit)  # runs after the next steps of these tasks


def _cancel_again(
    loop: asyncio.AbstractEventLoop,
    hit: list[tuple[Any, asyncio.Future[Any], asyncio.Future[Any]]],
) -> None:
    """Cancel tasks again whose wait_for() returned a result that came meanwhile, and lost the cancellation."""
    lost = [
        task for task, _, awaited in hit if awaited.done() and not awaited.cancelled() and not task.done()
    ]
    if lost:
        _cancel(loop, lost)


def _wait_of(task: Any) -> tuple[Any, asyncio.Future[Any], asyncio.Future[Any]] | None:
    """The task, the future on which its wait_for() sleeps, and the one that it waits for; None where it is in none."""
    coroutine = task.get_coro()
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None)
        if frame is not None and frame.f_code is getattr(asyncio.wait_for, "__code__", None):
            waiter, awaited = frame.f_locals.get("waiter"), frame.f_locals.get("fut")
            return (task, waiter, awaited) if waiter is not None and asyncio.isfuture(awaited) else None
        coroutine = getattr(coroutine, "cr_await", None)
    return None


def _run(
    factory: Callable[[], asyncio.AbstractEventLoop],
    thread: LoopThread,
    main: Coroutine[Any, Any, T],
    debug: bool | None,
    grace: float | None,
) -> T:
    """What asyncio.Runner does, which Python 3.10 does not have, with more signals than SIGINT."""
    loop = factory()
    cancelled: asyncio.CancelledError | None = None
    try:
        asyncio.set_event_loop(loop)
        if debug is not None:
            loop.set_debug(debug)
        thread.prepare(loop)
        task = loop.create_task(main)
        with _Stop(loop, task, grace) as stop:
            try:
                if stop.finish(task):
                    task.result()
            except asyncio.CancelledError as error:
                cancelled = error
            finally:
                _end_what_is_left(loop, stop)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    if stop.number and stop.number != signal.SIGINT:
        raise SystemExit(128 + stop.number)
    if stop.number and (cancelled is not None or stop.was_late or stop.expired.done()):
        raise KeyboardInterrupt
    if cancelled is not None:
        raise cancelled
    return task.result()


def _end_what_is_left(loop: asyncio.AbstractEventLoop, stop: _Stop) -> None:
    _cancel_all_tasks(loop, stop)
    for end in (loop.shutdown_asyncgens, loop.shutdown_default_executor):
        ending = loop.create_task(end())
        if not stop.finish(ending):
            _abandon([ending])


def _cancel_all_tasks(loop: asyncio.AbstractEventLoop, stop: _Stop) -> None:
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return
    if stop.expired.done():
        names = ", ".join(sorted(task.get_name() for task in tasks))
        logger.error(
            "the grace after the signal is over; these tasks are ended: %s", names, code="grace-over"
        )
    _cancel(loop, list(tasks))
    stop.finish(asyncio.gather(*tasks, return_exceptions=True))
    _abandon([task for task in tasks if not task.done()])
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception() is not None:
            loop.call_exception_handler(
                {
                    "message": "unhandled exception while fastws.run() ended",
                    "exception": task.exception(),
                    "task": task,
                }
            )


def _abandon(tasks: list[asyncio.Task[Any]]) -> None:
    """Leave tasks that do not end. asyncio would log each once more, when the process ends."""
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
