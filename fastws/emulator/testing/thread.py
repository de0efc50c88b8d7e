"""The exchange in its own thread, for tests and programs that do not use its event loop."""

from __future__ import annotations

import asyncio
import inspect
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, overload

from ..network.control import ConnectionControl
from ..values.accounts import Account
from ..values.auth import PERMISSIONS, Credentials, KeyType
from ..values.checks import Which
from .emulator import Emulator

__all__ = ["EmulatorThread"]

_TIMEOUT = 10.0


class _Remote:
    """A proxy of an object of the exchange. Its methods run in the exchange's thread; coroutine methods block."""

    def __init__(self, thread: EmulatorThread, name: str) -> None:
        self._thread = thread
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("_"):
            raise AttributeError(method)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._thread.call(lambda e: getattr(getattr(e, self._name), method)(*args, **kwargs))

        return call

    def __len__(self) -> int:
        return int(self._thread.call(lambda e: len(getattr(e, self._name))))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._thread.call(lambda e: list(getattr(e, self._name))))

    def __getitem__(self, index: Any) -> Any:
        return self._thread.call(lambda e: getattr(e, self._name)[index])


class _RemoteConnection:
    """A proxy of a ConnectionControl: what is read, set and called happens in the exchange's thread."""

    _thread: EmulatorThread
    _connection: ConnectionControl

    def __init__(self, thread: EmulatorThread, connection: ConnectionControl) -> None:
        object.__setattr__(self, "_thread", thread)
        object.__setattr__(self, "_connection", connection)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = self._thread.call(lambda _: getattr(self._connection, name))
        if not callable(value):
            return value
        return lambda *args, **kwargs: self._thread.call(lambda _: value(*args, **kwargs))

    def __setattr__(self, name: str, value: Any) -> None:
        self._thread.call(lambda _: setattr(self._connection, name, value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _RemoteConnection) and self._connection == other._connection

    def __hash__(self) -> int:
        return hash(self._connection)

    def __repr__(self) -> str:
        return repr(self._connection)


class _RemoteConnections(Sequence[_RemoteConnection]):
    """A proxy of the exchange's open connections."""

    def __init__(self, thread: EmulatorThread) -> None:
        self._thread = thread

    def pick(self, which: Which) -> _RemoteConnection:
        return _RemoteConnection(self._thread, self._thread.call(lambda e: e.connections.pick(which)))

    def __len__(self) -> int:
        return int(self._thread.call(lambda e: len(e.connections)))

    def __iter__(self) -> Iterator[_RemoteConnection]:
        shown = self._thread.call(lambda e: list(e.connections))
        return (_RemoteConnection(self._thread, connection) for connection in shown)

    @overload
    def __getitem__(self, index: int) -> _RemoteConnection: ...
    @overload
    def __getitem__(self, index: slice) -> list[_RemoteConnection]: ...
    def __getitem__(self, index: int | slice) -> _RemoteConnection | list[_RemoteConnection]:
        if isinstance(index, slice):
            return list(self)[index]
        return _RemoteConnection(self._thread, self._thread.call(lambda e: e.connections[index]))


class EmulatorThread:
    """An embedded exchange that runs in its own thread, with its own event loop.

        with EmulatorThread(seed=2) as exchange:
            key = exchange.add_account("HMAC")
            ...  # connect to exchange.url, with any client, in any thread or event loop

    It takes Emulator's arguments. Its methods are those of Emulator with the same names; use ``call`` for all others.
    The methods of ``faults``, ``journal`` and ``events`` can be called as well, and what is in ``connections`` can be
    read, called and set; ``journal.wait_for`` and ``events.wait_for`` block.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._exchange: Emulator | None = None
        self.faults = _Remote(self, "faults")
        self.journal = _Remote(self, "journal")
        self.events = _Remote(self, "events")
        self.connections = _RemoteConnections(self)

    def __enter__(self) -> EmulatorThread:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

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

    def call(self, function: Callable[[Emulator], Any], *, timeout: float = _TIMEOUT) -> Any:
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

    @property
    def url(self) -> str:
        """The URL for clients."""
        return str(self.call(lambda e: e.url))

    @property
    def port(self) -> int:
        """The first port that it listens on."""
        return int(self.call(lambda e: e.port))

    @property
    def ports(self) -> tuple[int, ...]:
        """All its ports, also those that ``listen`` has closed."""
        return tuple(self.call(lambda e: e.ports))

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs of all ports at all addresses that it listens at."""
        return tuple(self.call(lambda e: e.urls))

    def listen(self, port: int, yes: bool = True) -> None:
        """Close one of its ports, so that connections to it are refused, or open it again; see Emulator."""
        self.call(lambda e: e.listen(port, yes))

    @property
    def ca_pem(self) -> bytes:
        """The certificate of the authority that signed the server's."""
        return bytes(self.call(lambda e: e.ca_pem))

    def client_ssl_context(self) -> ssl.SSLContext:
        """An SSL context for a client of this exchange."""
        context = self.call(lambda e: e.client_ssl_context())
        assert isinstance(context, ssl.SSLContext)
        return context

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
        key = self.call(
            lambda e: e.add_account(
                key_type,
                name=name,
                api_key=api_key,
                secret=secret,
                private_key=private_key,
                balances=balances,
                permissions=permissions,
            )
        )
        assert isinstance(key, Credentials)
        return key

    def add_key(self, account: Account | str, key_type: KeyType = "Ed25519", **options: Any) -> Credentials:
        """Give an account one more key; see Emulator."""
        key = self.call(lambda e: e.add_key(account, key_type, **options))
        assert isinstance(key, Credentials)
        return key

    def script(self, text: str) -> None:
        """Add faults and carry out actions from lines of text; see Emulator."""
        self.call(lambda e: e.script(text))

    def set_status(self, symbol: str, status: str) -> None:
        """Set the status of a symbol, such as "CANCEL_ONLY"; see Emulator."""
        self.call(lambda e: e.set_status(symbol, status))

    def revoke(self, api_key: str) -> None:
        """Make a key invalid."""
        self.call(lambda e: e.revoke(api_key))

    def restore(self, api_key: str) -> None:
        """Make a key valid again that was revoked; see Emulator."""
        self.call(lambda e: e.restore(api_key))

    def ban(self, seconds: float | None = None, address: str = "127.0.0.1") -> None:
        """Ban an address and end its connections; see Emulator."""
        self.call(lambda e: e.ban(seconds, address))

    def unban(self, address: str = "127.0.0.1") -> None:
        """Lift an address's ban."""
        self.call(lambda e: e.unban(address))

    def answer_pings(self, yes: bool = True) -> None:
        """Answer the pings of clients, or stop answering them."""
        self.call(lambda e: e.answer_pings(yes))

    def disconnect_all(self, code: int = 1001, reason: str = "") -> None:
        """End all connections; code 1006: without a close frame."""
        self.call(lambda e: e.disconnect_all(code, reason))

    def shutdown_notice(self, seconds: float | None = None) -> None:
        """Send ``serverShutdown`` to all connections; end them ``seconds`` later, unless that is None."""
        self.call(lambda e: e.shutdown_notice(seconds))
