"""connect(socket_options=): each new socket has them before it is connected, and what the system refuses is told."""

from __future__ import annotations

import dataclasses
import errno
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import fastws
from fastws import InvalidRequest, Options
from fastws.emulator import Emulator
from fastws.emulator.network.tls import Certificate
from fastws.lifecycle import socket_options
from fastws.lifecycle.socket_options import NAMES, check_socket_options, read_options, set_options
from helpers.losing import lose, until, watched
from helpers.support import needs_uvloop, run, uvloop
from helpers.ways import ALL_LOOPS, GOOD, LOOPS, answer, answering, proxying, run_on

CERTIFICATE = Certificate()
SERVER, CONTEXT = CERTIFICATE.server_context(), CERTIFICATE.client_context()
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="these options are Linux's")
CHOSEN = {"SO_PRIORITY": 6, "IP_TOS": 0x10, "SO_RCVBUF": 50_000, "SO_SNDBUF": 40_000}
AS_REPORTED = {"SO_PRIORITY": 6, "IP_TOS": 0x10, "SO_RCVBUF": 100_000, "SO_SNDBUF": 80_000}


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    with socket.socket() as made:
        yield made


def is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError as fault:
        return fault.errno != errno.ENOTCONN
    return True


def chosen(client: fastws.Client) -> dict[str, int]:
    info = client.transport_info
    assert info is not None
    assert info.refused == {}
    return {name: info.socket_options[name] for name in CHOSEN}


@only_linux
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", ALL_LOOPS)
@pytest.mark.parametrize("proxy", [None, "http", "https", "socks5", "socks4"])
def test_the_socket_to_the_exchange_or_its_proxy_has_them(
    loop: str, tls: bool, proxy: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    if sys.version_info < (3, 11) and (proxy, tls, loop) == ("https", True, "asyncio"):
        pytest.skip("asyncio of Python 3.10 has no TLS within TLS")
    (tmp_path / "ca.pem").write_bytes(CERTIFICATE.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def main() -> None:
        async with (
            answering(answer(*GOOD), tls=SERVER if tls else None) as url,
            proxying(SERVER if proxy == "https" else None) as way,
        ):
            options: dict[str, Any] = {} if proxy is None else {"proxy": f"{proxy}://127.0.0.1:{way.port}"}
            async with fastws.connect(url, socket_options=CHOSEN, ssl_context=CONTEXT, **options) as client:
                assert chosen(client) == AS_REPORTED
                assert client.transport_info is not None
                assert client.transport_info.tls is (tls or proxy == "https")

    run_on(loop, main(), monkeypatch)


@only_linux
@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_they_are_set_before_the_connection_is_made(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of the receive buffer decides what window is offered in the first segment."""
    unconnected: list[bool] = []
    set_on = set_options

    def seen(sock: socket.socket, options: Mapping[str, int]) -> dict[str, str]:
        unconnected.append(not is_connected(sock))
        return set_on(sock, options)

    monkeypatch.setattr("fastws.lifecycle.dialling.set_options", seen)

    async def main() -> None:
        async with (
            answering(answer(*GOOD)) as url,
            fastws.connect(url, socket_options={"SO_RCVBUF": 4096}) as client,
        ):
            assert client.transport_info is not None
            assert client.transport_info.socket_options["SO_RCVBUF"] == 8192
            assert unconnected == [True]

    run_on(loop, main(), monkeypatch)


@only_linux
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", LOOPS)
def test_each_reconnect_and_rotation_has_them(loop: str, tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with Emulator(tls=tls) as exchange:
            options: dict[str, Any] = {"ssl_context": exchange.client_ssl_context()} if tls else {}
            client, *_ = watched(exchange.url, socket_options=CHOSEN, **options)
            async with client:
                addresses = []
                for number in (1, 2, 3):
                    await until(lambda number=number: client.connection == number and client.state == "open")
                    assert chosen(client) == AS_REPORTED
                    assert client.transport_info is not None
                    addresses.append(client.transport_info.local_address)
                    if number == 1:
                        await client.rotate()
                    if number == 2:
                        lose(client)
                assert len(set(addresses)) == 3

    run_on(loop, main(), monkeypatch)


@only_linux
def test_what_the_system_does_not_do_as_told_is_told(tcp: socket.socket) -> None:
    most = int(Path("/proc/sys/net/core/rmem_max").read_text())
    refused = set_options(
        tcp, check_socket_options({"IP_TOS": 0x13, "SO_RCVBUF": most + 1, "SO_SNDBUF": 5000})
    )
    assert refused == {
        "SO_RCVBUF": f"the system gives {most} of {most + 1} bytes: net.core.rmem_max",
        "IP_TOS": "the system made 16 of 19",  # the two lowest bits are ECN's
    }
    assert read_options(tcp)["SO_RCVBUF"] == 2 * most


def test_what_the_system_lacks_or_refuses_is_told_and_the_connection_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking = socket_options._OPTIONS["SO_MARK"]._replace(number=None)
    forbidden = socket_options._OPTIONS["SO_BUSY_POLL"]._replace(number=12345)
    monkeypatch.setitem(socket_options._OPTIONS, "SO_MARK", lacking)
    monkeypatch.setitem(socket_options._OPTIONS, "SO_BUSY_POLL", forbidden)

    async def main() -> None:
        async with (
            answering(answer(*GOOD)) as url,
            fastws.connect(url, socket_options={"SO_MARK": 5, "SO_BUSY_POLL": 50}) as client,
        ):
            info = client.transport_info
            assert info is not None
            assert info.refused["SO_MARK"] == "this system has no SO_MARK"
            assert set(info.refused) == {"SO_MARK", "SO_BUSY_POLL"}
            assert info.refused["SO_BUSY_POLL"] not in ("", None)
            assert "SO_MARK" not in info.socket_options

    run(main())


@only_linux
@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_acknowledgements_are_set_when_the_connection_is_ready(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the handshakes would undo it."""

    async def main() -> None:
        async with answering(answer(*GOOD), tls=SERVER) as url:
            for value in (0, 1):
                options = {"TCP_QUICKACK": value}
                async with fastws.connect(url, socket_options=options, ssl_context=CONTEXT) as client:
                    assert client.transport_info is not None
                    assert client.transport_info.refused == {}
                    assert client.transport_info.socket_options["TCP_QUICKACK"] == value

    run_on(loop, main(), monkeypatch)


@only_linux
@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6")
def test_ip_tos_is_the_traffic_class_of_ipv6() -> None:
    with socket.socket(socket.AF_INET6) as made:
        assert set_options(made, {"IP_TOS": 0x28}) == {}
        assert made.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) == 0x28
        assert read_options(made)["IP_TOS"] == 0x28


@only_linux
def test_the_priority_that_was_given_is_not_that_of_ip_tos(tcp: socket.socket) -> None:
    """Linux derives the one from the other; so the order of the names must not matter."""
    for options in ({"SO_PRIORITY": 3, "IP_TOS": 0x10}, {"IP_TOS": 0x10, "SO_PRIORITY": 3}):
        assert set_options(tcp, check_socket_options(options)) == {}
        assert read_options(tcp)["SO_PRIORITY"] == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([("SO_MARK", 1)], "expected a mapping of names to numbers"),
        ("SO_MARK", "expected a mapping"),
        ({"SO_REUSEADDR": 1}, "expected one of SO_RCVBUF, .*TCP_QUICKACK, got 'SO_REUSEADDR'"),
        ({12: 1}, "expected one of .* got 12"),
        ({"so_mark": 1}, "got 'so_mark'"),
        ({"SO_PRIORITY": "6"}, "SO_PRIORITY: expected a number from 0 to 2147483647, got '6'"),
        ({"TCP_QUICKACK": True}, "TCP_QUICKACK: expected a number from 0 to 1, got True"),
        ({"TCP_QUICKACK": 2}, "from 0 to 1, got 2"),
        ({"IP_TOS": 256}, "from 0 to 255, got 256"),
        ({"SO_RCVBUF": 0}, "from 1 to 2147483647, got 0"),
        ({"SO_SNDBUF": 2**31}, "got 2147483648"),
        ({"SO_SNDBUF": 1.5}, "got 1.5"),
    ],
)
def test_wrong_ones_are_refused_at_once(given: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=f"socket_options: {said}" if "expected" in said else said):
        fastws.connect("testnet", socket_options=given)


def test_each_name_is_documented() -> None:
    documented = (fastws.connect.__doc__ or "").partition(" socket_options:")[2].partition(" on_event:")[0]
    assert {name for name in NAMES if name in documented} == set(NAMES)


def test_options_keep_a_copy_that_nobody_changes() -> None:
    given = {"SO_PRIORITY": 6}
    options = Options("testnet", socket_options=given)
    given["SO_PRIORITY"] = 0
    assert options.socket_options == {"SO_PRIORITY": 6}
    with pytest.raises(TypeError):
        options.socket_options["SO_PRIORITY"] = 1  # type: ignore[index]
    again = dataclasses.replace(options)
    assert again == options
    assert hash(again) == hash(options)
    assert Options("testnet").socket_options is None


@needs_uvloop
def test_nagle_is_off_on_each_loop_and_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transport sets TCP_NODELAY also on a socket that it is given."""
    assert uvloop is not None

    async def main() -> None:
        for tls in (None, SERVER):
            async with (
                answering(answer(*GOOD), tls=tls) as url,
                fastws.connect(url, ssl_context=CONTEXT) as client,
            ):
                lower: Any = client._session.route.transport.underlying_transport  # type: ignore[union-attr]
                with socket.socket(fileno=socket.dup(lower.get_extra_info("socket").fileno())) as copy:
                    assert copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0

    for loop in ("asyncio", "aiofastnet", "uvloop", "uvloop alone"):
        with pytest.MonkeyPatch.context() as patched:
            run_on(loop, main(), patched)
