"""fastws.lifecycle.lookup: the addresses of a host, when names are found, found late, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
import time
from typing import Any

import pytest

import fastws
from fastws.emulator.network.tls import Certificate
from fastws.lifecycle import lookup
from fastws.lifecycle.answers import judge
from fastws.lifecycle.lookup import LOOKUP, Lookup
from helpers.losing import lose, until, watched
from helpers.support import run
from helpers.ways import GOOD, LOOPS, answer, answering, proxying, run_on

REAL = socket.getaddrinfo


class Names:
    """A name server: the addresses of a.test; `dead` gives no answer, and `unknown` has no such name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
        self.addresses = list(addresses) or ["127.0.0.1"]
        self.asked = 0
        self.unknown = False
        self.alive = threading.Event()
        self.alive.set()
        monkeypatch.setattr(socket, "getaddrinfo", self._find)

    def _find(self, host: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "a.test":
            return REAL(host, *args, **kwargs)
        self.asked += 1
        self.alive.wait(20)
        if self.unknown:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.addresses]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Names(monkeypatch)
    yield made
    made.alive.set()
    while LOOKUP._running:
        time.sleep(0.001)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("how", ["dead", "unknown"])
def test_without_names_a_client_comes_back_to_the_addresses_that_last_worked(
    how: str, loop: str, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = Certificate(["a.test"])

    async def main() -> None:
        async with answering(answer(*GOOD), tls=certificate.server_context()) as url:
            url = url.replace("127.0.0.1", "a.test")
            client, _, _ = watched(url, ssl_context=certificate.client_context())
            async with client:
                assert names.asked == 1
                lose(client)
                await until(lambda: client.connection == 2)
                assert names.asked == 2, "each attempt asks"
                names.unknown = how == "unknown"
                if how == "dead":
                    names.alive.clear()
                start = asyncio.get_running_loop().time()
                for number in (3, 4):
                    lose(client)
                    await until(lambda number=number: client.connection == number)
                took = asyncio.get_running_loop().time() - start
                assert took < 2 * lookup.BOUND + 1.0
                assert await client.ping()

    run_on(loop, main(), monkeypatch)


def test_tls_checks_the_name_whatever_the_address(names: Names) -> None:
    certificate = Certificate(["b.test"])

    async def main() -> None:
        async with answering(answer(*GOOD), tls=certificate.server_context()) as url:
            with pytest.raises(fastws.NotConnected, match="certificate is not trusted") as caught:
                await fastws.connect(
                    url.replace("127.0.0.1", "a.test"), ssl_context=certificate.client_context()
                )
            assert judge(caught.value, 0).event == "refused"

    run(main())


def test_a_name_that_was_never_found_is_told(names: Names) -> None:
    names.unknown = True

    async def main() -> None:
        with pytest.raises(fastws.NotConnected, match="its host cannot be found"):
            await fastws.connect("wss://a.test")
        names.alive.clear()
        with pytest.raises(
            fastws.NotConnected, match=r"no answer within 0\.1 s \(waited for the address of a\.test"
        ):
            await fastws.connect("wss://a.test", connect_timeout=0.1)

    run(main())


def test_a_host_of_several_addresses_is_reached_at_the_one_that_answers(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.addresses = ["127.0.0.3", "127.0.0.1", "127.0.0.4"]

    async def main() -> None:
        async with answering(answer(*GOOD)) as url:
            url = url.replace("127.0.0.1", "a.test")
            async with fastws.connect(url, allow_plaintext=True) as client:
                assert await client.ping()
            assert LOOKUP._worked["a.test"] == ["127.0.0.1", "127.0.0.3", "127.0.0.4"]
        with pytest.raises(fastws.NotConnected, match="nothing listens there"):
            await fastws.connect(url, allow_plaintext=True)

    run(main())


def test_addresses_that_worked_take_turns_and_late_answers_are_used_next(names: Names) -> None:
    names.addresses = ["127.0.0.1", "127.0.0.2"]

    async def main() -> None:
        table = Lookup()
        assert await table.find("127.0.0.9") == ["127.0.0.9"]
        assert await table.find("::1") == ["::1"]
        assert await table.find("a.test") == ["127.0.0.1", "127.0.0.2"]
        table.worked("a.test", "127.0.0.2", ["127.0.0.1", "127.0.0.2"])
        names.alive.clear()
        assert await table.find("a.test") == ["127.0.0.2", "127.0.0.1"]
        assert await table.find("a.test") == ["127.0.0.1", "127.0.0.2"]
        assert names.asked == 2, "a lookup that hangs is not repeated"
        names.addresses = ["127.0.0.5"]
        names.alive.set()
        await until(lambda: not table._running)
        assert await table.find("a.test") == ["127.0.0.5"]
        assert names.asked == 2
        assert await table.find("a.test") == ["127.0.0.5"]
        assert names.asked == 3

    run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("reached", [False, True])
def test_an_address_that_never_answers_takes_the_time_of_one_attempt(
    reached: bool, loop: str, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the first one of each lookup. With ``reached``, it worked when the client was opened."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            writer.close()

    async def main() -> None:
        names.addresses = ["127.0.0.1"] if reached else ["127.0.0.6", "127.0.0.1"]
        async with answering(answer(*GOOD)) as url:
            port = int(url.split(":")[2].split("/")[0])
            url = url.replace("127.0.0.1", "a.test")
            client, steps, _ = watched(url, connect_timeout=0.2, allow_plaintext=True)
            async with await asyncio.start_server(silent, "127.0.0.6", port):
                if not reached:
                    with pytest.raises(fastws.NotConnected, match=r"no answer within 0\.2 s"):
                        await client
                    client, steps, _ = watched(url, connect_timeout=0.2, allow_plaintext=True)
                async with client:
                    names.addresses = ["127.0.0.6", "127.0.0.1"]
                    lose(client)
                    await until(lambda: client.connection == 2)
                    assert await client.ping()
                    assert steps.count(("connecting", "waiting")) == reached

    run_on(loop, main(), monkeypatch)


def test_addresses_that_failed_come_behind_the_others(names: Names) -> None:
    names.addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]

    async def main() -> None:
        table = Lookup()
        table.failed("127.0.0.1", "127.0.0.1")
        table.failed("a.test", "127.0.0.1")
        assert await table.find("a.test") == ["127.0.0.2", "127.0.0.3", "127.0.0.1"]
        table.failed("a.test", "127.0.0.2")
        assert await table.find("a.test") == ["127.0.0.3", "127.0.0.1", "127.0.0.2"]
        table.failed("a.test", "127.0.0.1")
        table.failed("a.test", "127.0.0.3")
        assert await table.find("a.test") == ["127.0.0.2", "127.0.0.1", "127.0.0.3"]
        table.worked("a.test", "127.0.0.3", names.addresses)
        assert await table.find("a.test") == ["127.0.0.3", "127.0.0.2", "127.0.0.1"]

    run(main())


def test_a_thread_that_cannot_be_started_is_started_again(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        table = Lookup()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError):
                await table.find("a.test")
        assert await asyncio.wait_for(table.find("a.test"), 5) == ["127.0.0.1"]

    run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_looks_up_anew_what_its_parent_waits_for(names: Names) -> None:
    async def main() -> None:
        names.alive.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(LOOKUP.find("a.test"), 0.01)

    run(main())
    assert LOOKUP._running
    child = os.fork()
    if child == 0:
        os._exit(bool(LOOKUP._running) or not LOOKUP._lock.acquire(blocking=False))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_program_ends_while_a_lookup_hangs(names: Names) -> None:
    async def main() -> None:
        names.alive.clear()
        with pytest.raises(fastws.NotConnected):
            await fastws.connect("wss://a.test", connect_timeout=0.05)

    start = time.monotonic()
    run(main())
    assert time.monotonic() - start < 5, "run() waited for the thread of the lookup"


def test_a_proxy_looks_up_the_name_itself(names: Names) -> None:
    names.unknown = True

    async def main() -> None:
        async with proxying() as proxy:
            with pytest.raises(fastws.NotConnected):
                await fastws.connect(
                    "ws://a.test", proxy=f"http://127.0.0.1:{proxy.port}", allow_plaintext=True
                )
            assert proxy.asked == ["a.test:80"]
        assert names.asked <= 1, "the proxy of this test looks it up in this process"

    run(main())
