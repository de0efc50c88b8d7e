"""The exchange outside of the caller's event loop: what EmulatorThread and EmulatorProcess have in common.

Everything that a caller does is one of the functions below, executed in the exchange's event loop. They are functions
of a module, so that they can be sent to another process by name.
"""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, overload

from ..values.accounts import Account
from ..values.auth import PERMISSIONS, Credentials, KeyType
from ..values.checks import ServiceName, Which
from .emulator import Emulator

__all__ = ["TIMEOUT", "RemoteConnections", "RemoteEmulator", "RemoteObject", "RemotePart"]

TIMEOUT = 10.0  # seconds that a call may take


def value_of(exchange: Emulator, path: str) -> Any:
    """The value of an attribute of the exchange, such as ``url``."""
    return attrgetter(path)(exchange)


def invoke(exchange: Emulator, path: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a method of the exchange, such as ``faults.add``."""
    return attrgetter(path)(exchange)(*args, **kwargs)


def size_of(exchange: Emulator, path: str) -> int:
    return len(attrgetter(path)(exchange))


def items_of(exchange: Emulator, path: str) -> list[Any]:
    return list(attrgetter(path)(exchange))


def item_of(exchange: Emulator, path: str, index: Any) -> Any:
    return attrgetter(path)(exchange)[index]


def attribute(exchange: Emulator, target: object, name: str) -> tuple[bool, Any]:
    """Whether an object's attribute is a method; and the value of one that is not."""
    value = getattr(target, name)
    return (True, None) if callable(value) else (False, value)


def call_method(
    exchange: Emulator, target: object, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    return getattr(target, name)(*args, **kwargs)


def set_attribute(exchange: Emulator, target: object, name: str, value: Any) -> None:
    setattr(target, name, value)


def text_of(exchange: Emulator, target: object) -> str:
    return repr(target)


class RemotePart:
    """A proxy of a part of the exchange. Its methods run in the exchange's event loop; coroutine methods block."""

    def __init__(self, exchange: RemoteEmulator, name: str) -> None:
        self._exchange = exchange
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("_"):
            raise AttributeError(method)
        path = f"{self._name}.{method}"
        return lambda *args, **kwargs: self._exchange._execute(invoke, path, args, kwargs)

    def __len__(self) -> int:
        return int(self._exchange._execute(size_of, self._name))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._exchange._execute(items_of, self._name))

    def __getitem__(self, index: Any) -> Any:
        return self._exchange._execute(item_of, self._name, index)


class RemoteObject:
    """A proxy of an object of the exchange: what is read, set and called happens in the exchange's event loop."""

    _exchange: RemoteEmulator
    _target: Any

    def __init__(self, exchange: RemoteEmulator, target: Any) -> None:
        object.__setattr__(self, "_exchange", exchange)
        object.__setattr__(self, "_target", target)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        is_method, value = self._exchange._execute(attribute, self._target, name)
        if not is_method:
            return value
        return lambda *args, **kwargs: self._exchange._execute(call_method, self._target, name, args, kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        self._exchange._execute(set_attribute, self._target, name, value)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RemoteObject)
            and self._exchange is other._exchange
            and self._target == other._target
        )

    def __hash__(self) -> int:
        return hash(self._target)

    def __repr__(self) -> str:
        return str(self._exchange._execute(text_of, self._target))


class RemoteConnections(Sequence[RemoteObject]):
    """A proxy of the exchange's open connections."""

    def __init__(self, exchange: RemoteEmulator, name: str) -> None:
        self._exchange = exchange
        self._name = name

    def pick(self, which: Which) -> RemoteObject:
        return self._exchange._proxy(self._exchange._execute(invoke, f"{self._name}.pick", (which,), {}))

    def __len__(self) -> int:
        return int(self._exchange._execute(size_of, self._name))

    def __iter__(self) -> Iterator[RemoteObject]:
        return map(self._exchange._proxy, self._exchange._execute(items_of, self._name))

    @overload
    def __getitem__(self, index: int) -> RemoteObject: ...
    @overload
    def __getitem__(self, index: slice) -> list[RemoteObject]: ...
    def __getitem__(self, index: int | slice) -> RemoteObject | list[RemoteObject]:
        if isinstance(index, slice):
            return list(self)[index]
        return self._exchange._proxy(self._exchange._execute(item_of, self._name, index))


class RemoteEmulator(ABC):
    """An exchange that runs in another event loop than the caller's. All methods block until they are done there."""

    def __init__(self) -> None:
        self.faults = RemotePart(self, "faults")
        self.stream_faults = RemotePart(self, "stream_faults")
        self.journal = RemotePart(self, "journal")
        self.events = RemotePart(self, "events")
        self.connections = RemoteConnections(self, "connections")
        self.stream_connections = RemoteConnections(self, "stream_connections")

    @abstractmethod
    def _execute(self, function: Callable[..., Any], *args: Any) -> Any:
        """Execute ``function(exchange, *args)`` in the exchange's event loop, and return its result."""

    @abstractmethod
    def _proxy(self, value: Any) -> RemoteObject:
        """A proxy of an object that ``_execute`` has returned."""

    @property
    def url(self) -> str:
        """The URL for clients."""
        return str(self._execute(value_of, "url"))

    @property
    def port(self) -> int:
        """The first port that it listens on."""
        return int(self._execute(value_of, "port"))

    @property
    def ports(self) -> tuple[int, ...]:
        """All its ports, also those that ``listen`` has closed."""
        return tuple(self._execute(value_of, "ports"))

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs of all ports at all addresses that it listens at."""
        return tuple(self._execute(value_of, "urls"))

    @property
    def stream_url(self) -> str:
        """The URL of the market data streams in JSON."""
        return str(self._execute(value_of, "stream_url"))

    @property
    def sbe_stream_url(self) -> str:
        """The URL of the market data streams in SBE."""
        return str(self._execute(value_of, "sbe_stream_url"))

    @property
    def stream_ports(self) -> tuple[int, ...]:
        """All ports of the market data streams in JSON."""
        return tuple(self._execute(value_of, "stream_ports"))

    @property
    def sbe_stream_ports(self) -> tuple[int, ...]:
        """All ports of the market data streams in SBE."""
        return tuple(self._execute(value_of, "sbe_stream_ports"))

    @property
    def stream_urls(self) -> tuple[str, ...]:
        """The URLs of all ports of the streams in JSON, at all addresses."""
        return tuple(self._execute(value_of, "stream_urls"))

    @property
    def sbe_stream_urls(self) -> tuple[str, ...]:
        """The URLs of all ports of the streams in SBE, at all addresses."""
        return tuple(self._execute(value_of, "sbe_stream_urls"))

    def add_block_trade(
        self, symbol: str, price: str, quantity: str, *, buyer_is_maker: bool = False
    ) -> None:
        """Add a trade that was negotiated outside the book; see Emulator."""
        self._execute(
            invoke, "add_block_trade", (symbol, price, quantity), {"buyer_is_maker": buyer_is_maker}
        )

    def listen(self, port: int, yes: bool = True) -> None:
        """Close one of its ports, so that connections to it are refused, or open it again; see Emulator."""
        self._execute(invoke, "listen", (port, yes), {})

    @property
    def ca_pem(self) -> bytes:
        """The certificate of the authority that signed the server's."""
        return bytes(self._execute(value_of, "ca_pem"))

    def client_ssl_context(self) -> ssl.SSLContext:
        """An SSL context for a client of this exchange: it trusts only the exchange's own authority."""
        return ssl.create_default_context(cadata=self.ca_pem.decode())

    def add_account(
        self,
        key_type: KeyType = "Ed25519",
        *,
        name: str = "",
        api_key: str | None = None,
        secret: str | None = None,
        private_key: bytes | None = None,
        balances: Mapping[str, str] | None = None,
        permissions: Iterable[str] = PERMISSIONS,
    ) -> Credentials:
        """Open an account with a key; see Emulator."""
        options = {
            "name": name,
            "api_key": api_key,
            "secret": secret,
            "private_key": private_key,
            "balances": balances,
            "permissions": permissions,
        }
        key = self._execute(invoke, "add_account", (key_type,), options)
        assert isinstance(key, Credentials)
        return key

    def add_key(self, account: Account | str, key_type: KeyType = "Ed25519", **options: Any) -> Credentials:
        """Give an account one more key; see Emulator."""
        key = self._execute(invoke, "add_key", (account, key_type), options)
        assert isinstance(key, Credentials)
        return key

    def script(self, text: str) -> None:
        """Add faults and carry out actions from lines of text; see Emulator."""
        self._execute(invoke, "script", (text,), {})

    def set_status(self, symbol: str, status: str) -> None:
        """Set the status of a symbol, such as "CANCEL_ONLY"; see Emulator."""
        self._execute(invoke, "set_status", (symbol, status), {})

    def revoke(self, api_key: str) -> None:
        """Make a key invalid."""
        self._execute(invoke, "revoke", (api_key,), {})

    def restore(self, api_key: str) -> None:
        """Make a key valid again that was revoked; see Emulator."""
        self._execute(invoke, "restore", (api_key,), {})

    def ban(self, seconds: float | None = None, address: str = "127.0.0.1") -> None:
        """Ban an address and end its connections; see Emulator."""
        self._execute(invoke, "ban", (seconds, address), {})

    def unban(self, address: str = "127.0.0.1") -> None:
        """Lift an address's ban."""
        self._execute(invoke, "unban", (address,), {})

    def answer_pings(self, yes: bool = True, *, service: ServiceName | None = None) -> None:
        """Answer the pings of clients, or stop answering them."""
        self._execute(invoke, "answer_pings", (yes,), {"service": service})

    def disconnect_all(
        self, code: int = 1001, reason: str = "", *, service: ServiceName | None = None
    ) -> None:
        """End all connections; code 1006: without a close frame."""
        self._execute(invoke, "disconnect_all", (code, reason), {"service": service})

    def shutdown_notice(self, seconds: float | None = None, *, service: ServiceName | None = None) -> None:
        """Send ``serverShutdown`` to all connections; end them ``seconds`` later, unless that is None."""
        self._execute(invoke, "shutdown_notice", (seconds,), {"service": service})
