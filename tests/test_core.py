"""The session: frames, ids, waiters, corking. The peer is tests/support.py, byte by byte."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import threading
import time
from typing import Any

import pytest

import fastws
from fastws import _cork
from support import (
    BINARY,
    CLOSE,
    CONTINUATION,
    KEY,
    ORDER,
    PING,
    PONG,
    TEXT,
    Peer,
    answer_all,
    frame,
    refusal,
    reply,
    run,
    serving,
    talking,
)

# ---------------------------------------------------------------------------------------------------- frames


def test_a_text_frame_is_masked_as_rfc_6455_says() -> None:
    for size in (0, 1, 7, 8, 125, 126, 127, 300, 65535, 65536, 70000):
        text = bytes(i % 251 for i in range(size))
        made = _cork.mask_frame(text, 0xA1B2C3D4)
        assert made[0] == 0x81
        length = made[1] & 0x7F
        assert made[1] & 0x80
        head = 2 if length < 126 else 4 if length == 126 else 10
        if head > 2:
            length = int.from_bytes(made[2:head], "big")
        assert length == size
        mask = made[head : head + 4]
        assert bytes(b ^ mask[i & 3] for i, b in enumerate(made[head + 4 :])) == text


@pytest.mark.parametrize("cut", [1, 2, 10, 30])
def test_a_message_of_several_frames_is_one(cut: int) -> None:
    text = "这是测试币456 ✓"

    async def script(peer: Peer) -> None:
        request = await peer.request()
        data = json.dumps(reply(request, {"symbol": text}), ensure_ascii=False).encode()
        parts = [data[i : i + cut] for i in range(0, len(data), cut)]  # cuts within UTF-8 sequences as well
        peer.send(frame(TEXT, parts[0], fin=False))
        for part in parts[1:-1]:
            peer.send(frame(CONTINUATION, part, fin=False), frame(PING, b"between"))
        peer.send(frame(CONTINUATION, parts[-1]))
        for _ in parts[1:-1]:
            assert await peer.frame() == (PONG, b"between")

    async def main() -> None:
        async with talking(script) as client:
            assert await client.ping() == {"symbol": text}

    run(main())


def test_empty_fragments_and_an_empty_first_frame_are_fine() -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        data = json.dumps(reply(request)).encode()
        peer.send(frame(TEXT, b"", fin=False), frame(CONTINUATION, data, fin=False), frame(CONTINUATION, b""))

    async def main() -> None:
        async with talking(script) as client:
            assert await client.ping() == {}

    run(main())


@pytest.mark.parametrize("payload", [b"", b"1785486997115", bytes(range(125))])
def test_a_ping_is_answered_with_its_payload_before_later_replies_are_read(payload: bytes) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        peer.send(frame(PING, payload), reply(request))
        assert await peer.frame() == (PONG, payload)

    async def main() -> None:
        async with talking(script) as client:
            await client.ping()
            assert client.stats["pings"] == 1

    run(main())


def test_an_unsolicited_pong_is_ignored() -> None:
    async def script(peer: Peer) -> None:
        peer.send(frame(PONG, b"x"))
        peer.send(reply(await peer.request()))

    async def main() -> None:
        async with talking(script) as client:
            await client.ping()

    run(main())


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (frame(CONTINUATION, b"{}"), 1002, "continuation"),
        (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002, "within a fragmented"),
        (frame(TEXT, b"{", fin=False) + frame(BINARY, b"}"), 1002, "within a fragmented"),
        (frame(TEXT, b"{}", rsv=4), 1002, "reserved"),
        (frame(TEXT, b"{}", rsv=1), 1002, "reserved"),
        (frame(TEXT, b'{"id":\xff}'), 1007, "UTF-8"),
        (frame(TEXT, b'{"id":1,"x":"\xed\xa0\x80"}'), 1007, "UTF-8"),
        (frame(BINARY, b"\0" * 50), 1003, "binary"),
        (frame(3, b""), 1002, "opcode"),
        (frame(PING, b"", fin=False), 1002, "control"),
        (frame(CLOSE, b"\x03"), 1002, "close"),
        (frame(TEXT, b"x" * 3000), 1009, "size"),
        (frame(TEXT, b"x" * 600, fin=False) + frame(CONTINUATION, b"x" * 600, fin=False) * 2, 1009, "1500"),
    ],
)
def test_what_breaks_the_protocol_ends_the_connection_with_a_reason(
    data: bytes, code: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # picows reports some of these itself

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(data)
        opcode, payload = await peer.frame()
        assert opcode == CLOSE
        assert int.from_bytes(payload[:2], "big") == code

    async def main() -> None:
        async with talking(script, max_message=1500) as client:
            with pytest.raises(fastws.ConnectionLost, match="(?i)" + words):
                await client.ping()
            assert not client.connected
            assert words.lower() in (await client.wait_closed()).lower()

    run(main())


def test_a_close_frame_ends_what_is_in_flight_with_its_code_and_reason() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.request()
        peer.send(frame(CLOSE, (1001).to_bytes(2, "big") + "going, 再见".encode()))
        assert await peer.frame() == (CLOSE, (1001).to_bytes(2, "big"))

    async def main() -> None:
        async with talking(script, **KEY) as client:
            order = client.order_place(**ORDER)
            ping = client.ping()
            with pytest.raises(fastws.ConnectionLost, match=r"1001.*going, 再见"):
                await ping
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await order
            assert isinstance(caught.value.cause, fastws.ConnectionLost)
            assert caught.value.info is order.info
            with pytest.raises(fastws.NotConnected, match="1001"):
                client.ping()

    run(main())


@pytest.mark.parametrize("code", [1000, 1012, 3000, 4999])
def test_close_codes_of_servers_are_known_or_private(code: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.send(frame(CLOSE, code.to_bytes(2, "big")))
        opcode, payload = await peer.frame()
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)

    async def main() -> None:
        async with talking(script) as client:
            with pytest.raises(fastws.ConnectionLost, match=str(code)):
                await client.ping()

    run(main())


def test_a_lost_connection_is_told_at_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.drop()

    async def main() -> None:
        async with talking(script, **KEY) as client:
            with pytest.raises(fastws.ExecutionUnknown, match="lost"):
                await client.order_place(**ORDER)
            assert client.in_flight == 0

    run(main())


# ------------------------------------------------------------------------------------------------------- ids


def test_replies_in_any_order_reach_their_own_waiters() -> None:
    count = 300

    async def script(peer: Peer) -> None:
        requests = [await peer.request() for _ in range(count)]
        peer.send(*(reply(request, request["params"]) for request in reversed(requests)))

    async def main() -> None:
        async with talking(script) as client:
            futures = [client.depth(symbol=f"S{i}") for i in range(count)]
            assert len({future.info.id for future in futures}) == count
            assert all(0 < future.info.id < 2**53 for future in futures)
            results = await asyncio.gather(*futures)
            assert [result["symbol"] for result in results] == [f"S{i}" for i in range(count)]

    run(main())


def test_repeated_stale_and_unknown_ids_reach_nobody() -> None:
    async def script(peer: Peer) -> None:
        first = await peer.request()
        peer.send(reply(first, {"n": 1}), reply(first, {"n": 2}))
        second = await peer.request()
        assert second["id"] & 0xFFFF == first["id"] & 0xFFFF, "the slot is used again"
        peer.send(
            reply(first, {"n": 3}),
            reply(second["id"] + (1 << 16), {"n": 4}),
            reply(second["id"] + 1, {"n": 5}),
            reply(2**53, {"n": 6}),
            reply(-1, {"n": 6}),
            reply(0, {"n": 7}),
            '{"id":"x","status":200,"result":{}}',
            '{"id":1.5,"status":200,"result":{}}',
            '{"status":200,"result":{}}',
            f'{{"id":"{second["id"]}","status":200,"result":{{"n":8}}}}',
            reply(second, {"n": 9}),
        )

    async def main() -> None:
        async with talking(script) as client:
            assert await client.ping() == {"n": 1}
            assert await client.ping() == {"n": 9}
            stats = client.stats
            assert stats["replies"] == 2
            assert stats["stale"] + stats["unknown"] == 11
            assert stats["stale"] >= 2

    run(main())


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
    monkeypatch.setattr("fastws.client.REVOKED_GRACE", 0.05)
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


# ---------------------------------------------------------------------------------------------------- replies


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
            assert error.retry_after == 17
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
            assert [dataclasses.asdict(limit) for limit in client.limits] == limits
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


# ---------------------------------------------------------------------------------------------------- waiters


def test_a_reply_carries_its_record_before_anything_is_awaited() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            before = time.monotonic_ns()
            future = client.order_place(**ORDER)
            info = future.info
            after = time.monotonic_ns()
            assert isinstance(future, asyncio.Future)
            assert info.method == "order.place"
            assert info.sent
            assert before <= info.queued_at <= info.written_at <= after
            assert info.received_at == 0
            assert info.seq == 0
            assert info.client_order_id
            result: Any = await future
            assert info.written_at < info.received_at <= time.monotonic_ns()
            assert info.seq == 1
            assert result["params"]["newClientOrderId"] == info.client_order_id

    run(main())


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


def test_a_timeout_ends_the_wait_and_a_late_reply_is_an_orphan() -> None:
    orphans: list[tuple[Any, Any]] = []

    async def script(peer: Peer) -> None:
        first, second = await peer.request(), await peer.request()
        third = await peer.request()
        peer.send(reply(first, {"late": 1}), refusal(second, 400, -2010), reply(third))
        peer.send(reply(await peer.request()))

    async def main() -> None:
        async with talking(
            script, on_orphan=lambda info, outcome: orphans.append((info, outcome)), **KEY
        ) as client:
            read = client.ping(timeout=0.05)
            order = client.order_place(**ORDER, timeout=0.05)
            with pytest.raises(fastws.RequestTimeout, match=r"0\.05"):
                await read
            with pytest.raises(fastws.ExecutionUnknown) as caught:
                await order
            assert isinstance(caught.value.cause, fastws.RequestTimeout)
            assert isinstance(caught.value.cause, TimeoutError)
            client.ping(on_reply=lambda result, error: None, timeout=9)
            await client.ping()
            assert [info.method for info, _ in orphans] == ["ping", "order.place"]
            assert orphans[0][1] == {"late": 1}
            assert isinstance(orphans[1][1], fastws.BadRequest)
            assert client.stats["orphans"] == 2
            verdict = await caught.value.resolve()
            assert isinstance(verdict, fastws.Rejected)
            assert verdict.error is orphans[1][1]

    run(main())


def test_many_timeouts_of_different_length_each_end_in_time() -> None:
    async def script(peer: Peer) -> None:
        pass

    async def main() -> None:
        async with talking(script) as client:
            waits = [0.3, 0.1, 0.2, 0.05]
            start = time.monotonic()
            ends: dict[float, float] = {}

            async def wait(seconds: float) -> None:
                with pytest.raises(fastws.RequestTimeout):
                    await client.ping(timeout=seconds)
                ends[seconds] = time.monotonic() - start

            await asyncio.gather(*map(wait, waits))
            for seconds, took in ends.items():
                assert seconds - 0.01 <= took < seconds + 0.25, f"a timeout of {seconds} s took {took:.3f} s"

    run(main())


def test_a_cancelled_wait_before_the_write_takes_the_request_back() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            first = client.ping()
            order = client.order_place(**ORDER)
            last = client.time()
            assert (first.info.sent, order.info.sent, last.info.sent) == (True, False, False)
            order.cancel()
            await asyncio.gather(first, last)
            assert not order.info.sent
            assert client.stats["replies"] == 2
            assert client.in_flight == 0

    run(main())


def test_a_cancelled_wait_after_the_write_keeps_its_slot_and_tells_on_orphan() -> None:
    orphans: list[tuple[fastws.RequestInfo, Any]] = []

    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            client.on_orphan = lambda info, outcome: orphans.append((info, outcome))
            order = client.order_place(**ORDER)
            order.cancel()
            await client.ping()
            assert len(orphans) == 1
            assert orphans[0][0] is order.info
            assert orphans[0][1]["params"]["newClientOrderId"] == order.info.client_order_id

    run(main())


def test_asyncio_timeout_around_an_order_loses_nothing() -> None:
    orphans: list[Any] = []

    async def script(peer: Peer) -> None:
        order = await peer.request()
        await peer.request()
        peer.send(reply(order, {"orderId": 7}))

    async def main() -> None:
        async with talking(script, on_orphan=lambda info, outcome: orphans.append(outcome), **KEY) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.order_place(**ORDER), 0.05)
            with pytest.raises(fastws.RequestTimeout):
                await client.ping(timeout=0.2)
            assert orphans == [{"orderId": 7}]

    run(main())


def test_a_call_from_another_thread_raises() -> None:
    caught: list[BaseException] = []

    async def main() -> None:
        async with talking(answer_all) as client:

            def call() -> None:
                for target in (client.ping, client.flush):
                    try:
                        target()
                    except RuntimeError as exc:
                        caught.append(exc)

            thread = threading.Thread(target=call)
            thread.start()
            thread.join()
            await client.ping()

    run(main())
    assert len(caught) == 2
    assert all("thread" in str(exc) for exc in caught)


def test_in_flight_requests_are_bounded_by_the_ids() -> None:
    async def script(peer: Peer) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with talking(script, max_output=1 << 30) as client:
            for _ in range(65536):
                client.ping(on_reply=lambda result, error: None)
            with pytest.raises(fastws.NotSent, match="65536"):
                client.ping()
            client._session.abort()
            await client.wait_closed()
            assert client.in_flight == 0

    run(main())


# ---------------------------------------------------------------------------------------------------- corking


def chunks(peer: Peer) -> asyncio.Task[list[int]]:
    """How many requests came in each write of the client, as far as the socket tells."""

    async def read() -> list[int]:
        sizes = []
        while True:
            data = await peer.reader.read(1 << 20)
            if not data or data[0] == 0x88:
                return sizes
            sizes.append(data.count(b"\x81"))

    return asyncio.ensure_future(read())


def test_the_first_request_of_a_turn_leaves_at_once_and_the_rest_in_one_write() -> None:
    async def main() -> None:
        async with talking(answer_all) as client:
            for turn in range(3):
                writes = client.stats["writes"]
                futures = [client.ping() for _ in range(10)]
                assert [future.info.sent for future in futures] == [True] + [False] * 9
                assert client.stats["writes"] == writes + 1
                await asyncio.sleep(0)
                assert all(future.info.sent for future in futures), "the turn is over"
                assert client.stats["writes"] == writes + 2
                assert len({future.info.written_at for future in futures[1:]}) == 1
                lone = client.ping()
                assert lone.info.sent, f"the first of the next turn leaves at once (turn {turn})"
                await asyncio.gather(*futures, lone)

    run(main())


def test_order_is_kept_whatever_is_corked_urgent_or_flushed() -> None:
    got: list[str] = []

    async def script(peer: Peer) -> None:
        for _ in range(8):
            request = await peer.request()
            got.append(request["params"]["symbol"])
            peer.send(reply(request))

    async def main() -> None:
        async with talking(script) as client:
            a, b, c = (client.depth(symbol=name) for name in "abc")
            assert (a.info.sent, b.info.sent, c.info.sent) == (True, False, False)
            d = client.depth(symbol="d", urgent=True)
            assert all(future.info.sent for future in (a, b, c, d)), "urgent takes along what is corked"
            e = client.depth(symbol="e")
            assert not e.info.sent
            client.flush()
            assert e.info.sent
            f, g, h = (client.depth(symbol=name) for name in "fgh")
            assert not f.info.sent
            await asyncio.gather(a, b, c, d, e, f, g, h)

    run(main())
    assert got == list("abcdefgh")


def test_cancels_are_urgent_by_default() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            first = client.ping()
            order = client.order_place(**ORDER)
            assert not order.info.sent
            cancel = client.order_cancel(symbol="BTCUSDT", orderId=1)
            assert cancel.info.sent
            assert order.info.sent
            lazy = client.order_cancel(symbol="BTCUSDT", orderId=1, urgent=False)
            assert not lazy.info.sent
            every = client.open_orders_cancel_all(symbol="BTCUSDT")
            assert every.info.sent
            assert lazy.info.sent
            await asyncio.gather(first, order, cancel, lazy, every)

    run(main())


def test_without_cork_each_request_leaves_at_once() -> None:
    async def main() -> None:
        async with talking(answer_all, cork=False) as client:
            futures = [client.ping() for _ in range(5)]
            assert all(future.info.sent for future in futures)
            assert client.stats["writes"] == 5
            await asyncio.gather(*futures)

    run(main())


def test_sixteen_kilobytes_do_not_wait_for_the_end_of_the_turn() -> None:
    async def main() -> None:
        async with talking(answer_all) as client:
            futures = [client.depth(symbol="X" * 1000) for _ in range(20)]
            sent = [future.info.sent for future in futures]
            assert sent[0]
            assert 14 <= sum(sent) <= 18
            assert not sent[-1]
            await asyncio.gather(*futures)

    run(main())


def test_requests_made_in_one_read_callback_leave_at_its_end() -> None:
    infos: list[fastws.RequestInfo] = []

    async def main() -> None:
        async with talking(answer_all) as client:
            done = asyncio.get_running_loop().create_future()

            def more(result: Any, error: Any) -> None:
                infos.extend(client.ping(on_reply=lambda result, error: None) for _ in range(3))
                client.ping(on_reply=lambda result, error: done.set_result(None))
                assert [info.sent for info in infos] == [True, False, False]

            writes = client.stats["writes"]
            client.ping(on_reply=more)
            await done
            assert client.stats["writes"] == writes + 3
            assert all(info.sent for info in infos)

    run(main())


def test_a_pong_goes_behind_what_was_requested_before_it() -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        peer.send(reply(request), frame(PING, b"p"))
        later = [await peer.request(), await peer.request()]
        assert [request["method"] for request in later] == ["time", "depth"]
        assert await peer.frame() == (PONG, b"p")
        peer.send(*map(reply, later))

    async def main() -> None:
        async with talking(script) as client:
            done = asyncio.get_running_loop().create_future()

            def more(result: Any, error: Any) -> None:
                client.time(on_reply=lambda result, error: None)
                info: Any = client.depth(symbol="X", on_reply=lambda result, error: None)
                assert not info.sent
                done.set_result(info)

            client.ping(on_reply=more)
            await done

    run(main())


def test_closing_writes_what_is_corked_before_the_close_frame() -> None:
    got: list[str] = []

    async def script(peer: Peer) -> None:
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                got.append("close")
                peer.writer.write(frame(CLOSE, payload))
                return
            request = json.loads(payload)
            got.append(request["method"])
            peer.send(reply(request))

    async def main() -> None:
        async with serving(script) as url:
            client = await fastws.connect(url)
            futures = [client.ping(), client.time(), client.depth(symbol="X")]
            await client.close()
            assert all(future.done() and future.exception() is None for future in futures)
            with pytest.raises(fastws.NotConnected):
                client.ping()

    run(main())
    assert got == ["ping", "time", "depth", "close"]


def test_a_peer_that_stops_reading_bounds_the_output() -> None:
    async def script(peer: Peer) -> None:
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async def main() -> None:
        async with talking(script, max_output=100_000) as client:

            def flood() -> None:
                for _ in range(200_000):
                    client.depth(symbol="X" * 1000, on_reply=lambda result, error: None, urgent=True)

            with pytest.raises(fastws.NotSent, match="100000"):
                flood()
            client._session.abort()
            await client.wait_closed()

    run(main())
