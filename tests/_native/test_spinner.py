"""fastws._native.spinner: callbacks in their order, sockets read without the loop's selector, the loop's own turns."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fastws._native import spinner
from fastws._native.spinner import Spinner, spinner_of
from helpers.sockets import pair, reset
from helpers.spinning import SpinnersReader, run
from helpers.support import LOOPS, uvloop

pytestmark = [
    pytest.mark.skipif(not spinner.EXISTS, reason="this system has no epoll"),
]
SHORT = 0.05  # seconds


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    made = uvloop.new_event_loop() if request.param == "uvloop" else asyncio.SelectorEventLoop()
    yield made
    made.close()


@pytest.fixture
def spun(loop: asyncio.AbstractEventLoop) -> Iterator[Spinner]:
    """The Spinner of the loop."""
    made = Spinner(loop)
    yield made
    loop.close()
    made.close()


@pytest.fixture(params=["alone", "threads", "many"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How connections are read: a few, without other threads; by epoll, as with threads; by epoll, as they are many."""
    threads = 2 if request.param == "threads" else 1
    monkeypatch.setattr(spinner, "active_count", lambda: threads)
    return str(request.param)


@pytest.fixture
def readers(spun: Spinner, way: str) -> Iterator[list[SpinnersReader]]:
    """Readers of sockets: one, or many."""
    made = [SpinnersReader(spun) for _ in range(20 if way == "many" else 1)]
    yield made
    for reader in made:
        reader.close()


# ---------------------------------------------------------------------------------------------------- sockets


@pytest.mark.parametrize("data", [b"", b"a", b"abcdefghij"])
@pytest.mark.parametrize("end", [None, ConnectionResetError])
def test_all_is_read_and_then_the_end_or_the_reset(
    loop: asyncio.AbstractEventLoop, readers: list[SpinnersReader], data: bytes, end: Any
) -> None:
    async def main() -> None:
        await asyncio.sleep(0.001)
        for reader in readers:
            reader.theirs.sendall(data)
            if end is None:
                reader.theirs.close()
            else:
                reset(reader.theirs)
        for reader in readers:
            assert await reader.ended == (data, end)

    run(loop, main())


def test_a_reader_that_has_stopped_is_not_called_and_goes_on_where_it_was(
    loop: asyncio.AbstractEventLoop, readers: list[SpinnersReader]
) -> None:
    async def main() -> None:
        reader = readers[0]
        reader.theirs.sendall(b"a")
        await reader.has_read()
        reader.stop()
        reader.theirs.sendall(b"b")
        reset(reader.theirs)
        await asyncio.sleep(SHORT)
        assert reader.read == b"a"
        reader.start()
        assert await reader.ended == (b"ab", ConnectionResetError)

    run(loop, main())


def test_a_reader_may_end_one_behind_it_that_has_something_to_read_too(
    loop: asyncio.AbstractEventLoop, spun: Spinner, way: str
) -> None:
    readers = [SpinnersReader(spun) for _ in range(20 if way == "many" else 3)]

    def end_the_others(first: SpinnersReader) -> None:
        for reader in readers:
            reader.then = bool
            if reader is not first:
                reader.close()

    async def main() -> None:
        for reader in readers:
            reader.then = lambda reader=reader: end_the_others(reader)  # type: ignore[misc]
        for reader in readers:
            reader.theirs.sendall(b"a")
        await asyncio.sleep(SHORT)
        assert sum(len(reader.read) for reader in readers) == 1

    run(loop, main())
    for reader in readers:
        reader.close()


def test_the_next_socket_with_the_same_number_has_a_reader_of_its_own(
    loop: asyncio.AbstractEventLoop, spun: Spinner, readers: list[SpinnersReader]
) -> None:
    """Also where nobody has removed the reader of the first."""

    async def main() -> None:
        first = readers.pop()
        second = SpinnersReader(spun, first)
        readers.append(second)
        second.theirs.sendall(b"second")
        second.theirs.close()
        assert await second.ended == (b"second", None)
        assert first.read == b""

    run(loop, main())


def test_a_reader_runs_in_the_context_in_which_it_was_added(
    loop: asyncio.AbstractEventLoop, spun: Spinner, way: str
) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="none")

    async def main() -> str:
        name.set("mine")
        reader = SpinnersReader(spun)
        seen = loop.create_future()
        reader.then = lambda: seen.set_result(name.get())
        name.set("changed")
        reader.theirs.sendall(b"a")
        try:
            found: str = await seen
            return found
        finally:
            reader.close()

    assert run(loop, main()) == "mine"


def test_an_exception_of_a_reader_is_reported_and_it_goes_on(
    loop: asyncio.AbstractEventLoop, readers: list[SpinnersReader]
) -> None:
    reported: list[Any] = []
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))

    def fail() -> None:
        if len(readers[0].read) == 1:
            raise ValueError("in a reader")

    async def main() -> None:
        readers[0].then = fail
        readers[0].theirs.sendall(b"ab")
        readers[0].theirs.close()
        await readers[0].ended

    run(loop, main())
    assert [repr(each) for each in reported] == ["ValueError('in a reader')"]
    assert readers[0].read == b"ab"


def test_a_number_that_is_no_open_descriptor_is_refused(spun: Spinner) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        spun.add_reader(1_000_000, bool)
    assert spun.remove_reader(1_000_000) is False


# ------------------------------------------------------------------------------------------ the loop's turns


@pytest.mark.usefixtures("readers")
@pytest.mark.parametrize("busy", [False, True])
def test_others_have_their_turn(loop: asyncio.AbstractEventLoop, busy: bool) -> None:
    """Timers, other sockets and other threads, while nothing happens, and while a callback always waits."""

    async def main() -> None:
        if busy:

            def again() -> None:
                loop.call_soon(again)

            again()
        begun = time.monotonic()
        await asyncio.sleep(0.01)
        assert time.monotonic() - begun < 1
        ours, theirs = pair()
        with ours, theirs:
            theirs.sendall(b"hello")
            assert await loop.sock_recv(ours, 10) == b"hello"
        called = asyncio.Event()
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(called.set,))
        thread.start()
        await called.wait()
        thread.join()

    run(loop, main())


@pytest.mark.usefixtures("readers", "way")
@pytest.mark.parametrize("way", ["threads", "many"], indirect=True)
def test_other_threads_run_while_it_waits(loop: asyncio.AbstractEventLoop) -> None:
    """Each takes Python's lock 200 times: 5 ms each, if it had to be taken away from the loop."""

    def work() -> float:
        begun = time.monotonic()
        for _ in range(200):
            time.sleep(0)
        return time.monotonic() - begun

    async def main() -> float:
        return await loop.run_in_executor(None, work)

    assert run(loop, main()) < 0.5


@pytest.mark.usefixtures("spun")
def test_callbacks_run_once_and_in_their_order(loop: asyncio.AbstractEventLoop) -> None:
    ran: list[Any] = []

    async def main() -> None:
        done = loop.create_future()
        for number in range(5):
            loop.call_soon(ran.append, number)
        cancelled = loop.call_soon(ran.append, "never")
        loop.call_soon_threadsafe(ran.append, 5)
        loop.call_soon(ran.extend, [6, 7])
        loop.call_soon(lambda: ran.append("none"))
        loop.call_soon(lambda *all: ran.append(all), 1, 2, 3)
        assert not cancelled.cancelled()
        cancelled.cancel()
        assert cancelled.cancelled()
        loop.call_soon(done.set_result, None)
        assert not ran
        await done

    run(loop, main())
    assert ran == [0, 1, 2, 3, 4, 5, 6, 7, "none", (1, 2, 3)]


@pytest.mark.usefixtures("spun")
def test_a_callback_runs_in_its_context(loop: asyncio.AbstractEventLoop) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="none")
    given = contextvars.copy_context()
    given.run(name.set, "given")
    seen: list[str] = []

    async def main() -> None:
        name.set("mine")
        loop.call_soon(lambda: seen.append(name.get()))
        handle = loop.call_soon(lambda: seen.append(name.get()), context=given)
        assert handle.get_context() is given
        name.set("changed")
        await asyncio.sleep(0)

    run(loop, main())
    assert seen == ["mine", "given"]


@pytest.mark.usefixtures("spun")
def test_an_exception_of_a_callback_is_reported(loop: asyncio.AbstractEventLoop) -> None:
    reported: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: reported.append(context))

    def fail() -> None:
        raise ValueError("in a callback")

    async def main() -> str:
        loop.call_soon(fail)
        await asyncio.sleep(0)
        return "went on"

    assert run(loop, main()) == "went on"
    (context,) = reported
    assert context["message"].startswith("Exception in callback <function")
    assert repr(context["exception"]) == "ValueError('in a callback')"


@pytest.mark.usefixtures("spun")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_ends_the_loop_and_the_rest_waits(
    loop: asyncio.AbstractEventLoop, kind: type[BaseException]
) -> None:
    ran: list[int] = []

    def fail() -> None:
        raise kind("now")

    async def main() -> None:
        loop.call_soon(ran.append, 1)
        loop.call_soon(fail)
        loop.call_soon(ran.append, 2)
        await asyncio.Event().wait()

    async def nothing() -> None:
        await asyncio.sleep(0)

    task = loop.create_task(main())
    with pytest.raises(kind, match="now"):
        loop.run_until_complete(task)
    assert ran[:1] == [1]
    loop.run_until_complete(nothing())
    assert ran == [1, 2]
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))


@pytest.mark.usefixtures("readers")
def test_the_loop_stops_with_its_turn(loop: asyncio.AbstractEventLoop) -> None:
    """What is scheduled behind stop() runs when the loop runs again, as on the loop itself."""
    ran: list[str] = []

    def stops() -> None:
        loop.stop()
        loop.call_soon(lambda: (ran.append("behind"), loop.call_soon(ran.append, "far behind")))

    loop.call_soon(stops)
    loop.run_forever()
    assert "far behind" not in ran
    loop.call_soon(lambda: loop.call_soon(lambda: loop.call_soon(loop.stop)))
    loop.run_forever()
    assert ran == ["behind", "far behind"]


@pytest.mark.usefixtures("readers")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to one process")
def test_a_signal_is_handled_while_nothing_happens(loop: asyncio.AbstractEventLoop) -> None:
    async def main() -> None:
        came = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, came.set)
        other = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1))
        other.start()
        await came.wait()
        other.join()
        loop.remove_signal_handler(signal.SIGUSR1)

    run(loop, main())


def test_two_loops_spin_in_two_threads() -> None:
    """Each reads its own sockets."""

    def read(data: bytes) -> bytes:
        loop = asyncio.SelectorEventLoop()
        spun = Spinner(loop)

        async def main() -> bytes:
            reader = SpinnersReader(spun)
            for at in range(len(data)):
                reader.theirs.sendall(data[at : at + 1])
                await asyncio.sleep(0.0005)
            reader.theirs.close()
            said, _ = await reader.ended
            reader.close()
            return said

        try:
            return loop.run_until_complete(asyncio.wait_for(main(), 10))
        finally:
            loop.close()
            spun.close()

    said: dict[bytes, bytes] = {}
    threads = [
        threading.Thread(target=lambda data=data: said.update({data: read(data)}))
        for data in (b"a" * 40, b"b" * 40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {b"a" * 40: b"a" * 40, b"b" * 40: b"b" * 40}


# -------------------------------------------------------------------------------------------- begin and end


def test_it_is_found_by_its_loop_until_it_is_closed(loop: asyncio.AbstractEventLoop) -> None:
    assert spinner_of(loop) is None
    before = len(os.listdir("/proc/self/fd"))
    spun = Spinner(loop)
    assert spinner_of(loop) is spun
    assert spun.get_debug() is False  # of the loop
    late = loop.call_soon
    loop.close()
    spun.close()
    spun.close()
    assert spinner_of(loop) is None
    for call in (loop.call_soon, late, spun.call_soon, spun.call_soon_threadsafe):
        with pytest.raises(RuntimeError, match="closed"):
            call(bool)
    assert spun.remove_reader(0) is False
    assert len(os.listdir("/proc/self/fd")) <= before + 1, (
        "the epoll object is open"
    )  # the Spinner still exists
    del spun, late, call
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_loop_whose_methods_cannot_be_replaced_is_refused_and_nothing_stays_open() -> None:
    class Fixed:
        __slots__ = ()

        def call_soon(self, *args: Any) -> None: ...

        call_soon_threadsafe = stop = call_soon

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(AttributeError):
        Spinner(Fixed())  # type: ignore[arg-type]
    assert len(os.listdir("/proc/self/fd")) == before
