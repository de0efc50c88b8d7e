"""Errors that nobody waits for, and callbacks of the user, for clients and for sessions of market data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .log import complain

__all__ = ["call_back", "report_to_loop"]


def report_to_loop(
    loop: asyncio.AbstractEventLoop, client: object, message: str, exception: BaseException | None
) -> None:
    """Give the exception to the event loop's exception handler.

    KeyboardInterrupt and SystemExit are raised in the event loop instead, after the messages that were read are
    delivered.
    """
    if isinstance(exception, (KeyboardInterrupt, SystemExit)):
        loop.call_soon(_raise, exception)
        return
    try:
        loop.call_exception_handler(
            {"message": f"fastws: {message}", "exception": exception, "client": client}
        )
    except (KeyboardInterrupt, SystemExit) as ending:  # the user's handler ends the program
        loop.call_soon(_raise, ending)
    except BaseException:  # the default handler logs, and logging can fail
        complain(message)


def call_back(
    report: Callable[[str, BaseException | None], None],
    name: str,
    callback: Callable[..., object],
    *args: object,
) -> None:
    """Call a callback of the user; what it raises is reported. ``name`` is for the report."""
    try:
        returned = callback(*args)
    except BaseException as exc:
        report(f"{name} raised an exception", exc)
        return
    if returned is not None and asyncio.iscoroutine(returned):
        returned.close()
        report(
            f"{name} did nothing",
            TypeError(f"{name} must be a plain function: it is called, nobody would await its coroutine"),
        )


def _raise(exception: BaseException) -> None:
    raise exception
