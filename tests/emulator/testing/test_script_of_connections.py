"""Lines of a script for single connections, ports and keys."""

from __future__ import annotations

import logging
import socket

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from fastws.emulator import Emulator
from fastws.emulator.testing.script import ScriptError
from helpers.emulator.wire import run, signed, wire


async def code_of_the_end(client):
    with pytest.raises(ConnectionClosed) as caught:
        await client.receive()
    return None if caught.value.rcvd is None else caught.value.rcvd.code


def test_one_connection_of_several():
    async def main():
        async with Emulator() as exchange, wire(exchange) as a, wire(exchange) as b, wire(exchange) as c:
            exchange.script("shutdown connection=2")
            assert (await b.receive())["event"]["e"] == "serverShutdown"
            exchange.script("set event_delay=[0.1,0.2] connection=newest")
            assert [each.event_delay for each in exchange.connections] == [0.0, 0.0, (0.1, 0.2)]
            exchange.script("disconnect connection=oldest code=1012 reason=restart")
            assert await code_of_the_end(a) == 1012
            exchange.script("stall connection=newest\nfreeze connection=oldest")
            assert [repr(each) for each in exchange.connections if each.open] == [
                "<connection 2, frozen, 0 unanswered>",
                "<connection 3, stalled, 0 unanswered>",
            ]
            exchange.script("resume")
            assert (await c.call("ping"))["status"] == 200
            with pytest.raises(ScriptError, match="line 1: connection 2 is frozen and cannot go on"):
                exchange.script("resume connection=2")
            exchange.script("abort connection=2")
            assert await code_of_the_end(b) is None
            exchange.script("shutdown connection=3 seconds=0")
            assert await code_of_the_end_after_events(c) == 1001

    async def code_of_the_end_after_events(client):
        assert (await client.receive())["event"]["e"] == "serverShutdown"
        return await code_of_the_end(client)

    run(main)


def test_all_connections():
    async def main():
        async with Emulator() as exchange, wire(exchange), wire(exchange):
            exchange.script("stall")
            assert all("stalled" in repr(each) for each in exchange.connections)
            exchange.script("resume\nfreeze")
            assert all(each.frozen for each in exchange.connections)
            exchange.script("disconnect")
            assert all(each.open for each in exchange.connections), "no close frame can be sent"
            ended = list(exchange.connections)
            exchange.script("abort")
            assert not any(each.open for each in ended)

    run(main)


def test_ports_and_keys(tmp_path):
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("HMAC", name="trader")
            exchange.script(f"listen port={exchange.port} yes=false")
            with pytest.raises(ConnectionRefusedError):
                await connect(exchange.url)
            exchange.script(f"listen port={exchange.port}\nrevoke key={key.api_key}")
            other = Emulator(seed=2).add_account("Ed25519")
            path = tmp_path / "key.pem"
            path.write_bytes(other.private_key)
            exchange.script(f"""
                add_key account=trader api_key={"a" * 64} secret=hidden
                add_key account=trader api_key={other.api_key} private_key={path.as_posix()}
            """)
            async with wire(exchange) as client:
                assert (await client.error("account.status", signed(key)))[1] == -2015
                exchange.script(f"restore key={key.api_key}")
                uid = (await client.result("account.status", signed(key)))["uid"]
                assert (await client.result("account.status", signed(other)))["uid"] == uid
                await client.log_on(other)
            with socket.create_server(("127.0.0.1", 0)) as taken:
                text = f"listen port={taken.getsockname()[1]}"
                with pytest.raises(ScriptError, match="line 1: there is no port"):
                    exchange.script(text)

    run(main)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clear\nfreeze connection=9", "line 2: there is no open connection 9; open are 1"),
        ("freeze connection=0", 'connection is a number from 1, "oldest" or "newest", not 0'),
        ("abort connection=eldest", "not 'eldest'"),
        ("freeze times=2", "the action takes no times"),
        ("shutdown seconds=-1", "seconds is a number of seconds, 0 or more, not -1"),
        ("ban seconds=-1", "seconds is a number of seconds, 0 or more, not -1"),
        ("at -1 clear", "at is a number of seconds, 0 or more, not -1.0"),
        ("at nan clear", "not nan"),
        ("disconnect code=7", "a close code is a number from 1000 to 4999"),
        ("disconnect connection=1 code=x", "not 'x'"),
        ("disconnect reason=5", "the reason of a close frame is a text"),
        ("set engine_delay=1 connection=1", "engine_delay cannot be set for one connection"),
        ("set event_delay=[2,1] connection=1", "a delay is a number of seconds or a range"),
        ("set luck=1 connection=1", "the action takes no luck"),
        ("listen", "port is missing"),
        ("listen port=x", "port is an integer, 1 or more, not 'x'"),
        ("listen port=1", "there is no port 1; there are"),
        ("listen port=1 yes=maybe", "yes is true or false, not 'maybe'"),
        ("pings answered=1", "answered is true or false, not 1"),
        ("restore key=x", "unknown API key"),
        ("restore key=5", "key is a text, not 5"),
        ("add_key account=nobody api_key=x", "there is no account 'nobody'"),
        ("add_key account=trader api_key=x secret=y", "an API key has 64 letters and digits"),
        ("add_key account=trader api_key=x private_key=nowhere.pem", "line 1: .*nowhere.pem"),
        ("add_key api_key=x", "account is missing"),
    ],
)
def test_lines_that_fail(text, message):
    async def main():
        async with Emulator() as exchange, wire(exchange):
            exchange.add_account("HMAC", name="trader")
            with pytest.raises(ScriptError, match=message):
                exchange.script(text)
            assert repr(exchange.connections[0]) == "<connection 1, open, 0 unanswered>"

    run(main)


def test_what_is_an_action_is_a_fault_with_a_method_or_an_empty_one():
    async def main():
        async with Emulator() as exchange, wire(exchange):
            exchange.script("freeze@ connection=1 times=2\nstall@ping\nshutdown@")
            assert [(fault.kind, fault.method) for fault in exchange.faults] == [
                ("freeze", None),
                ("stall", "ping"),
                ("shutdown", None),
            ]
            assert not exchange.connections[0].frozen

    run(main)


def test_a_wrong_value_in_a_later_line_prevents_all():
    async def main():
        async with Emulator() as exchange, wire(exchange):
            with pytest.raises(ScriptError, match="line 2: a delay"):
                exchange.script("freeze\nset query_lag=-1")
            assert not exchange.connections[0].frozen

    run(main)


def test_the_failure_of_a_later_action_is_logged(caplog):
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            exchange.script("at 0.001 freeze connection=9\nat 0.002 shutdown connection=1")
            assert (await client.receive())["event"]["e"] == "serverShutdown"

    with caplog.at_level(logging.ERROR, "fastws.emulator"):
        run(main)
    (record,) = caplog.records
    assert record.getMessage() == "line 1 of a script: there is no open connection 9; open are 1"
