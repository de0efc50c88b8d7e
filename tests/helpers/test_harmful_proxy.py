"""tests/helpers/proxy.py: each kind of harm does what it says, at the byte at which it should, on either event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from helpers.proxy import Fault, Kind, Proxy, Way
from helpers.support import LOOPS, run

WORDS = bytes(range(100))


class Ends:
    """The two ends of a connection through a proxy."""

    def __init__(self) -> None:
        self.readers: dict[Way, asyncio.StreamReader] = {}
        self.writers: dict[Way, asyncio.StreamWriter] = {}

    async def say(self, way: Way, words: bytes, seconds: float = 0.05) -> list[bytes]:
        """The pieces in which words arrive; an exception's name at the end where the connection ends."""
        self.writers[way].write(words)
        pieces: list[bytes] = []
        with contextlib.suppress(asyncio.TimeoutError):
            while len(b"".join(pieces)) < len(words):
                try:
                    piece = await asyncio.wait_for(self.readers[way].read(1000), seconds)
                except ConnectionResetError:
                    return [*pieces, b"reset"]
                if not piece:
                    return [*pieces, b"end"]
                pieces.append(piece)
        return pieces


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[Proxy, Ends]]:
    ends, there = Ends(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.readers["out"], ends.writers["in"] = reader, writer
        there.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Proxy(f"ws://127.0.0.1:{port}/path") as proxy:
        assert proxy.url.endswith("/path")
        own = int(proxy.url.split(":")[2].partition("/")[0])
        ends.readers["in"], ends.writers["out"] = await asyncio.open_connection("127.0.0.1", own)
        await there.wait()
        try:
            yield proxy, ends
        finally:
            for writer in ends.writers.values():
                writer.transport.abort()
            server.close()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("way", ["out", "in"])
@pytest.mark.parametrize("after", [0, 1, 50, 99, 100])
@pytest.mark.parametrize(("kind", "end"), [("cut", [b"end"]), ("reset", [b"reset"]), ("hole", [])])
def test_a_connection_ends_at_any_byte(kind: Kind, end: list[bytes], after: int, way: Way, loop: str) -> None:
    async def main() -> None:
        async with connected() as (proxy, ends):
            fault = proxy.strike(Fault(kind, way, after))
            pieces = await ends.say(way, WORDS, 0.02 if kind == "hole" else 5)
            if after == 100 and kind != "hole":
                pieces += await ends.say(way, b"more", 5)
            if kind == "reset" and pieces == [b"reset"]:  # it may overtake what came before it
                return
            assert b"".join(pieces) == WORDS[:after] + b"".join(end)
            assert fault.struck
            assert not proxy.waiting

    run(main(), loop=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_bytes_are_delayed_split_and_merged_and_none_is_lost(loop: str) -> None:
    async def main() -> None:
        async with connected() as (proxy, ends):
            assert await ends.say("in", WORDS, 5) == [WORDS]
            proxy.strike(Fault("delay", "in", 10, seconds=0.05))
            start = asyncio.get_running_loop().time()
            assert await ends.say("in", WORDS, 5) == [WORDS[:10], WORDS[10:]]
            assert asyncio.get_running_loop().time() - start > 0.04
            proxy.strike(Fault("split", "in", 90, size=3, seconds=0.005))
            pieces = await ends.say("in", WORDS, 5)
            assert pieces[0] == WORDS[:90]
            assert b"".join(pieces) == WORDS
            assert 2 < len(pieces) < 6
            proxy.strike(Fault("merge", "out", 0, seconds=0.2))
            for byte in range(5):
                ends.writers["out"].write(WORDS[byte : byte + 1])
                await asyncio.sleep(0.002)
            assert await ends.say("out", WORDS[5:], 5) == [WORDS]

    run(main(), loop=loop)
