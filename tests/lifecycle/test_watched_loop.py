"""fastws.lifecycle.watched_loop: a socket's error reaches a reader that reads once a call, and data costs nothing."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import socket
import ssl
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastws.lifecycle import engines, watched_loop
from fastws.lifecycle.watched_loop import WatchedLoop, watched
from helpers import sockets
from helpers.sockets import Reader, reset
from helpers.support import LOOPS, needs_uvloop, run, uvloop

pytestmark = pytest.mark.skipif(not watched_loop.EXISTS, reason="there is no epoll")
ON_LOOPS = pytest.mark.parametrize("loop", LOOPS)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a TCP connection; the first does not block."""
    ours, theirs = sockets.pair()
    with ours, theirs:
        yield ours, theirs


class OwnContext(ssl.SSLContext):
    """A context that wraps a connection in its own way, as truststore's does."""

    def wrap_bio(self, *arguments: Any, **more: Any) -> ssl.SSLObject:
        return super().wrap_bio(*arguments, **more)


def descriptors() -> int:
    """How many there are; those of objects in reference cycles, left by other tests, are closed first."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


@ON_LOOPS
@pytest.mark.parametrize("data", [b"", b"a", b"abcdefghij"])
def test_a_reset_is_read_behind_the_data(loop: str, data: bytes, pair: Any) -> None:
    ours, theirs = pair

    async def main() -> None:
        before = descriptors()
        watching = watched(asyncio.get_running_loop())
        reader = Reader(watching, ours)
        reader.start()
        await asyncio.sleep(0.01)
        theirs.sendall(data)
        reset(theirs)
        assert await asyncio.wait_for(reader.ended, 2) == (data, ConnectionResetError)
        assert descriptors() == before - 1, "the epoll object is still open"  # theirs is closed

    run(main(), loop=loop)


@needs_uvloop
def test_without_it_the_reset_is_missed(pair: Any) -> None:
    """The reason for this module. If this fails, uvloop has changed, and the module is not needed any more."""
    ours, theirs = pair

    async def main() -> None:
        reader = Reader(asyncio.get_running_loop(), ours)  # type: ignore[arg-type]
        reader.start()
        await asyncio.sleep(0.01)
        theirs.sendall(b"ab")
        reset(theirs)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(reader.ended), 0.1)
        assert (reader.calls, reader.read) == (1, b"a")
        reader.stop()

    run(main(), loop="uvloop")


@ON_LOOPS
def test_data_and_an_end_make_no_call_more(loop: str, pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair
    called = []
    monkeypatch.setattr(WatchedLoop, "_on_errors", lambda self: called.append(self))

    async def main() -> None:
        reader = Reader(watched(asyncio.get_running_loop()), ours, 100)
        reader.start()
        for _ in range(20):
            theirs.sendall(b"abc")
            await asyncio.sleep(0.001)
        theirs.shutdown(socket.SHUT_WR)
        assert await asyncio.wait_for(reader.ended, 2) == (b"abc" * 20, None)
        assert not called

    run(main(), loop=loop)


@ON_LOOPS
def test_a_reader_that_pauses_is_not_called_and_hears_of_the_reset_when_it_resumes(
    loop: str, pair: Any
) -> None:
    ours, theirs = pair

    async def main() -> None:
        reader = Reader(watched(asyncio.get_running_loop()), ours)
        reader.start()
        await asyncio.sleep(0.01)
        reader.stop()
        theirs.sendall(b"abc")
        reset(theirs)
        await asyncio.sleep(0.02)
        assert reader.calls == 0
        assert reader.loop._errors is None
        reader.start()
        assert await asyncio.wait_for(reader.ended, 2) == (b"abc", ConnectionResetError)

    run(main(), loop=loop)


@ON_LOOPS
def test_one_reader_of_many_hears_of_its_own_reset(loop: str) -> None:
    async def main() -> None:
        watching = watched(asyncio.get_running_loop())
        with socket.create_server(("127.0.0.1", 0)) as listening:
            ours = [socket.create_connection(listening.getsockname()) for _ in range(20)]
            theirs = [listening.accept()[0] for _ in ours]
        for sock in ours:
            sock.setblocking(False)
        readers = [Reader(watching, sock) for sock in ours]
        before = descriptors()
        for reader in readers:
            reader.start()
        await asyncio.sleep(0.01)
        assert descriptors() == before + 1, "one epoll object serves all"
        for sock in theirs[::2]:
            sock.sendall(b"abc")
            reset(sock)
        for reader in readers[::2]:
            assert await asyncio.wait_for(reader.ended, 2) == (b"abc", ConnectionResetError)
        assert not any(reader.calls for reader in readers[1::2])
        for sock in theirs[1::2]:
            sock.sendall(b"xyz")
            sock.close()
        for reader in readers[1::2]:
            assert await asyncio.wait_for(reader.ended, 2) == (b"xyz", None)
        for sock in ours:
            sock.close()

    run(main(), loop=loop)


@ON_LOOPS
def test_a_reader_that_ends_others_in_its_call(loop: str) -> None:
    async def main() -> None:
        watching = watched(asyncio.get_running_loop())
        with socket.create_server(("127.0.0.1", 0)) as listening:
            ours = [socket.create_connection(listening.getsockname()) for _ in range(5)]
            theirs = [listening.accept()[0] for _ in ours]
        called = []

        def on_ready(number: int) -> None:
            called.append(number)
            for sock in ours:
                if sock.fileno() >= 0:
                    watching.remove_reader(sock.fileno())
                    sock.close()

        for number, sock in enumerate(ours):
            watching.add_reader(sock.fileno(), on_ready, number)
        await asyncio.sleep(0.01)
        for sock in theirs:
            reset(sock)
        await asyncio.sleep(0.02)
        assert len(called) == 1

    run(main(), loop=loop)


@ON_LOOPS
def test_a_reader_runs_in_the_context_in_which_it_was_added(loop: str, pair: Any) -> None:
    ours, theirs = pair
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="none")

    async def main() -> None:
        watching = watched(asyncio.get_running_loop())
        seen = []

        class Named(Reader):
            def on_ready(self) -> None:
                seen.append(name.get())
                super().on_ready()

        reader = Named(watching, ours)
        contextvars.copy_context().run(lambda: (name.set("reader"), reader.start()))
        await asyncio.sleep(0.01)
        theirs.sendall(b"abc")
        reset(theirs)
        await asyncio.wait_for(reader.ended, 2)
        assert len(seen) == 4
        assert set(seen) == {"reader"}

    run(main(), loop=loop)


@ON_LOOPS
def test_a_socket_with_the_number_of_one_that_was_closed_unremoved(loop: str, pair: Any) -> None:
    ours, theirs = pair

    async def main() -> None:
        watching = watched(asyncio.get_running_loop())
        closed = socket.socketpair()
        number = closed[0].fileno()
        watching.add_reader(number, print)
        await asyncio.sleep(0.01)
        for sock in closed:
            sock.close()
        os.dup2(ours.fileno(), number)
        again = socket.socket(fileno=number)
        again.setblocking(False)
        reader = Reader(watching, again)
        reader.start()
        theirs.sendall(b"a")
        await asyncio.sleep(0.02)
        assert reader.read == b"a"
        theirs.sendall(b"bc")
        reset(theirs)
        assert await asyncio.wait_for(reader.ended, 2) == (b"abc", ConnectionResetError)
        again.close()

    run(main(), loop=loop)


@ON_LOOPS
def test_what_cannot_be_watched_leaves_nothing(loop: str, tmp_path: Path) -> None:
    async def main() -> None:
        watching = watched(asyncio.get_running_loop())
        before = descriptors()
        with (tmp_path / "file").open("wb") as file, pytest.raises(OSError, match="not permitted"):
            watching.add_reader(file.fileno(), print)  # epoll watches no files
        assert watching._errors is None
        assert not watching._readers
        assert descriptors() == before
        assert not watching.remove_reader(0)

    run(main(), loop=loop)


@ON_LOOPS
def test_it_is_one_object_for_each_loop_and_goes_with_it(loop: str) -> None:
    async def main() -> weakref.ref[WatchedLoop]:
        running = asyncio.get_running_loop()
        watching = watched(running)
        assert watched(running) is watching
        assert watching.time.__self__ is running  # type: ignore[attr-defined]
        return weakref.ref(watching)

    first = run(main(), loop=loop)
    gc.collect()
    assert first() is None


@needs_uvloop
@pytest.mark.parametrize("lacking", ["", "tls", "epoll", "openssl", "aiofastnet", "plain context"])
def test_uvloop_gets_it_with_tls_where_that_is_possible(
    lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lacking == "epoll":
        monkeypatch.setattr(watched_loop, "EXISTS", False)
    if lacking == "openssl":
        monkeypatch.setattr(engines, "OPENSSL", None)
    if lacking == "aiofastnet":
        monkeypatch.setattr(engines, "aiofastnet", None)
    kind = OwnContext if lacking == "plain context" else ssl.SSLContext
    context = None if lacking == "tls" else kind(ssl.PROTOCOL_TLS_CLIENT)
    loop = uvloop.new_event_loop()
    try:
        found = engines._loop_of_aiofastnet(loop, None, context)
        assert found is (None if lacking else watched(loop))
    finally:
        loop.close()
