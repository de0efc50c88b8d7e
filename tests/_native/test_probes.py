"""Dead connections: the pings that find them, and when they are given up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from typing import Any

import pytest

import fastws
from fastws._common.tcp import limit_unacknowledged, seconds_since_data
from fastws.emulator import Emulator
from helpers.offline import Offline
from helpers.proxy import Fault, Proxy
from helpers.support import KEY, ORDER, PING, PONG, Peer, frame, reply, run, talking
from helpers.ways import LOOPS, run_on

BOUGHT = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system does not tell")


async def next_ping(peer: Peer) -> bytes:
    while (received := await peer.frame())[0] != PING:
        pass
    return received[1]


async def never() -> None:
    await asyncio.Event().wait()


def given_up(error: BaseException) -> str:
    """Why the connection was given up under an order."""
    assert isinstance(error, fastws.ExecutionUnknown)
    assert isinstance(error.cause, fastws.ConnectionLost)
    said = str(error.cause)
    assert said.startswith("no reply to order.place: the connection was given up: ")
    return said.removeprefix("no reply to order.place: the connection was given up: ")


# -------------------------------------------------------------------------------------------- idle connections


def test_a_connection_without_frames_is_pinged_and_lives_as_long_as_it_answers() -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        for _ in range(3):
            peer.send(frame(PONG, await next_ping(peer)))
        peer.send(reply(request))

    async def main() -> None:
        async with talking(script, probe_interval=0.05, probe_timeout=1.0) as client:
            started = time.monotonic()
            assert await client.ping() == {}
            assert time.monotonic() - started > 0.15

    run(main())


def test_frames_of_any_kind_put_the_ping_off() -> None:
    async def main() -> None:
        offline = Offline(probe_interval=0.2)
        for sent in (frame(PING), frame(PONG), frame(1, b"{", fin=False), frame(0, b"}"), frame(1, b"{}")):
            await asyncio.sleep(0.06)
            offline.send(sent)
        assert [opcode for opcode, _ in offline.frames()] == [PONG], "no ping in 0.3 s"
        await asyncio.sleep(0.3)
        assert [opcode for opcode, _ in offline.frames()] == [PING]
        offline.lose()

    run(main())


def test_a_peer_that_answers_no_ping_is_given_up_with_that_reason() -> None:
    async def script(peer: Peer) -> None:
        await next_ping(peer)
        await never()

    async def main() -> None:
        async with talking(script, probe_interval=0.05, probe_timeout=0.1) as client:
            with pytest.raises(
                fastws.ConnectionLost, match=r"nothing came for 0\.05 s, and a ping got no pong within 0\.1 s"
            ):
                await client.ping()
            assert "given up" in await client.wait_closed()

    run(main())


# ---------------------------------------------------------------------------------- while an order is in flight


@pytest.mark.alone
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("tls", [False, True])
def test_a_half_open_connection_is_told_of_within_2_1_s(
    tls: bool, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with Emulator(tls=tls) as exchange:
            account = exchange.add_account()
            options: dict[str, Any] = {"ssl_context": exchange.client_ssl_context()} if tls else {}
            async with fastws.connect(
                exchange.url,
                api_key=account.api_key,
                private_key=account.private_key,
                reconnect=False,
                **options,
            ) as client:
                await client.order_place(**BOUGHT)
                exchange.connections.pick("newest").freeze()
                started = time.monotonic()
                with pytest.raises(fastws.ExecutionUnknown) as caught:
                    await client.order_place(**BOUGHT)
                assert 1.9 < time.monotonic() - started < 2.1
                assert given_up(caught.value) == "order.place got no reply, and a ping got no pong within 1 s"

    run_on(loop, main(), monkeypatch)


@pytest.mark.parametrize("kind", ["hole", "half-open"])
@pytest.mark.parametrize(
    ("way", "after"), [("out", 1), ("out", 60), ("in", 0), ("in", 1), ("in", 3), ("in", 200)]
)
def test_a_black_hole_at_any_byte_is_told(kind: Any, way: Any, after: int) -> None:
    async def main() -> None:
        async with Emulator() as exchange, Proxy(exchange.url) as proxy:
            account = exchange.add_account("HMAC")
            async with fastws.connect(
                proxy.url, api_key=account.api_key, secret=account.secret, stall_after=0.2, reconnect=False
            ) as client:
                await client.order_place(**BOUGHT)
                proxy.strike(Fault(kind, way, after))
                started = time.monotonic()
                with pytest.raises(fastws.ExecutionUnknown):
                    await client.order_place(**BOUGHT)
                assert time.monotonic() - started < 1.5

    run(main())


def test_an_order_that_waits_keeps_a_connection_that_answers() -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        for _ in range(4):
            peer.send(frame(PONG, await next_ping(peer)))
        peer.send(reply(request, {"orderId": 1}))

    async def main() -> None:
        async with talking(script, stall_after=0.1, **KEY) as client:
            assert await client.order_place(**ORDER) == {"orderId": 1}
            assert client.connected

    run(main())


def test_a_read_that_waits_sends_no_ping_and_none_off_switches_it_off() -> None:
    async def main() -> None:
        for options, ask in (
            ({"stall_after": 0.02}, "ping"),
            ({"stall_after": None}, "order_place"),
        ):
            offline = Offline(**KEY, **options)  # type: ignore[arg-type]
            waiting = getattr(offline.client, ask)(**(ORDER if ask == "order_place" else {}))
            await asyncio.sleep(0.1)
            assert [opcode for opcode, _ in offline.frames()] == [1]
            offline.send(reply(waiting.info.id, {}))
            await waiting
            offline.lose()

    run(main())


def test_frames_put_the_stall_off_and_the_ping_of_it_overtakes_an_idle_one() -> None:
    async def main() -> None:
        offline = Offline(probe_interval=0.02, probe_timeout=30.0, stall_after=0.15, **KEY)
        await asyncio.sleep(0.05)
        assert [opcode for opcode, _ in offline.frames()] == [PING]  # due in 30 s
        order = offline.client.order_place(**ORDER)
        for _ in range(5):
            await asyncio.sleep(0.03)
            offline.send(frame(PING))
        started = time.monotonic()
        with pytest.raises(fastws.ExecutionUnknown) as caught:
            await order
        assert 0.25 < time.monotonic() - started < 1.0
        assert given_up(caught.value) == "order.place got no reply, and a ping got no pong within 0.15 s"
        assert PING in [opcode for opcode, _ in offline.frames()]
        await offline.gone.wait()

    run(main())


def test_only_a_pong_answers_a_ping() -> None:
    """A peer that does not read any more may still send."""

    async def main() -> None:
        offline = Offline(stall_after=0.1, **KEY)
        order = offline.client.order_place(**ORDER)
        while not order.done():
            await asyncio.sleep(0.01)
            if PING in [opcode for opcode, _ in offline.frames()]:
                for _ in range(20):
                    if not order.done():
                        offline.send('{"subscriptionId":1,"event":{"e":"x"}}')
                        await asyncio.sleep(0.01)
        given_up(order.exception())
        await offline.gone.wait()

    run(main())


@linux
@pytest.mark.parametrize("ends", [True, False])
def test_a_long_message_that_is_still_coming_keeps_the_connection(ends: bool) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        text = b'{"id":null,"status":200,"result":"' + b"x" * 3000 + b'"}'
        head = frame(1, text)
        for i in range(60):  # 0.6 s, in which no frame ends
            peer.writer.write(head[i * 20 : i * 20 + 20])
            await asyncio.sleep(0.01)
        if not ends:
            await never()
        peer.writer.write(
            head[1200:]
            + frame(PONG)
            + frame(1, b'{"id":%d,"status":200,"result":{"orderId":7}}' % request["id"])
        )
        await never()

    async def main() -> None:
        async with talking(script, stall_after=0.1, **KEY) as client:
            started = time.monotonic()
            if ends:
                assert await client.order_place(**ORDER) == {"orderId": 7}
            else:
                with pytest.raises(fastws.ExecutionUnknown) as caught:
                    await client.order_place(**ORDER)
                assert "got no pong" in given_up(caught.value)
            assert 0.5 < time.monotonic() - started < 2.0

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
def test_time_in_which_the_event_loop_was_blocked_does_not_count(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        peer.send(frame(PONG, await next_ping(peer)))
        peer.send(reply(request, {"orderId": 1}))

    async def main() -> None:
        async with talking(script, stall_after=0.2, **KEY) as client:
            loop = asyncio.get_running_loop()
            order = client.order_place(**ORDER)
            await asyncio.sleep(0.15)
            for _ in range(3):
                loop.call_later(0.0, time.sleep, 0.4)
                await asyncio.sleep(0.01)
            assert await order == {"orderId": 1}

    run_on(loop, main(), monkeypatch)


@pytest.mark.parametrize("options", [{"stall_after": 1e-9}, {"probe_interval": 1e-9}])
def test_times_that_are_too_short_do_not_keep_the_loop_busy(
    options: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        calls: list[float] = []
        call_later = loop.call_later

        def counted(delay: float, callback: Any, *args: Any) -> Any:
            calls.append(delay)
            return call_later(delay, callback, *args)

        monkeypatch.setattr(loop, "call_later", counted)
        offline = Offline(**options)
        await asyncio.sleep(0.2)
        assert len(calls) < 60
        assert offline.client.connected
        offline.lose()

    asyncio.run(main())


# -------------------------------------------------------------------------------------------------- on demand


def test_a_probe_on_demand_is_sent_at_once_and_due_in_its_time() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        offline.session.probe(0.1)
        assert list(offline.frames()) == [(PING, b"")]
        offline.send(frame(PONG))
        await asyncio.sleep(0.15)
        assert offline.client.connected
        offline.session.probe(0.1)
        with pytest.raises(fastws.ConnectionLost, match=r"given up: a ping got no pong within 0\.1 s"):
            await offline.client.ping()
        offline.session.probe(0.1)  # there is no connection: nothing to do
        await offline.gone.wait()

    run(main())


def test_a_ping_that_cannot_be_written_ends_the_connection() -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        order = offline.client.order_place(**ORDER)
        offline.broken = OSError("no route")
        offline.session.probe(1.0)
        with pytest.raises(fastws.ExecutionUnknown, match="writing to the connection failed: no route"):
            await order
        offline.session.probe(1.0)
        await offline.gone.wait()

    run(main())


# ------------------------------------------------------------------------------------------ options, the system


@pytest.mark.parametrize("name", ["probe_interval", "probe_timeout", "stall_after"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), True, "1", []])
def test_seconds_are_checked(name: str, value: Any) -> None:
    with pytest.raises(fastws.InvalidRequest, match=f"{name}: expected seconds above 0.*, got "):
        fastws.connect("testnet", **{name: value})


def test_only_the_stall_can_be_switched_off() -> None:
    assert fastws.Options("testnet", stall_after=None).stall_after is None
    with pytest.raises(fastws.InvalidRequest, match="probe_interval: expected seconds above 0, got None"):
        fastws.connect("testnet", probe_interval=None)  # type: ignore[arg-type]
    longest = fastws.Options("testnet", stall_after=10**400, probe_interval=1e300)
    assert longest.stall_after == longest.probe_interval == 1e9


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no TCP_USER_TIMEOUT")
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("tls", [False, True])
def test_sent_data_is_acknowledged_in_time_or_the_system_ends_the_connection(
    tls: bool, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with Emulator(tls=tls) as exchange:
            options: dict[str, Any] = {"ssl_context": exchange.client_ssl_context()} if tls else {}
            async with fastws.connect(exchange.url, probe_interval=3.0, probe_timeout=1.5, **options):
                assert 4500 in user_timeouts()

    run_on(loop, main(), monkeypatch)


def user_timeouts() -> set[int]:
    """TCP_USER_TIMEOUT of each socket of this process."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(descriptor))) as own:
            found.add(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
    return found


def test_a_transport_without_a_socket_is_let_be() -> None:
    class Bare:
        def get_extra_info(self, name: str) -> Any:
            return None

    limit_unacknowledged(Bare(), 1.0)
    assert seconds_since_data(Bare()) is None


class Holder:
    """A transport, as far as its socket is wanted."""

    def __init__(self, own: socket.socket) -> None:
        self._socket = own

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self._socket


@linux
def test_the_system_tells_when_data_came() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as own,
        server.accept()[0] as other,
    ):
        other.send(b"x")
        own.recv(1)
        first = seconds_since_data(Holder(own))
        time.sleep(0.05)
        second = seconds_since_data(Holder(own))
        assert first is not None
        assert second is not None
        assert 0.0 <= first < second - 0.03 < 1.0
    left, right = socket.socketpair()
    with left, right:
        assert seconds_since_data(Holder(left)) is None, "it is no TCP connection"
