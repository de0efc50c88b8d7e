"""Scripts: faults and actions as lines of text, the same for the command line, for files and for tests.

# faults, at requests, handshakes and events
drop_reply@order.place
error times=3 status=429 code=-1003
# actions, now or some seconds from now
set engine_delay=[0.001,0.01] query_lag=0.2
at 2.5 shutdown seconds=1
at 4 freeze connection=newest
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from ..exchange.state import Exchange
from ..network.control import ConnectionControl, Connections
from ..values.auth import PERMISSIONS, KeyType
from ..values.checks import (
    ServiceName,
    Which,
    check_close_code,
    check_count,
    check_flag,
    check_names,
    check_seconds,
    check_service,
    check_which,
)
from ..values.delays import Delay
from ..values.fault_kinds import CONTROL_METHODS, STREAM_EVENTS, STREAM_KINDS
from ..values.faults import KINDS, Faults, parse_fault, parse_values
from ..values.logs import logger

__all__ = ["ACTIONS", "Controlled", "ScriptError", "run_script"]

_DELAYS = frozenset(
    ("gateway_delay", "engine_delay", "reply_delay", "event_delay", "query_lag", "database_lag")
)
_FLAGS = frozenset(("termination_overtakes", "types_overtake"))


class Controlled(Protocol):
    """The exchange, as scripts use it; see the methods of Emulator with these names."""

    core: Exchange
    faults: Faults
    stream_faults: Faults
    connections: Connections
    stream_connections: Connections

    def add_key(
        self,
        account: str,
        key_type: KeyType = "Ed25519",
        *,
        api_key: str | None = None,
        secret: str | None = None,
        private_key: bytes | None = None,
        permissions: Iterable[str] = PERMISSIONS,
    ) -> Any: ...

    def revoke(self, api_key: str) -> None: ...

    def restore(self, api_key: str) -> None: ...

    def listen(self, port: int, yes: bool = True) -> None: ...

    def set_status(self, symbol: str, status: str) -> None: ...

    def ban(self, seconds: float | None = None, address: str = "127.0.0.1") -> None: ...

    def unban(self, address: str = "127.0.0.1") -> None: ...

    def answer_pings(self, yes: bool = True, *, service: ServiceName | None = None) -> None: ...

    def shutdown_notice(
        self, seconds: float | None = None, *, service: ServiceName | None = None
    ) -> None: ...

    def disconnect_all(
        self, code: int = 1001, reason: str = "", *, service: ServiceName | None = None
    ) -> None: ...

    def add_block_trade(
        self, symbol: str, price: str, quantity: str, *, buyer_is_maker: bool = False
    ) -> None: ...


class ScriptError(ValueError):
    """A line of a script is neither a fault nor an action, or its action could not be carried out."""


def _set(
    exchange: Controlled,
    connection: Which | None = None,
    service: ServiceName | None = None,
    **values: Any,
) -> None:
    target = exchange if connection is None else _pick(exchange, connection, service)
    for name, value in values.items():
        setattr(target, name, _names(value) if name == "differing_fields" else _delay(value))


def _delay(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _names(value: Any) -> Any:
    """The names of a text such as E,W; none, if it is empty."""
    return [name.strip() for name in value.split(",") if value] if isinstance(value, str) else value


def _add_key(
    exchange: Controlled,
    account: str,
    api_key: str,
    secret: str | None = None,
    private_key: str | None = None,
    type: KeyType | None = None,
) -> None:
    pem = None if private_key is None else Path(private_key).read_bytes()
    kind = type or ("HMAC" if private_key is None else "Ed25519")
    exchange.add_key(account, kind, api_key=api_key, secret=secret, private_key=pem)


def _revoke(exchange: Controlled, key: str) -> None:
    exchange.revoke(key)


def _restore(exchange: Controlled, key: str) -> None:
    exchange.restore(key)


def _clear(exchange: Controlled) -> None:
    exchange.faults.clear()
    exchange.stream_faults.clear()


def _pick(exchange: Controlled, connection: Which, service: ServiceName | None) -> ConnectionControl:
    """A connection by its number, or the oldest or newest of a service; without one, of the WebSocket API."""
    of_streams = [each.number for each in exchange.stream_connections]
    if service == "streams" or (service is None and connection in of_streams):
        return exchange.stream_connections.pick(connection)
    return exchange.connections.pick(connection)


def _each(
    exchange: Controlled, connection: Which | None, service: ServiceName | None
) -> list[ConnectionControl]:
    """The connection of a choice; without one, all that are open."""
    if connection is not None:
        return [_pick(exchange, connection, service)]
    chosen = [] if service == "streams" else list(exchange.connections)
    if service != "api":
        chosen += exchange.stream_connections
    return [each for each in chosen if each.open]


def _disconnect(
    exchange: Controlled,
    connection: Which | None = None,
    code: int = 1001,
    reason: str = "",
    service: ServiceName | None = None,
) -> None:
    if connection is None:
        exchange.disconnect_all(code, reason, service=service)
    else:
        _pick(exchange, connection, service).close(code, reason)


def _abort(exchange: Controlled, connection: Which | None = None, service: ServiceName | None = None) -> None:
    for each in _each(exchange, connection, service):
        each.abort()


def _stall(exchange: Controlled, connection: Which | None = None, service: ServiceName | None = None) -> None:
    for each in _each(exchange, connection, service):
        each.stall()


def _resume(
    exchange: Controlled, connection: Which | None = None, service: ServiceName | None = None
) -> None:
    for each in _each(exchange, connection, service):
        if connection is not None or not each.frozen:
            each.resume()


def _freeze(
    exchange: Controlled, connection: Which | None = None, service: ServiceName | None = None
) -> None:
    for each in _each(exchange, connection, service):
        each.freeze()


def _listen(exchange: Controlled, port: int, yes: bool = True) -> None:
    exchange.listen(port, yes)


def _pings(exchange: Controlled, answered: bool = True, service: ServiceName | None = None) -> None:
    exchange.answer_pings(answered, service=service)


def _shutdown(
    exchange: Controlled,
    seconds: float | None = None,
    connection: Which | None = None,
    service: ServiceName | None = None,
) -> None:
    if connection is None:
        exchange.shutdown_notice(seconds, service=service)
    else:
        _pick(exchange, connection, service).shutdown(seconds)


def _block_trade(exchange: Controlled, symbol: str, price: str, quantity: str) -> None:
    exchange.add_block_trade(symbol, str(price), str(quantity))


def _ban(exchange: Controlled, seconds: float | None = None, address: str = "127.0.0.1") -> None:
    exchange.ban(seconds, address)


def _status(exchange: Controlled, symbol: str, status: str) -> None:
    exchange.set_status(symbol, status)


def _unban(exchange: Controlled, address: str = "127.0.0.1") -> None:
    exchange.unban(address)


# Each action's description and function. `connection` is a number, oldest or newest; without it, all are meant.
ACTIONS: Mapping[str, tuple[str, Callable[..., None]]] = {
    "abort": ("end the TCP connection without a close frame: `connection`, `service`", _abort),
    "add_key": (
        "give an account one more key: `account`, `api_key`, and `secret`, or `private_key` (a PEM file; `type`, if "
        "it is RSA)",
        _add_key,
    ),
    "ban": ("ban an address and end its connections: `seconds`, `address`", _ban),
    "block_trade": (
        "add a trade that was negotiated outside the book: `symbol`, `price`, `quantity`",
        _block_trade,
    ),
    "clear": ("remove all pending faults", _clear),
    "disconnect": (
        "end all connections, or `connection`, with a close frame: `code` (1006: without one), `reason`, `service`",
        _disconnect,
    ),
    "freeze": ("leave the socket open, but read and send nothing more: `connection`, `service`", _freeze),
    "listen": ("close a port of the exchange (`yes=false`), or open it again: `port`, `yes`", _listen),
    "pings": ("answer the clients' pings, or stop answering them: `answered`, `service`", _pings),
    "restore": ("make a key valid again that was revoked: `key`", _restore),
    "resume": ("read again after stall: `connection`, `service`", _resume),
    "revoke": ("revoke a key: `key`", _revoke),
    "set": (
        "set delays: `gateway_delay`, `engine_delay`, `reply_delay`, `event_delay` (with `connection`, of that one), "
        "`query_lag`, `database_lag`; and how events travel: `differing_fields` (e.g. E,W), `termination_overtakes`, "
        "`types_overtake`",
        _set,
    ),
    "shutdown": (
        "send serverShutdown to all connections, or to `connection`; end them `seconds` later, if given; `service`",
        _shutdown,
    ),
    "stall": ("stop reading: `connection`, `service`", _stall),
    "status": ("give a symbol another status: `symbol`, `status` (e.g. CANCEL_ONLY)", _status),
    "unban": ("lift a ban: `address`", _unban),
}


def run_script(exchange: Controlled, text: str) -> None:
    """Add the faults of a script and carry out its actions, now or later. If a line is wrong, no line has an effect.

    An action can also fail when it is carried out, e.g. because its connection has ended. The lines after it have no
    effect then; the failure of a later action is logged as an error.

    Raises:
        ScriptError: a line is neither a fault nor an action, or its action failed; the error has its number.
    """
    steps: list[tuple[int, float, Callable[[], Any]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            step = _step(exchange, line)
        except ValueError as error:
            raise ScriptError(f"line {number}: {error}") from None
        if step is not None:
            steps.append((number, *step))
    for number, seconds, do in steps:
        if seconds:
            asyncio.get_running_loop().call_later(seconds, _later, number, do)
        else:
            try:
                do()
            except (ValueError, RuntimeError, OSError) as error:
                raise ScriptError(f"line {number}: {error}") from None


def _later(number: int, do: Callable[[], Any]) -> None:
    try:
        do()
    except (ValueError, RuntimeError, OSError) as error:
        logger.error("line %d of a script: %s", number, error)


def _step(exchange: Controlled, line: str) -> tuple[float, Callable[[], Any]] | None:
    """When a line has its effect, in seconds from now, and what makes it. None for an empty line."""
    words = shlex.split(line, comments=True)
    if not words:
        return None
    seconds = 0.0
    if words[0] == "at":
        try:
            seconds = float(words[1])
        except (IndexError, ValueError):
            raise ValueError("at needs a number of seconds, then a fault or an action") from None
        check_seconds("at", seconds)
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
    return seconds, do


def _fault(exchange: Controlled, text: str) -> Callable[[], Any]:
    kind, method, values = parse_fault(text)
    if kind not in KINDS:
        raise ValueError(
            f"{kind!r} is neither a fault nor an action; known are {', '.join(KINDS)}, and {', '.join(ACTIONS)}"
        )
    faults = exchange.stream_faults if _of_streams(kind, method, values) else exchange.faults
    faults.check(kind, method, **values)
    return lambda: faults.add(kind, method, **values)


def _of_streams(kind: str, method: str | None, values: dict[str, Any]) -> bool:
    """Whether a fault is of market data streams: by its ``service``, which is taken from the values, or by its name."""
    service = values.pop("service", None)
    if service is not None:
        check_service(service)
        return bool(service == "streams")
    name = method or ""
    known = name in CONTROL_METHODS or (name in STREAM_EVENTS and KINDS[kind].point == "event")
    return known or "@" in name or name.startswith("!") or kind in STREAM_KINDS


def _check(action: Callable[..., None], values: Mapping[str, Any]) -> None:
    """Check the names and the values of an action's details.

    Raises:
        ValueError: a detail is missing or unknown, or its value is out of range.
    """
    if action is _set:
        _check_settings(values)
    else:
        count = action.__code__.co_argcount
        names = action.__code__.co_varnames[1:count]
        unknown = values.keys() - set(names)
        if unknown:
            raise ValueError(f"the action takes no {', '.join(sorted(unknown))}")
        required = names[: len(names) - len(action.__defaults__ or ())]
        missing = [name for name in required if name not in values]
        if missing:
            raise ValueError(f"{', '.join(missing)} is missing")
    if "connection" in values:
        check_which(values["connection"])
    if "service" in values:
        check_service(values["service"])
    if "code" in values or "reason" in values:
        check_close_code(values.get("code", 1001), values.get("reason", ""))
    if values.get("seconds") is not None:
        check_seconds("seconds", values["seconds"])
    if "port" in values:
        check_count("port", values["port"], 1)
    for name in ("yes", "answered"):
        check_flag(name, values.get(name, True))
    for name in ("account", "address", "api_key", "key", "private_key", "secret", "status", "symbol", "type"):
        if not isinstance(values.get(name, ""), str):
            raise ValueError(f"{name} is a text, not {values[name]!r}")


def _check_settings(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name in ("connection", "service"):
            continue
        if name not in (known := _DELAYS | _FLAGS | {"differing_fields"}):
            raise ValueError(f"the action takes no {name}; it takes {', '.join(sorted(known))}")
        if "connection" in values and name != "event_delay":
            raise ValueError(f"{name} cannot be set for one connection; only event_delay can")
        if name in _FLAGS:
            check_flag(name, value)
        elif name == "differing_fields":
            check_names(name, _names(value))
        else:
            Delay(_delay(value), "")
