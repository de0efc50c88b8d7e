"""Random requests, replies, batches, faulty frames and losses on two connections of one session.

The session changes between them at times, while requests are in flight.

Whatever happens: each request ends once, no reply reaches another request, a request that is not sent is not on the
wire, and nothing stays corked when the event loop has had its turn.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

import fastws
from helpers.offline import Offline, Wire
from helpers.support import KEY, ORDER, frame, run


class Walk:
    """Two connections, and what became of each request."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.offline = Offline(**KEY, logon="never")
        self.client = self.offline.client
        self.session = self.offline.session
        self.wires: list[Wire] = [self.offline, self.offline.another()]
        self.infos: list[Any] = []
        self.ends: dict[int, list[tuple[Any, Any]]] = {}
        self.written: list[dict[int, str]] = [{}, {}]  # ids that came out of each connection
        self.depth = 0

    def aim(self) -> None:
        """Choose where requests go: to the one in use, as it is set, or by leaving the other one for it."""
        session, connection = self.session, self.random.choice(self.wires).connection
        kind = self.random.random()
        if kind < 0.4 and connection.is_open and session.route not in (None, connection):
            session.switch(connection, self.random.choice((0.0, 1.0)))
        elif None in (session.draining, session.route) or kind > 0.9:
            session.stop_draining()
            session.route = connection  # None after a loss

    def request(self) -> None:
        """One request on either connection, by callback; the callback makes another one at times."""
        self.aim()
        token = len(self.infos)
        self.infos.append(None)

        def ended(result: Any, error: Any) -> None:
            self.ends.setdefault(token, []).append((result, error))
            if self.depth < 3 and self.random.random() < 0.3:
                self.depth += 1
                self.request()
                self.depth -= 1

        urgent = self.random.choice((None, True, False))
        try:
            if self.random.random() < 0.5:
                info = self.client.ping(on_reply=ended, urgent=urgent)
            else:
                info = self.client.order_place(**ORDER, on_reply=ended, urgent=urgent)
        except fastws.NotSent:
            self.ends[token] = [(None, "refused")]
        else:
            self.infos[token] = info

    def batch(self) -> None:
        self.aim()
        inside = self.client.batch()
        inside.__enter__()
        for _ in range(self.random.randrange(4)):
            self.request()
        fault = ValueError() if self.random.random() < 0.3 else None
        inside.__exit__(type(fault) if fault else None, fault, None)

    def look(self) -> None:
        """Take what was written."""
        for number, wire in enumerate(self.wires):
            for request in wire.requests():
                assert request["id"] not in self.written[0].keys() | self.written[1].keys(), "written twice"
                self.written[number][request["id"]] = request["method"]

    def read(self) -> None:
        """A read callback of either connection, with replies to requests of both, and at times a faulty frame."""
        self.look()
        wire = self.random.choice(self.wires)
        ids = list(self.written[0]) + list(self.written[1])
        parts = [
            frame(1, b'{"id":%d,"status":200,"result":{"of":%d}}' % (id_, id_))
            for id_ in self.random.sample(ids, min(len(ids), self.random.randrange(4)))
        ]
        if self.random.random() < 0.03:
            parts.insert(self.random.randrange(len(parts) + 1), b"\x83\x00")
        if parts:
            wire.feed(b"".join(parts))

    async def run(self, steps: int) -> None:
        for _ in range(steps):
            self.random.choice((self.request, self.request, self.batch, self.read, self.read))()
            if self.random.random() < 0.3:
                for _ in range(5):  # a loss, which a timer brings, may open a turn behind this one
                    await asyncio.sleep(0)
                    if not self.corked():
                        break
                assert not self.corked()
            if self.random.random() < 0.01:
                self.random.choice(self.wires).lose()
        await asyncio.sleep(0.02)
        for wire in self.wires:
            wire.lose()
        await asyncio.sleep(0)
        self.look()

    def corked(self) -> list[Any]:
        """Requests that wait to be written to a connection that is open."""
        opened = {wire.connection.number for wire in self.wires if wire.connection.is_open}
        return [
            info
            for token, info in enumerate(self.infos)
            if info is not None and info.connection in opened and not info.sent and token not in self.ends
        ]

    def check(self) -> None:
        for token, info in enumerate(self.infos):
            ((result, error),) = self.ends[token]
            if info is None:
                continue
            where = self.written[info.connection - 1]
            assert info.sent == (info.id in where)
            assert info.id not in self.written[2 - info.connection]
            if error is None:
                assert result == {"of": info.id}
            elif not info.sent:
                assert isinstance(error, fastws.NotSent)
            else:
                assert isinstance(error, fastws.ExecutionUnknown if info.trading else fastws.ConnectionLost)
        assert self.client.in_flight == 0
        assert self.session.connections == []


@pytest.mark.parametrize("seed", range(40))
def test_each_request_ends_once_and_truly(seed: int) -> None:
    async def main() -> None:
        walk = Walk(seed)
        await walk.run(120)
        walk.check()

    run(main())
