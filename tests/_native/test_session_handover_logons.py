"""_native/session_handover.pxi: while a connection is left, no request reaches another account."""

from __future__ import annotations

import asyncio

import pytest

import fastws
from fastws._native.methods import method_spec
from helpers.leaving import Leaving, methods, where
from helpers.support import KEY, refusal, reply, run

OTHER = "o" * 64


def test_no_request_stays_where_another_key_is_logged_on() -> None:
    async def main() -> None:
        both = Leaving()
        both.log_on(both, KEY["api_key"])
        both.place()
        both.switch()
        assert where(both.place()) == "n"  # the successor is not logged on
        both.session.stop_draining()
        both.lose_both()
        both = Leaving()
        both.log_on(both, KEY["api_key"])
        both.log_on(both.new, OTHER)
        both.place()
        both.switch()
        assert where(both.place()) == "n"
        both.lose_both()
        both = Leaving()
        both.log_on(both, OTHER)
        both.log_on(both.new, OTHER)
        both.place()
        both.switch()
        assert where(both.place()) == "o"
        both.send({"id": None, "status": 401, "error": {"code": -2015, "msg": "revoked"}})
        assert where(both.place()) == "n"
        both.lose_both()

    run(main())


@pytest.mark.parametrize("method", ["session_logon", "session_logout"])
def test_the_callers_logon_or_logout_goes_to_the_successor_and_all_that_follows(method: str) -> None:
    async def main() -> None:
        both = Leaving()
        first = both.place(newClientOrderId="a")
        both.switch()
        assert where(both.place()) == "o"
        signer = fastws.load_signer(OTHER, secret="s" * 64)
        changes = [getattr(both.client, method)(**({"signer": signer} if method == "session_logon" else {}))]
        assert where(*changes) == "n"
        assert where(both.place(), both.client.order_cancel(symbol="BTCUSDT", origClientOrderId="a")) == "nn"
        both.answer(first)
        assert where(both.place()) == "n"
        both.lose_both()

    run(main())


def test_a_logon_that_is_sent_while_a_request_is_made_comes_first() -> None:
    class Late(fastws.Signer):
        """A key that logs on where its name is read for the first time."""

        def __init__(self, client: fastws.Client) -> None:
            self._client: fastws.Client | None = client

        def sign(self, payload: bytes) -> str:
            return "signature"

        @property
        def api_key(self) -> str:  # type: ignore[override]
            client, self._client = self._client, None
            if client is not None:
                client.session_logon()
            return OTHER

    async def main() -> None:
        both = Leaving()
        both.place()
        both.switch()
        assert where(both.place(signer=Late(both.client))) == "n"
        both.client.flush()
        assert methods(both.new) == ["session.logon", "order.place"]
        both.lose_both()

    run(main())


def test_a_logon_of_fastws_itself_on_the_successor_does_not_end_the_rule() -> None:
    async def main() -> None:
        both = Leaving()
        both.place()
        both.switch()
        spec = method_spec("session.logon")
        both.session.send_to(both.new.connection, spec, {}, None, None, None, None)
        assert not both.new.connection.changing
        assert where(both.place()) == "o"
        both.lose_both()

    run(main())


def test_what_relies_on_a_logon_that_is_unanswered_at_the_switch_stays_behind_it() -> None:
    async def main() -> None:
        both = Leaving()
        other = fastws.load_signer(OTHER, secret="s" * 64)
        for wire in (both, both.new):
            both.log_on(wire, KEY["api_key"])
        logon = both.client.session_logon(signer=other, urgent=True)
        both.switch()
        client = both.client
        assert where(both.place(), client.account_status(), both.place("ETHUSDT")) == "ooo"
        assert where(client.ping(), client.account_status(signer=other)) == "nn"
        both.log_on(both, OTHER, logon)
        assert where(both.place("LTCUSDT")) == "o"  # the successor still is logged on for the other account
        for asked in both.requests():
            if asked["method"] not in ("session.logon",):
                both.send(reply(asked["id"], {}))
        both.client.flush()
        for asked in both.requests():
            both.send(reply(asked["id"], {}))
        await asyncio.sleep(0)
        assert both.connection.in_flight == 0
        assert both.left == []
        both.log_on(both.new, OTHER)
        assert where(both.place("LTCUSDT")) == "n"
        both.session.check_left()
        await asyncio.sleep(0)
        assert both.left == [both.connection]
        both.lose_both()

    run(main())


def test_a_refused_logon_that_was_unanswered_at_the_switch_holds_nothing() -> None:
    async def main() -> None:
        both = Leaving()
        logon = both.client.session_logon(urgent=True, on_reply=lambda *_: None)
        both.switch()
        assert where(both.place()) == "o"
        both.client.flush()
        both.answer(*both.session.placements())
        both.send(refusal(logon.id, 400, -2015))
        assert where(both.place()) == "n"
        both.lose_both()

    run(main())
