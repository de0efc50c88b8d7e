"""The open connections as users see them: what is in flight on each, and how to disturb one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, overload

from ..values.checks import Which, check_close_code, check_seconds, check_which
from ..values.delays import Delay, Seconds
from ..values.journal import Record
from .connection import Connection

__all__ = ["ConnectionControl", "Connections"]


class ConnectionControl:
    """A connection of a client, with the ways to disturb it. It can still be read when the connection has ended.

    All methods raise RuntimeError if the connection has ended, and ValueError for an argument that is out of range.

    Attributes:
        number: its number at the exchange, from 1; the journal and the event log have the same numbers.
        port: the port of the exchange that it came to.
    """

    __slots__ = ("_connection", "number", "port")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.number = connection.number
        self.port = connection.port

    @property
    def open(self) -> bool:
        """Whether it has neither ended nor begun to close. A stalled or frozen connection is open."""
        return self._connection.open

    @property
    def frozen(self) -> bool:
        """Whether it is half open; see ``freeze``."""
        return self._connection.frozen

    @property
    def subscriptions(self) -> tuple[int, ...]:
        """The ids of its user data stream subscriptions."""
        return tuple(self._connection.subscriptions)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of its market data streams; none on a connection of the WebSocket API."""
        return tuple(self._connection.names)

    @property
    def unanswered(self) -> tuple[Record, ...]:
        """The journal's records of its requests that got no reply until now, oldest first."""
        return tuple(self._connection.unanswered.values())

    @property
    def event_delay(self) -> Seconds:
        """Seconds by which its subscriptions delay events: a number, or a pair (minimum, maximum).

        The first value is that of the exchange. A change applies to the next events, also of subscriptions that exist.

        Raises:
            ValueError: on a change, a number is negative, or the minimum is greater than the maximum.
        """
        connection = self._connection
        if connection.event_delay is not None:
            return connection.event_delay
        for subscription in connection.subscriptions.values():
            return subscription.delay.seconds
        return connection.server.exchange.streams.delay

    @event_delay.setter
    def event_delay(self, seconds: Seconds) -> None:
        connection = self._live()
        connection.event_delay = Delay(seconds, "").seconds
        for subscription in connection.subscriptions.values():
            subscription.delay.seconds = seconds

    def shutdown(self, seconds: float | None = None) -> None:
        """Send ``serverShutdown`` on it; close it with 1001 ``seconds`` later, unless that is None."""
        if seconds is not None:
            check_seconds("seconds", seconds)
        connection = self._live()
        connection.server.announce_shutdown(seconds, (connection,))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame with ``code``, from 1000 to 4999. A client that does not answer it in a second is
        disconnected. With 1006, which no frame may have, it is ended as by ``abort``.
        """
        check_close_code(code, reason)
        connection = self._live()
        if code == 1006:
            connection.destroy()
        else:
            connection.close(code, reason)

    def abort(self) -> None:
        """End the TCP connection at once, without a close frame. This also ends one that is frozen or that closes."""
        if self._connection.ended:
            raise RuntimeError(f"connection {self.number} has ended")
        self._connection.destroy()

    def stall(self) -> None:
        """Stop reading: requests and pings are not seen any more, and fill the buffers of both sides.

        Replies, events and the exchange's own pings still go out. Requests that were received take their effect.
        """
        self._live().stall()

    def resume(self) -> None:
        """Read again after ``stall``: first what the client has written in the meantime.

        Raises:
            RuntimeError: the connection has ended or is frozen.
        """
        connection = self._live()
        if connection.frozen:
            raise RuntimeError(f"connection {self.number} is frozen and cannot go on; it can only be aborted")
        connection.resume()

    def freeze(self) -> None:
        """Make it half open: the socket stays open, and nothing is read or sent on it any more, also no pong, no close
        frame and no end of the stream. Requests that were received take their effect. Only ``abort`` and the end of
        the exchange end it.
        """
        self._live().freeze()

    def _live(self) -> Connection:
        if not self._connection.open:
            raise RuntimeError(f"connection {self.number} has ended")
        return self._connection

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConnectionControl) and other._connection is self._connection

    def __hash__(self) -> int:
        return hash(self._connection)

    def __repr__(self) -> str:
        connection = self._connection
        states = {"open": True, "stalled": connection.stalled, "frozen": connection.frozen}
        state = [name for name, yes in states.items() if yes][-1] if connection.open else "ended"
        return f"<connection {self.number}, {state}, {len(connection.unanswered)} unanswered>"


class _Server(Protocol):
    @property
    def connections(self) -> Mapping[int, Connection]: ...


class Connections(Sequence[ConnectionControl]):
    """The open connections, oldest first. It always shows those of now."""

    def __init__(self, server: Callable[[], _Server]) -> None:
        self._server = server

    def pick(self, which: Which) -> ConnectionControl:
        """A connection by its number, or the "oldest" or "newest".

        Raises:
            ValueError: there is no such open connection.
        """
        check_which(which)
        open_now = [connection for connection in self._server().connections.values() if connection.open]
        if which in ("oldest", "newest"):
            if not open_now:
                raise ValueError("there is no open connection")
            return ConnectionControl(open_now[0 if which == "oldest" else -1])
        for connection in open_now:
            if connection.number == which:
                return ConnectionControl(connection)
        numbers = ", ".join(str(connection.number) for connection in open_now)
        raise ValueError(f"there is no open connection {which}; open are {numbers or 'none'}")

    def __len__(self) -> int:
        return len(self._server().connections)

    def __iter__(self) -> Iterator[ConnectionControl]:
        return iter([ConnectionControl(connection) for connection in self._server().connections.values()])

    @overload
    def __getitem__(self, index: int) -> ConnectionControl: ...
    @overload
    def __getitem__(self, index: slice) -> list[ConnectionControl]: ...
    def __getitem__(self, index: int | slice) -> ConnectionControl | list[ConnectionControl]:
        shown = list(self)
        if isinstance(index, int) and not -len(shown) <= index < len(shown):
            raise IndexError(f"there is no connection at index {index}; {len(shown)} are open")
        return shown[index]

    def __repr__(self) -> str:
        return repr(list(self))
