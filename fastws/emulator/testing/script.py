"""Scripts: faults and actions as lines of text, the same for the command line, for files and for tests.

# faults, at requests, handshakes and events
drop_reply@order.place
error times=3 status=429 code=-1003
# actions, now or some seconds from now
set engine_delay=[0.001,0.01] query_lag=0.2
at 2.5 shutdown seconds=1
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..exchange.state import Exchange
from ..values.faults import KINDS, Faults, parse_fault, parse_values

__all__ = ["ACTIONS", "Controlled", "ScriptError", "run_script"]

_DELAYS = frozenset(
    ("gateway_delay", "engine_delay", "reply_delay", "event_delay", "query_lag", "database_lag")
)


class Controlled(Protocol):
    """The exchange, as scripts use it; see the methods of Emulator with these names."""

    core: Exchange
    faults: Faults

    def revoke(self, api_key: str) -> None: ...

    def set_status(self, symbol: str, status: str) -> None: ...

    def ban(self, seconds: float | None = None, address: str = "127.0.0.1") -> None: ...

    def unban(self, address: str = "127.0.0.1") -> None: ...

    def answer_pings(self, yes: bool = True) -> None: ...

    def shutdown_notice(self, seconds: float | None = None) -> None: ...

    def disconnect_all(self, code: int = 1001, reason: str = "") -> None: ...


class ScriptError(ValueError):
    """A line of a script is neither a fault nor an action."""


def _set(exchange: Controlled, **values: Any) -> None:
    for name, value in values.items():
        if name not in _DELAYS:
            raise ValueError(f"{name} cannot be set; known are {', '.join(sorted(_DELAYS))}")
        setattr(exchange, name, tuple(value) if isinstance(value, list) else value)


def _revoke(exchange: Controlled, key: str) -> None:
    if key not in exchange.core.keys:
        raise ValueError("unknown API key")
    exchange.revoke(key)


def _clear(exchange: Controlled) -> None:
    exchange.faults.clear()


def _disconnect(exchange: Controlled, code: int = 1001, reason: str = "") -> None:
    exchange.disconnect_all(code, reason)


def _pings(exchange: Controlled, answered: bool = True) -> None:
    exchange.answer_pings(answered)


def _shutdown(exchange: Controlled, seconds: float | None = None) -> None:
    exchange.shutdown_notice(seconds)


def _ban(exchange: Controlled, seconds: float | None = None, address: str = "127.0.0.1") -> None:
    exchange.ban(seconds, address)


def _status(exchange: Controlled, symbol: str, status: str) -> None:
    exchange.set_status(symbol, status)


def _unban(exchange: Controlled, address: str = "127.0.0.1") -> None:
    exchange.unban(address)


# Each action's description and function.
ACTIONS: Mapping[str, tuple[str, Callable[..., None]]] = {
    "ban": ("ban an address and end its connections: `seconds`, `address`", _ban),
    "clear": ("remove all pending faults", _clear),
    "disconnect": (
        "end all connections with a close frame: `code` (1006: without one), `reason`",
        _disconnect,
    ),
    "pings": ("answer the clients' pings, or stop answering them: `answered`", _pings),
    "revoke": ("revoke a key: `key`", _revoke),
    "set": (
        "set delays: `gateway_delay`, `engine_delay`, `reply_delay`, `event_delay`, `query_lag`, `database_lag`",
        _set,
    ),
    "shutdown": ("send serverShutdown to all connections; end them `seconds` later, if given", _shutdown),
    "status": ("give a symbol another status: `symbol`, `status` (e.g. CANCEL_ONLY)", _status),
    "unban": ("lift a ban: `address`", _unban),
}


def run_script(exchange: Controlled, text: str) -> None:
    """Add the faults of a script and carry out its actions, now or later. If a line is wrong, no line has an effect.

    Raises:
        ScriptError: a line is neither a fault nor an action; the error has its number.
    """
    steps: list[Callable[[], Any]] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            step = _step(exchange, line)
        except ValueError as error:
            raise ScriptError(f"line {number}: {error}") from None
        if step is not None:
            steps.append(step)
    for step in steps:
        step()


def _step(exchange: Controlled, line: str) -> Callable[[], Any] | None:
    words = shlex.split(line, comments=True)
    if not words:
        return None
    seconds = 0.0
    if words[0] == "at":
        try:
            seconds = float(words[1])
        except (IndexError, ValueError):
            raise ValueError("at needs a number of seconds, then a fault or an action") from None
        del words[:2]
    if not words:
        raise ValueError("at needs a number of seconds, then a fault or an action")
    if words[0] in ACTIONS:
        action, values = ACTIONS[words[0]][1], parse_values(words[1:])
        _check(action, values)

        def do() -> Any:
            action(exchange, **values)
    else:
        do = _fault(exchange, shlex.join(words))
    if not seconds:
        return do
    loop = asyncio.get_running_loop()
    return lambda: loop.call_later(seconds, do)


def _fault(exchange: Controlled, text: str) -> Callable[[], Any]:
    kind, method, values = parse_fault(text)
    if kind not in KINDS:
        raise ValueError(
            f"{kind!r} is neither a fault nor an action; known are {', '.join(KINDS)}, and {', '.join(ACTIONS)}"
        )
    exchange.faults.check(kind, method, **values)
    return lambda: exchange.faults.add(kind, method, **values)


def _check(action: Callable[..., None], values: Mapping[str, Any]) -> None:
    if action is _set:
        unknown = values.keys() - _DELAYS
    else:
        count = action.__code__.co_argcount
        names = action.__code__.co_varnames[1:count]
        unknown = values.keys() - set(names)
        required = names[: len(names) - len(action.__defaults__ or ())]
        missing = [name for name in required if name not in values]
        if missing:
            raise ValueError(f"{', '.join(missing)} is missing")
    if unknown:
        raise ValueError(f"the action takes no {', '.join(sorted(unknown))}")
