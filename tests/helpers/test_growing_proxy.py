"""tests/helpers/proxy.py: throttles, half-open connections, refusals, several ports, and ends without a byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from helpers.proxy import Fault, Proxy, Way
from helpers.support import LOOPS, run

WORDS = bytes(range(100))


class Echo:
    """A server that sends back what comes, and says how its connections end."""

    def __init__(self) -> None:
        self.ends: asyncio.Queue[str] = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while data := await reader.read(1000):
                writer.write(data)
            self.ends.put_nowait("end")
        except ConnectionResetError:
            self.ends.put_nowait("reset")
        writer.close()


@contextlib.asynccontextmanager
async def serving(ports: int = 1) -> AsyncIterator[tuple[Proxy, Echo]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/path"
    try:
        async with Proxy(url, ports=ports) as proxy:
            yield proxy, echo
    finally:
        server.close()
        for writer in echo.writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def connected(proxy: Proxy, port: int | None = None) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port or proxy.ports[0])
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()


class Line:
    """The client's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, words: bytes = WORDS) -> bytes:
        self.writer.write(words)
        return await self.hear(len(words))

    async def hear(self, size: int = 1000) -> bytes:
        """So many bytes, or what came before the connection ended; b"reset" if a reset ended it."""
        try:
            return await asyncio.wait_for(self.reader.readexactly(size), 5)
        except asyncio.IncompleteReadError as error:
            return error.partial
        except ConnectionResetError:
            return b"reset"

    async def hears_nothing(self, seconds: float = 0.03) -> bool:
        try:
            await asyncio.wait_for(self.reader.read(1), seconds)
        except asyncio.TimeoutError:
            return True
        return False


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("way", ["out", "in"])
def test_a_throttle_lasts_until_it_is_lifted(way: Way, loop: str) -> None:
    async def main() -> None:
        async with serving() as (proxy, _), connected(proxy) as line:
            clock = asyncio.get_running_loop().time
            proxy.strike(Fault("throttle", way, 50, seconds=0.01, size=25))
            for least in (0.02, 0.04):  # of the first hundred bytes, half are free
                start = clock()
                assert await line.say() == WORDS
                assert clock() - start > 0.9 * least
            proxy.relieve()
            start = clock()
            assert await line.say(WORDS * 10) == WORDS * 10
            assert clock() - start < 0.3  # throttled, it takes 0.4

    run(main(), loop=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_half_open_connection_is_over_for_the_server_alone(loop: str) -> None:
    async def main() -> None:
        async with serving() as (proxy, echo), connected(proxy) as line:
            assert await line.say() == WORDS
            proxy.strike(Fault("half-open", "out"))
            line.writer.write(WORDS)
            assert await echo.ends.get() == "reset"
            line.writer.write(WORDS)
            assert await line.hears_nothing()
            assert proxy.connections == [1]

    run(main(), loop=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_behind_a_hole_no_end_is_heard(loop: str) -> None:
    async def main() -> None:
        async with serving() as (proxy, echo), connected(proxy) as line:
            assert await line.say() == WORDS
            await proxy.strike_now("hole", "in")
            echo.writers[0].close()
            assert await line.hears_nothing()
            line.writer.close()
        async with serving() as (proxy, echo):
            async with connected(proxy) as line:
                assert await line.say() == WORDS
                await proxy.strike_now("hole", "out")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(echo.ends.get(), 0.03)

    run(main(), loop=loop)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("kind", "heard"), [("cut", b""), ("reset", b"reset")])
def test_connections_end_at_once_without_a_byte(kind: str, heard: bytes, loop: str) -> None:
    async def main() -> None:
        async with serving() as (proxy, echo), connected(proxy) as one, connected(proxy) as other:
            assert await one.say() == await other.say() == WORDS
            assert proxy.connections == [1, 2]
            await proxy.strike_now(kind)  # type: ignore[arg-type]
            assert await one.hear() == await other.hear() == heard
            assert {await echo.ends.get(), await echo.ends.get()} == {"reset" if heard else "end"}

    run(main(), loop=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_fault_may_wait_for_one_connection(loop: str) -> None:
    async def main() -> None:
        async with serving() as (proxy, _), connected(proxy) as one:
            assert await one.say() == WORDS
            fault = proxy.strike(Fault("cut", "in", 3, connection=2))
            assert await one.say() == WORDS
            assert proxy.waiting
            async with connected(proxy) as two:
                assert await two.say() == WORDS[:3]
            assert fault.struck
            assert await one.say() == WORDS

    run(main(), loop=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_connections_are_refused_in_three_ways(loop: str) -> None:
    async def main() -> None:
        async with serving() as (proxy, echo):
            for how, heard in (("close", b""), ("reset", b"reset")):
                proxy.refuse(2, how)  # type: ignore[arg-type]
                for _ in range(2):
                    async with connected(proxy) as line:
                        assert await line.hear() == heard
            proxy.refuse(1, "silence")
            async with connected(proxy) as line:
                line.writer.write(WORDS)
                assert await line.hears_nothing()
            async with connected(proxy) as line:
                assert await line.say() == WORDS
            assert [attempt.refused for attempt in proxy.attempts] == [
                *("close", "close", "reset", "reset"),
                "silence",
                None,
            ]
            assert [attempt.number for attempt in proxy.attempts] == [1, 2, 3, 4, 5, 6]
            assert len(echo.writers) == 1

    run(main(), loop=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_ports_close_and_open_one_by_one(loop: str) -> None:
    async def main() -> None:
        async with serving(ports=2) as (proxy, _), connected(proxy) as first:
            assert await first.say() == WORDS
            one, two = proxy.ports
            assert proxy.url == proxy.url_of(one)
            assert f":{two}/path" in proxy.url_of(two)
            await proxy.listen(one, False)
            with pytest.raises(ConnectionRefusedError):
                async with connected(proxy, one):
                    pass
            async with connected(proxy, two) as line:
                assert await line.say() == WORDS
            await proxy.listen(one)
            async with connected(proxy, one) as line:
                assert await line.say() == WORDS
            assert [attempt.port for attempt in proxy.attempts] == [one, two, one]
            assert await first.say() == WORDS  # it lives on

    run(main(), loop=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_who_does_not_read_is_not_written_to_without_end(loop: str) -> None:
    async def main() -> None:
        async with serving() as (proxy, echo), connected(proxy) as line:
            assert await line.say() == WORDS
            echo.writers[0].transport.pause_reading()
            line.writer.transport.set_write_buffer_limits(0)

            async def write() -> None:
                for _ in range(1000):
                    line.writer.write(bytes(65_536))
                    await line.writer.drain()

            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(write(), 0.5)

    run(main(), loop=loop)
