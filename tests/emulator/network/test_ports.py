"""Several ports and hosts, and ports that are closed and opened again."""

from __future__ import annotations

import socket
import ssl
import sys

import pytest
from websockets.asyncio.client import connect

from fastws.emulator import Emulator, EmulatorThread
from helpers import support
from helpers.emulator.wire import Wire, run, wire


async def served(url, **options):
    async with connect(url, **options) as client:
        return (await Wire(client).call("ping"))["status"] == 200


def test_several_ports():
    async def main():
        async with Emulator(ports=3) as exchange:
            assert len(set(exchange.ports)) == 3
            assert exchange.port == exchange.ports[0]
            assert exchange.urls[0] == exchange.url
            assert len(exchange.urls) == 3
            for port, url in zip(exchange.ports, exchange.urls, strict=True):
                async with connect(url):
                    assert exchange.connections[-1].port == port
        first, second, _ = ports = tuple(free() for _ in range(3))
        async with Emulator(ports=ports) as exchange:
            assert exchange.ports == ports
        async with Emulator(port=first, ports=2) as exchange:
            assert exchange.port == first
        async with Emulator(ports=[second]) as exchange:
            assert await served(exchange.url)

    run(main)


def free():
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return bound.getsockname()[1]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", support.LOOPS)
def test_a_port_is_closed_and_opened_again(loop, tls):
    async def main():
        async with Emulator(ports=2, tls=tls) as exchange, wire(exchange) as client:
            context = exchange.client_ssl_context() if tls else None
            first, second = exchange.urls
            for _ in range(3):
                exchange.listen(exchange.ports[0], False)
                exchange.listen(exchange.ports[0], False)
                with pytest.raises(ConnectionRefusedError):
                    await connect(first, ssl=context)
                assert await served(second, ssl=context)
                assert (await client.call("ping"))["status"] == 200, "connections stay"
                exchange.listen(exchange.ports[0])
                exchange.listen(exchange.ports[0], True)
                assert await served(first, ssl=context)
            for port in exchange.ports:
                exchange.listen(port, False)
            assert len(exchange.ports) == 2
            with pytest.raises(ConnectionRefusedError):
                await connect(second, ssl=context)

    support.run(main(), loop=loop)


def test_a_closed_port_can_be_lost_to_another_program():
    async def main():
        async with Emulator(ports=2) as exchange:
            first, second = exchange.ports
            exchange.listen(first, False)
            with socket.create_server(("127.0.0.1", first)):
                with pytest.raises(OSError, match=f"cannot listen at '127.0.0.1', port {first}: "):
                    exchange.listen(first)
                assert await served(exchange.urls[1])
            exchange.listen(first)
            assert await served(exchange.url)
            with pytest.raises(ValueError, match=f"there is no port 1; there are {first}, {second}"):
                exchange.listen(1, False)
            with pytest.raises(ValueError, match="listen is True or False, not 1"):
                exchange.listen(first, 1)

    run(main)


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 has to be set up")
def test_several_hosts_and_names_in_the_certificate():
    async def main():
        hosts = ("127.0.0.2", "exchange.test", "127.0.0.1")
        async with Emulator(tls=True, ports=2, hosts=hosts) as exchange:
            context = exchange.client_ssl_context()
            assert [url.split("/")[2].rpartition(":")[0] for url in exchange.urls] == [
                "127.0.0.1",
                "127.0.0.1",
                "127.0.0.2",
                "127.0.0.2",
            ]
            for url in exchange.urls:
                assert await served(url, ssl=context)
            assert await served(
                exchange.url.replace("127.0.0.1", "exchange.test"), ssl=context, host="127.0.0.2"
            )
            with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
                await connect(exchange.url.replace("127.0.0.1", "other.test"), ssl=context, host="127.0.0.2")
            exchange.listen(exchange.port, False)
            for url in (exchange.urls[0], exchange.urls[2]):
                with pytest.raises(ConnectionRefusedError):
                    await connect(url, ssl=context)
            exchange.listen(exchange.port)
            assert await served(exchange.urls[2], ssl=context)

    run(main)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ports": 0}, "ports is how many ports there are, 1 or more, or a sequence of them, not 0"),
        ({"ports": True}, "not True"),
        ({"ports": "80"}, "not '80'"),
        ({"ports": 1.5}, r"not 1\.5"),
        ({"ports": ()}, "ports has all ports"),
        ({"hosts": 5}, "hosts is a sequence of names and addresses, not 5"),
        ({"ping_interval": -1}, "ping_interval is a number of seconds, 0 or more, not -1"),
        ({"max_connection_age": None}, "max_connection_age is a number of seconds, 0 or more, not None"),
        ({"ports": (1234,), "port": 5}, "without port beside them"),
        ({"ports": (70000,)}, "a port is a number from 0 to 65535, not 70000"),
        ({"port": -1}, "not -1"),
        ({"ports": ("80",)}, "not '80'"),
        ({"ports": (1234, 1234)}, "a port is in ports twice"),
        ({"hosts": "127.0.0.1"}, "hosts is a sequence of names and addresses, not '127.0.0.1'"),
        ({"hosts": ("",)}, "hosts is a sequence"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        Emulator(**options)


def test_nothing_listens_after_a_start_that_failed():
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            other = free()
            exchange = Emulator(ports=(other, taken.getsockname()[1]))
            with pytest.raises(OSError, match=r"cannot listen at '127\.0\.0\.1', port"):
                await exchange.start()
            with socket.create_server(("127.0.0.1", other)):
                pass
        with pytest.raises(RuntimeError, match="not running"):
            _ = exchange.ports

    run(main)


def test_ports_of_an_exchange_in_a_thread():
    with EmulatorThread(ports=2) as exchange:
        assert len(exchange.ports) == len(exchange.urls) == 2
        exchange.listen(exchange.ports[1], False)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", exchange.ports[1]))
        exchange.listen(exchange.ports[1])
        socket.create_connection(("127.0.0.1", exchange.ports[1])).close()
