"""Control: control requests are joined, paced and answered, without a network."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import fastws
from fastws.feeds import control
from fastws.feeds.control import Control
from helpers.losing import until
from helpers.support import in_loop


class Connection:
    """Keeps what is sent, and when."""

    number = 1
    close_reason: str | None = None
    can_send = True

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.times: list[float] = []
        self.names: set[str] = set()

    def send_text(self, data: bytes) -> None:
        self.sent.append(json.loads(data))
        self.sizes.append(len(data))
        self.times.append(asyncio.get_running_loop().time())

    def carries(self, name: str) -> None:
        self.names.add(name)

    def forgets(self, name: str) -> None:
        self.names.discard(name)


def controlled(timeout: float = 5.0) -> tuple[Control, Connection, list[tuple[str, str]]]:
    connection, warned = Connection(), []
    made = Control(
        asyncio.get_running_loop(), connection, timeout, lambda code, text: warned.append((code, text))
    )
    return made, connection, warned


@in_loop
async def test_requests_of_a_turn_leave_together_in_their_order():
    """STREAMS 39, 40, 44."""
    made, connection, _ = controlled()
    one, two = made.subscribe(["a", "b"]), made.subscribe(["c"])
    three, four = made.unsubscribe(["a"]), made.subscribe(["d"])
    await until(lambda: len(connection.sent) == 3)
    assert connection.sent == [
        {"method": "SUBSCRIBE", "params": ["a", "b", "c"], "id": 1},
        {"method": "UNSUBSCRIBE", "params": ["a"], "id": 2},
        {"method": "SUBSCRIBE", "params": ["d"], "id": 3},
    ]
    for number in (1, 2, 3):
        made.replied(number, None, None, "")
    await asyncio.gather(one, two, three, four)
    assert connection.names == made.names


@in_loop
async def test_a_message_has_at_most_200_names_and_4000_bytes():
    """STREAMS 31."""
    made, connection, _ = controlled()
    done = made.subscribe([f"s{number}@trade" for number in range(437)])
    long = made.subscribe([f"{number:0100}@trade" for number in range(60)])
    await until(lambda: len(connection.sent) == 4)
    assert [len(each["params"]) for each in connection.sent[:3]] == [200, 200, 37]
    assert max(connection.sizes) <= 4000
    for number in (1, 2):
        made.replied(number, None, None, "")
    assert not done.done()
    made.replied(3, None, None, "")
    await done
    made.end(fastws.ConnectionLost("over"))
    with pytest.raises(fastws.FastwsError):
        await long


@in_loop
async def test_at_most_four_messages_leave_in_any_second_and_pings_count(monkeypatch):
    """STREAMS 26, 29."""
    monkeypatch.setattr(control, "SECOND", 0.2)
    made, connection, _ = controlled()
    made.count()  # a ping
    for number in range(4):
        made.subscribe([f"a{number}"])
        made.unsubscribe([f"a{number}"])
    await until(lambda: len(connection.sent) == 8)
    times = connection.times
    assert times[2] - times[0] < 0.15
    for first, fifth in zip(times, times[4:], strict=False):
        assert fifth - first >= 0.199


@in_loop
async def test_a_refusal_of_joined_requests_is_of_the_one_that_is_refused():
    """STREAMS 46."""
    made, connection, _ = controlled()
    good, bad = made.subscribe(["good"]), made.subscribe(["bad"])
    await until(lambda: len(connection.sent) == 1)
    made.replied(1, None, 2, "Invalid request: bad")
    await until(lambda: len(connection.sent) == 3)
    assert [each["params"] for each in connection.sent[1:]] == [["good"], ["bad"]]
    made.replied(2, None, None, "")
    made.replied(3, None, 2, "Invalid request: bad")
    await good
    with pytest.raises(fastws.BadRequest, match="Invalid request: bad") as raised:
        await bad
    assert raised.value.code == 2
    assert made.names == {"good"}


@in_loop
async def test_an_error_without_id_is_for_the_only_request_in_flight():
    """STREAMS 48."""
    made, connection, warned = controlled()
    asked = made.subscribe(["a"])
    await until(lambda: len(connection.sent) == 1)
    made.replied(None, None, 3, "Invalid JSON")
    with pytest.raises(fastws.BadRequest, match="Invalid JSON"):
        await asked
    one, two = made.subscribe(["b"]), made.unsubscribe(["c"])
    await until(lambda: len(connection.sent) == 3)
    made.replied(None, None, 2, "who knows")
    assert [code for code, _ in warned] == ["unmatched-refusal"]
    made.replied(99, None, None, "")
    made.replied("x", None, None, "")
    assert [code for code, _ in warned[1:]] == ["unmatched-message"] * 2
    made.replied(2, None, None, "")
    made.replied(3, None, None, "")
    await asyncio.gather(one, two)


@in_loop
async def test_a_request_without_a_reply_times_out_and_a_late_one_is_no_surprise():
    made, connection, warned = controlled(timeout=0.01)
    with pytest.raises(fastws.RequestTimeout, match=r"no reply to SUBSCRIBE within 0\.01 s"):
        await made.subscribe(["a"])
    made.replied(1, None, None, "")
    assert not warned
    assert connection.sent[0]["params"] == ["a"]


@in_loop
async def test_the_end_of_the_connection_ends_what_waits_and_what_is_in_flight():
    made, connection, _ = controlled()
    asked = made.subscribe(["a"])
    await until(lambda: connection.sent)
    waiting = made.subscribe(["b"])
    made.end(fastws.ConnectionLost("gone"))
    with pytest.raises(fastws.ConnectionLost, match="got no reply: gone"):
        await asked
    with pytest.raises(fastws.NotConnected, match="was not sent: gone"):
        await waiting
    with pytest.raises(fastws.NotConnected, match="was not sent: gone"):
        await made.subscribe(["c"])
    assert made.subscribe([]).done()
