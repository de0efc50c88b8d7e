"""The session: replies, errors, events, callbacks. The peer is tests/helpers/support.py, byte by byte."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import KEY, ORDER, Peer, answer_all, refusal, reply, run, talking


def test_an_error_without_an_id_goes_to_the_only_request_in_flight() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(refusal(None, 400, -1135, "Invalid JSON Request"))

    async def main() -> None:
        async with talking(script) as client:
            with pytest.raises(fastws.BadRequest, match="Invalid JSON") as caught:
                await client.ping()
            assert caught.value.code == -1135

    run(main())


def test_an_error_without_an_id_goes_to_nobody_when_it_may_be_anybodys(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(peer: Peer) -> None:
        requests = [await peer.request() for _ in range(2)]
        peer.send(refusal(None, 400, -1135, "Invalid JSON Request"), *map(reply, requests))

    async def main() -> None:
        async with talking(script) as client:
            assert await asyncio.gather(client.ping(), client.ping()) == [{}, {}]

    run(main())
    assert "Invalid JSON Request" in caplog.text


def test_a_revoked_session_ends_what_relied_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws.session_handler.REVOKED_GRACE", 0.05)
    key = ed25519_key()

    async def script(peer: Peer) -> None:
        peer.send(reply(await peer.request()))  # the logon
        requests = [await peer.request() for _ in range(4)]
        peer.send(refusal(None, 401, -2015, "Invalid API-key"), reply(requests[3], {"answered": 1}))
        peer.send(reply(await peer.request()))

    async def main() -> None:
        async with talking(script, api_key="k" * 64, private_key=key) as client:
            assert client.logged_on
            order = client.order_place(**ORDER)
            account = client.account_status()
            public = client.ping()
            answered = client.open_orders_status()
            with pytest.raises(fastws.SessionRevoked):
                await account
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await order
            assert isinstance(caught.value.cause, fastws.SessionRevoked)
            assert await answered == {"answered": 1}
            assert not public.done(), "what does not rely on the session still waits"
            assert not client.logged_on
            signed = client.account_status()  # signed with the key again
            await signed
            public.cancel()

    run(main())


def ed25519_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, -1121, fastws.BadRequest),
        (401, -2015, fastws.SessionRevoked),
        (403, 0, fastws.Forbidden),
        (404, -1, fastws.BadRequest),
        (409, -2021, fastws.PartialFailure),
        (418, -1003, fastws.Banned),
        (429, -1003, fastws.RateLimited),
        (500, -1000, fastws.ServerError),
        (503, -1008, fastws.ServerError),
    ],
)
def test_errors_are_classed_by_status(status: int, code: int, expected: type[Exception]) -> None:
    async def script(peer: Peer) -> None:
        peer.send(refusal(await peer.request(), status, code, "why", retryAfter=17))

    async def main() -> None:
        async with talking(script) as client:
            with pytest.raises(expected) as caught:
                await client.depth(symbol="X")
            error = caught.value
            assert isinstance(error, fastws.ApiError)
            assert type(error) is expected
            assert (error.status, error.code, error.msg, error.method) == (status, code, "why", "depth")
            assert error.retry_after == datetime(1970, 1, 1, 0, 0, 0, 17000, timezone.utc)
            assert error.info is not None
            assert error.info.method == "depth"

    run(main())


@pytest.mark.parametrize(
    ("status", "code", "unknown"),
    [
        (400, -2010, False),
        (400, -1006, True),
        (400, -1007, True),
        (400, -1161, True),
        (500, -1000, True),
        (503, -1008, True),
        (401, -2015, False),
        (429, -1015, False),
    ],
)
def test_only_an_open_outcome_of_a_trading_request_is_unknown(status: int, code: int, unknown: bool) -> None:
    async def script(peer: Peer) -> None:
        for _ in range(3):
            peer.send(refusal(await peer.request(), status, code))

    async def main() -> None:
        async with talking(script, **KEY) as client:
            with pytest.raises(fastws.FastwsError) as caught:
                await client.order_place(**ORDER)
            assert isinstance(caught.value, fastws.ExecutionUnknown) is unknown
            if isinstance(caught.value, fastws.ExecutionUnknown):
                assert isinstance(caught.value.cause, fastws.ApiError)
                assert caught.value.info is not None
                assert caught.value.params["newClientOrderId"] == caught.value.info.client_order_id
            for harmless in (client.order_test(**ORDER), client.order_status(symbol="X", orderId=1)):
                with pytest.raises(fastws.ApiError):
                    await harmless

    run(main())


def test_a_half_of_a_cancel_replace_that_timed_out_leaves_it_open() -> None:
    async def script(peer: Peer) -> None:
        data = {
            "cancelResult": "SUCCESS",
            "newOrderResult": "FAILURE",
            "cancelResponse": {},
            "newOrderResponse": {"code": -1007, "msg": "timeout"},
        }
        peer.send(refusal(await peer.request(), 409, -2021, **data))

    async def main() -> None:
        async with talking(script, **KEY) as client:
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await client.order_cancel_replace(**ORDER, cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=1)
            assert isinstance(caught.value.cause, fastws.PartialFailure)
            assert caught.value.cause.cancel_result == "SUCCESS"

    run(main())


@pytest.mark.parametrize(
    "text",
    ['{"id":ID,"status":200}', '{"id":ID,"status":200,"result":[1,}', '{"id":ID,"status":200,"result":{}'],
)
def test_a_reply_that_cannot_be_read_ends_its_request(text: str) -> None:
    async def script(peer: Peer) -> None:
        for _ in range(2):
            peer.send(text.replace("ID", str((await peer.request())["id"])))
        peer.send(reply(await peer.request()))

    async def main() -> None:
        async with talking(script, **KEY) as client:
            with pytest.raises(fastws.DecodeError):
                await client.ping()
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await client.order_place(**ORDER)
            assert isinstance(caught.value.cause, fastws.DecodeError)
            assert await client.ping() == {}, "the connection lives on"

    run(main())


def test_a_message_that_is_no_json_ends_the_only_request_and_harms_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send("garbage")
        requests = [await peer.request() for _ in range(2)]
        peer.send("more garbage", *map(reply, requests))

    async def main() -> None:
        async with talking(script) as client:
            with pytest.raises(fastws.JsonError):
                await client.ping()
            assert await asyncio.gather(client.ping(), client.ping()) == [{}, {}]
            assert client.stats["unreadable"] == 2

    run(main())
    assert "more garbage" in caplog.text


def test_rate_limits_are_mirrored() -> None:
    limits = [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 12},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 160000, "count": 4043},
        {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": 6000,
            "count": 321,
        },
    ]

    async def script(peer: Peer) -> None:
        peer.send(reply(await peer.request(), rateLimits=limits))
        peer.send(reply(await peer.request(), rateLimits=[{**limits[2], "count": 322}]))

    async def main() -> None:
        async with talking(script) as client:
            await client.ping()
            seen = [dataclasses.asdict(limit) for limit in client.limits]
            now = datetime.now(timezone.utc)
            for row, seconds in zip(seen, (10, 86400, 60), strict=True):
                end = row.pop("resets_at")
                assert timedelta() < end - now <= timedelta(seconds=seconds)
                assert end.timestamp() % seconds == 0
            assert seen == limits
            await client.ping()
            assert [limit.count for limit in client.limits] == [12, 4043, 322]

    run(main())


def test_events_reach_on_event_and_a_shutdown_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[tuple[Any, Any]] = []

    async def script(peer: Peer) -> None:
        peer.send(
            {"subscriptionId": 3, "event": {"e": "balanceUpdate", "d": "1.0"}},
            {"event": {"e": "serverShutdown", "E": 1770123456789}},
        )
        peer.send(reply(await peer.request()))

    async def main() -> None:
        async with talking(script, on_event=lambda event, sub: seen.append((event, sub))) as client:
            await client.ping()
            assert client.stats["events"] == 2

    run(main())
    assert seen == [
        ({"e": "balanceUpdate", "d": "1.0"}, 3),
        ({"e": "serverShutdown", "E": 1770123456789}, None),
    ]
    assert "shut" in caplog.text


def test_on_reply_is_called_inside_the_read_callback_with_result_or_error() -> None:
    calls: list[tuple[Any, Any]] = []

    async def script(peer: Peer) -> None:
        peer.send(reply(await peer.request(), {"a": 1}), refusal(await peer.request(), 400, -1121))
        peer.send(reply(await peer.request()))

    async def main() -> None:
        async with talking(script) as client:
            info = client.ping(on_reply=lambda result, error: calls.append((result, error)))
            assert isinstance(info, fastws.RequestInfo)
            client.ping(on_reply=lambda result, error: calls.append((result, error)))
            await client.ping()

    run(main())
    assert calls[0] == ({"a": 1}, None)
    assert calls[1][0] is None
    assert isinstance(calls[1][1], fastws.BadRequest)


def test_a_callback_may_send_and_one_that_raises_harms_nothing() -> None:
    reported: list[dict[str, Any]] = []
    seen: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
        async with talking(answer_all) as client:

            def first(result: Any, error: Any) -> None:
                info = client.ping(on_reply=lambda result, error: seen.append(result["method"]))
                assert info.sent, "the first request of a read callback leaves at once"
                raise ZeroDivisionError("the user's mistake")

            client.ping(on_reply=first)
            assert (await client.time())["method"] == "time"  # type: ignore[typeddict-item]
            await client.ping()

    run(main())
    assert seen == ["ping"]
    assert [type(context["exception"]) for context in reported] == [ZeroDivisionError]
    assert "on_reply of ping" in reported[0]["message"]


def test_an_error_without_an_id_goes_to_the_only_request_that_was_sent_whatever_is_corked() -> None:
    async def main() -> None:
        offline = Offline()
        sent, corked = offline.client.ping(), offline.client.ping()
        assert not corked.info.sent
        offline.send(refusal(None, 400, -1135, "Invalid JSON Request"))
        with pytest.raises(fastws.BadRequest, match="Invalid JSON"):
            await sent
        assert not corked.done()
        offline.send(reply(corked.info.id))
        assert await corked == {}
        offline.lose()

    run(main())


@pytest.mark.parametrize(
    "text",
    ['{"subscriptionId":0,"event":{"e":"x",}}', '{"event":{"e":"x"', '{"id":"x","status":200,"result":[1,}'],
)
def test_a_broken_message_that_is_no_reply_of_ours_does_not_end_the_only_request(text: str) -> None:
    async def main() -> None:
        offline = Offline()
        future = offline.client.ping()
        offline.send(text)
        assert not future.done()
        assert offline.client.stats["unreadable"] + offline.client.stats["unknown"] == 1
        offline.send(reply(future.info.id))
        assert await future == {}
        offline.lose()

    run(main())


def test_a_revoked_logon_does_not_end_requests_of_another_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grace may outlast the connection."""
    monkeypatch.setattr("fastws.session_handler.REVOKED_GRACE", 0.01)

    async def main() -> None:
        offline = Offline(api_key="k" * 64, private_key=ed25519_key())
        client = offline.client
        logon = client.session_logon()
        offline.send(reply(logon.info.id))
        old = [client.account_status(), client.account_status()]
        client.flush()
        offline.send(refusal(None, 401, -2015, "Invalid API-key"))
        other = offline.another()
        offline.session.route = other.connection  # as after a reconnection
        new = [client.ping(), client.ping()]
        client.flush()
        for future in old:
            with pytest.raises(fastws.SessionRevoked):
                await future
        assert not any(future.done() for future in new)
        other.send(*(reply(future.info.id) for future in new))
        assert await asyncio.gather(*new) == [{}, {}]
        offline.lose()
        other.lose()

    run(main())


def test_calls_of_each_kind_from_another_thread_raise_and_disturb_nothing() -> None:
    async def main() -> None:
        async with talking(answer_all) as client:
            prepared: list[Any] = [
                client.ping,
                client.flush,
                lambda: client.request("ping"),
                lambda: asyncio.run(client.close()),
            ]

            def call() -> int:
                refused = 0
                for target in prepared:
                    with pytest.raises(RuntimeError, match="thread"):
                        target()
                    refused += 1
                return refused

            assert await asyncio.get_running_loop().run_in_executor(None, call) == len(prepared)
            assert client.connected
            assert (await client.ping())["method"] == "ping"  # type: ignore[typeddict-item]
            assert client.stats["requests"] == 1

    run(main())


def test_an_argument_that_raises_leaves_no_request_behind() -> None:
    class Undecided:
        def __bool__(self) -> bool:
            raise ZeroDivisionError

        def __float__(self) -> float:
            raise ZeroDivisionError

    async def main() -> None:
        offline = Offline()
        for arguments in ({"urgent": Undecided()}, {"timeout": Undecided()}):
            first = offline.client.ping()
            with pytest.raises(ZeroDivisionError):
                offline.client.ping(**arguments)
            offline.send(reply(first.info.id))
            assert offline.client.in_flight == 0
        assert len(offline.requests()) == offline.client.stats["requests"] == 2
        offline.lose()

    run(main())


@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt])
def test_an_exception_handler_that_ends_the_program_keeps_no_request_from_its_end(
    ending: type[BaseException],
) -> None:
    async def main() -> None:
        offline = Offline(**KEY)
        loop = asyncio.get_running_loop()

        def end(loop: Any, context: Any) -> None:
            raise ending

        def fail(result: Any, error: Any) -> None:
            raise ValueError

        raised: list[BaseException] = []
        call_soon = loop.call_soon

        def note(callback: Any, *args: Any, **kwargs: Any) -> Any:
            if args and isinstance(args[0], ending):
                raised.append(args[0])
                return None
            return call_soon(callback, *args, **kwargs)

        loop.set_exception_handler(end)
        offline.client.ping(on_reply=fail)
        order = offline.client.order_place(**ORDER)
        offline.client.flush()
        loop.call_soon = note  # type: ignore[method-assign]
        offline.lose()
        loop.call_soon = call_soon  # type: ignore[method-assign]
        assert isinstance(order.exception(), fastws.ExecutionUnknown)
        assert [type(each) for each in raised] == [ending], "it ends the program from the event loop"
        assert offline.client.in_flight == 0

    run(main())


def test_a_timeout_whose_callback_ends_the_connection_is_told_once() -> None:
    orphans: list[Any] = []

    async def main() -> None:
        offline = Offline(**KEY, on_orphan=lambda info, outcome: orphans.append(info))
        got: list[Any] = []
        told = asyncio.Event()

        def timed_out(result: Any, error: Any) -> None:
            got.append(error)
            told.set()
            offline.broken = OSError("broken pipe")
            offline.client.ping(urgent=True)

        offline.client.order_place(**ORDER, on_reply=timed_out, timeout=0.01)
        await told.wait()
        await asyncio.sleep(0)
        assert len(got) == 1
        assert isinstance(got[0], fastws.ExecutionUnknown)
        offline.lose()

    run(main())
    assert orphans == []


def test_a_revoked_logon_does_not_end_a_request_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastws.session_handler.REVOKED_GRACE", 0.01)
    orphans: list[Any] = []

    async def main() -> None:
        offline = Offline(
            api_key="k" * 64, private_key=ed25519_key(), on_orphan=lambda info, outcome: orphans.append(info)
        )
        logon = offline.client.session_logon()
        offline.send(reply(logon.info.id))
        orders = [offline.client.order_place(**ORDER, timeout=0.005) for _ in range(2)]
        offline.client.flush()
        for order in orders:
            with pytest.raises(fastws.ExecutionUnknown):
                await order
        offline.send(refusal(None, 401, -2015, "Invalid API-key"))
        await asyncio.sleep(0.03)
        offline.lose()

    run(main())
    assert orphans == []
