"""Replies whose status and content contradict each other, and codes that leave an outcome open: in JSON and in SBE."""

from __future__ import annotations

import json
from typing import Any

import pytest

import fastws
from fastws.sbe import Schema
from helpers.offline import Offline
from helpers.support import BINARY, KEY, ORDER, frame, run

SPOT = Schema.bundled("spot")
ERROR = {"code": -2010, "msg": "no money"}
FORMATS = pytest.mark.parametrize("sbe", [False, True], ids=["JSON", "SBE"])
VIEWS = pytest.mark.parametrize("results", ["dict", "view"])


def in_sbe(id_: int, status: int, template: str, value: Any) -> bytes:
    return SPOT.encode(
        "WebSocketResponse",
        {
            "sbeSchemaIdVersionDeprecated": "False",
            "status": status,
            "rateLimits": [],
            "id": str(id_),
            "result": {"template": template, "value": value},
        },
    )


def answer(offline: Offline, id_: int, status: int | None, error: Any = None, *, sbe: bool) -> None:
    """A reply with an error; with the result of a ping where there is none."""
    if sbe:
        value = None if error is None else {"data": None, "serverTime": None, "retryAfter": None, **error}
        template = "PingResponse" if error is None else "ErrorResponse"
        offline.feed(frame(BINARY, in_sbe(id_, status or 0, template, value or {})))
    else:
        message = {"id": id_} | ({} if status is None else {"status": status})
        offline.send(json.dumps(message | ({"result": {}} if error is None else {"error": error})))


def made(sbe: bool, results: str = "dict") -> Offline:
    return Offline(sbe=sbe, results=results, **KEY)


@FORMATS
@VIEWS
@pytest.mark.parametrize("status", [None, 0, 102, 200, 299, 301, 399])
def test_an_error_whose_status_is_none_of_an_error_leaves_an_order_open(
    status: int | None, sbe: bool, results: str
) -> None:
    async def main() -> None:
        offline = made(sbe, results)
        order, read = offline.client.order_place(**ORDER), offline.client.depth(symbol="BTCUSDT")
        offline.client.flush()
        answer(offline, order.info.id, status, ERROR, sbe=sbe)
        answer(offline, read.info.id, status, ERROR, sbe=sbe)
        with pytest.raises(fastws.ExecutionUnknown) as caught:
            await order
        with pytest.raises(fastws.DecodeError, match="contradicts itself") as read_error:
            await read
        for error in (caught.value.cause, read_error.value):
            assert type(error) is fastws.DecodeError
            assert f"status {status}" in str(error) if status else "no status" in str(error)
            assert "-2010" in str(error)
            assert "no money" in str(error)
        offline.lose()

    run(main())


@FORMATS
@pytest.mark.parametrize("status", [None, 0, 102, 301, 400, 500])
def test_a_result_whose_status_is_no_success_says_what_is_wrong(status: int | None, sbe: bool) -> None:
    async def main() -> None:
        offline = made(sbe)
        order = offline.client.order_place(**ORDER)
        answer(offline, order.info.id, status, sbe=sbe)
        with pytest.raises(fastws.ExecutionUnknown) as caught:
            await order
        said = f"status {status}" if status else "no status"
        assert str(caught.value.cause) == f"a reply with a result and {said}"
        offline.lose()

    run(main())


@pytest.mark.parametrize(
    "error", ["null", "[]", '"x"', "{}", '{"code":"-1007"}', '{"code":-1007.0}', '{"code":0}']
)
@pytest.mark.parametrize("status", [400, 409, 403, 418, 429])
def test_a_refusal_without_a_code_that_can_be_read_leaves_an_order_open(status: int, error: str) -> None:
    """But for the statuses by which the exchange blocks who asks: nothing was executed then."""

    async def main() -> None:
        offline = made(False)
        order, read = offline.client.order_place(**ORDER), offline.client.depth(symbol="BTCUSDT")
        offline.client.flush()
        for info in (order.info, read.info):
            offline.send(f'{{"id":{info.id},"status":{status},"error":{error}}}')
        expected = fastws.ExecutionUnknown if status in (400, 409) else fastws.ApiError
        with pytest.raises(expected):
            await order
        with pytest.raises(fastws.ApiError):
            await read
        offline.lose()

    run(main())


def test_a_reply_with_neither_a_result_nor_an_error_says_so() -> None:
    async def main() -> None:
        offline = made(False)
        replies = [offline.client.order_place(**ORDER) for _ in range(2)]
        offline.client.flush()
        offline.send({"id": replies[0].info.id}, {"id": replies[1].info.id, "status": 200})
        for reply, said in zip(replies, ("no status", "status 200"), strict=True):
            with pytest.raises(fastws.ExecutionUnknown, match=f"{said} that has neither a result nor an"):
                await reply
        offline.lose()

    run(main())


@FORMATS
@pytest.mark.parametrize("status", [400, 403, 409, 429, 503])
@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1008, -1161])
def test_codes_of_an_exchange_that_does_not_know_leave_an_order_open(
    code: int, status: int, sbe: bool
) -> None:
    async def main() -> None:
        offline = made(sbe)
        order, read = offline.client.order_place(**ORDER), offline.client.ping()
        offline.client.flush()
        for reply in (order, read):
            answer(offline, reply.info.id, status, {"code": code, "msg": "busy"}, sbe=sbe)
        with pytest.raises(fastws.ExecutionUnknown) as caught:
            await order
        assert isinstance(caught.value.cause, fastws.ApiError)
        with pytest.raises(fastws.ApiError) as read_error:
            await read
        assert (read_error.value.status, read_error.value.code) == (status, code)
        offline.lose()

    run(main())


@pytest.mark.parametrize("status", [400, 409])
def test_a_half_that_the_exchange_does_not_know_of_leaves_the_replacement_open(status: int) -> None:
    async def main() -> None:
        offline = made(False)
        order = offline.client.order_cancel_replace(
            **ORDER, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=1
        )
        halves = {
            "cancelResult": "SUCCESS",
            "newOrderResult": "FAILURE",
            "cancelResponse": {"orderId": 1},
            "newOrderResponse": {"code": -1008, "msg": "busy"},
        }
        answer(offline, order.info.id, status, {"code": -2021, "msg": "m", "data": halves}, sbe=False)
        with pytest.raises(fastws.ExecutionUnknown):
            await order
        offline.lose()

    run(main())


@FORMATS
def test_an_error_without_an_id_and_without_a_status_of_one_is_for_the_only_request(sbe: bool) -> None:
    async def main() -> None:
        offline = made(sbe)
        order = offline.client.order_place(**ORDER)
        if sbe:
            value = {"data": None, "serverTime": None, "retryAfter": None, **ERROR}
            message = in_sbe(0, 200, "ErrorResponse", value).replace(b"\x010", b"\x00", 1)
            offline.feed(frame(BINARY, message))
        else:
            offline.send({"id": None, "status": 200, "error": ERROR})
        with pytest.raises(fastws.ExecutionUnknown, match="contradicts itself"):
            await order
        assert offline.client.connected
        offline.lose()

    run(main())


@VIEWS
@pytest.mark.parametrize("method", ["referencePrice", "v3/referencePrice"])
def test_a_documented_result_that_is_an_error_s_code_and_text_stays_a_result(
    results: str, method: str
) -> None:
    async def main() -> None:
        offline = made(True, results)
        reply = offline.client.request(method, {"symbol": "BTCUSDT"})
        error = {"code": -2043, "msg": "This symbol doesn't have a reference price."}
        answer(offline, reply.info.id, 200, error, sbe=True)
        assert dict(await reply) == error
        offline.lose()

    run(main())


@VIEWS
@pytest.mark.parametrize("result", [None, "done", 0, 1.5, True])
def test_a_success_whose_result_is_no_object_leaves_an_order_open(result: Any, results: str) -> None:
    async def main() -> None:
        offline = made(False, results)
        order, read = offline.client.order_place(**ORDER), offline.client.request("new.read")
        offline.client.flush()
        offline.send(*({"id": reply.info.id, "status": 200, "result": result} for reply in (order, read)))
        with pytest.raises(fastws.ExecutionUnknown) as caught:
            await order
        assert str(caught.value.cause) == "a reply with a result that is no object and status 200"
        assert await read == result
        offline.lose()

    run(main())
