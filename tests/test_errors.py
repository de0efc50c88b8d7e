"""fastws.errors: one class for each way to fail, all of them readable, catchable and picklable."""

import copy
import pickle
import re
from datetime import datetime, timezone

import pytest

import fastws
from fastws import errors
from fastws.errors import ApiError, ExecutionUnknown, FastwsError, JsonError, RequestTimeout, api_error
from helpers.support import KEY, ORDER, refusal, run, talking

CLASSES = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, FastwsError)
]


def test_all_classes_are_public_and_documented():
    names = {cls.__name__ for cls in CLASSES}
    assert names == set(errors.__all__)
    assert names <= set(fastws.__all__)
    for cls in CLASSES:
        assert getattr(fastws, cls.__name__) is cls
        assert cls.__doc__


def test_errors_of_other_modules_are_public_too():
    def below(cls):
        for each in cls.__subclasses__():
            yield each
            yield from below(each)

    mine = {cls for cls in below(FastwsError) if re.fullmatch(r"fastws\.\w+", cls.__module__)}
    assert {cls.__name__ for cls in mine if getattr(fastws, cls.__name__, None) is not cls} == set()
    assert {cls.__name__ for cls in mine} <= set(fastws.__all__)


@pytest.mark.parametrize(
    ("cls", "bases"),
    [
        ("InvalidRequest", (ValueError,)),
        ("InvalidKey", (errors.InvalidRequest, ValueError)),
        ("NotConnected", (errors.NotSent,)),
        ("ConnectionLost", (ConnectionError, OSError)),
        ("RequestTimeout", (TimeoutError,)),
        ("JsonError", (errors.DecodeError, ValueError)),
        ("Banned", (errors.RateLimited, ApiError)),
        ("PartialFailure", (ApiError,)),
        ("SessionRevoked", (ApiError,)),
        ("ServerError", (ApiError,)),
    ],
)
def test_the_tree(cls, bases):
    assert issubclass(getattr(errors, cls), (FastwsError,))
    for base in bases:
        assert issubclass(getattr(errors, cls), base)


def test_an_open_outcome_is_none_of_the_harmless_errors():
    """Who catches timeouts to repeat a request must not catch orders."""
    for cls in (TimeoutError, ConnectionError, OSError, ValueError, ApiError, errors.NotSent):
        assert not issubclass(ExecutionUnknown, cls)


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (400, "BadRequest"),
        (401, "SessionRevoked"),
        (403, "Forbidden"),
        (404, "BadRequest"),
        (409, "PartialFailure"),
        (418, "Banned"),
        (429, "RateLimited"),
        (499, "BadRequest"),
        (500, "ServerError"),
        (503, "ServerError"),
        (599, "ServerError"),
        (0, "BadRequest"),
        (300, "BadRequest"),
    ],
)
def test_the_class_follows_the_status(status, cls):
    error = api_error(status, {"code": -1, "msg": "no"}, "order.place")
    assert type(error) is getattr(errors, cls)
    assert (error.status, error.code, error.msg, error.data, error.method) == (
        status,
        -1,
        "no",
        None,
        "order.place",
    )
    assert str(error) == f"order.place: no (code -1, status {status})"


@pytest.mark.parametrize("error", [None, "text", 5, [], {}, {"code": -1}, {"msg": "x"}], ids=repr)
def test_an_error_object_that_is_none_or_half_of_one(error):
    made = api_error(500, error)
    assert made.status == 500
    assert isinstance(made.code, int)
    assert isinstance(made.msg, str)
    assert str(made)


def test_retry_after_of_a_text():
    said = {"code": -1003, "msg": "Too many requests; IP(1.2.3.4) banned until 1659146460000. Please wait."}
    assert api_error(418, said).retry_after == datetime(2022, 7, 30, 2, 1, tzinfo=timezone.utc)
    assert api_error(429, {**said, "data": {"retryAfter": 1}}).retry_after.year == 1970, "data comes first"
    for text in ("until later", "until 17", f"until {'9' * 5000}", "current limit is 1659146460000"):
        assert api_error(418, {"code": -1003, "msg": text}).retry_after is None


def test_retry_after_and_halves():
    for retry_after in (1659146460000, 1659146460000000):  # as of time_unit="ms" and "us"
        error = api_error(
            429, {"code": -1003, "msg": "", "data": {"retryAfter": retry_after, "serverTime": 1}}
        )
        assert error.retry_after == datetime(2022, 7, 30, 2, 1, tzinfo=timezone.utc)
    for data in (None, [], "x", {}):
        assert api_error(418, {"code": -1003, "msg": "", "data": data}).retry_after is None
    half = {
        "cancelResult": "SUCCESS",
        "newOrderResult": "FAILURE",
        "cancelResponse": {"orderId": 1},
        "newOrderResponse": {"code": -2010, "msg": "no"},
    }
    error = api_error(409, {"code": -2021, "msg": "", "data": half})
    assert (error.cancel_result, error.new_order_result) == ("SUCCESS", "FAILURE")
    assert error.cancel_response == {"orderId": 1}
    assert error.new_order_response == {"code": -2010, "msg": "no"}
    assert api_error(409, {"code": -2021, "msg": ""}).cancel_result is None


SAMPLES = [
    *(cls("said") for cls in CLASSES if not issubclass(cls, (ApiError, ExecutionUnknown, JsonError))),
    *(
        cls(400, -1, "said", {"cancelResult": "SUCCESS"}, "ping")
        for cls in CLASSES
        if issubclass(cls, ApiError)
    ),
    JsonError("bad", 17),
    ExecutionUnknown(RequestTimeout("late"), "order.place", {"symbol": "BTCUSDT"}),
]


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_errors_travel_between_processes(error):
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is type(error)
        assert str(other) == str(error)
        for name in ("status", "code", "msg", "data", "method", "position", "params"):
            assert getattr(other, name, None) == getattr(error, name, None), name
    assert error.info is None


async def refuse_in_many_ways(peer):
    """Answer each request with the status and code that its recvWindow stands for."""
    halves = {
        "cancelResult": "SUCCESS",
        "newOrderResult": "FAILURE",
        "cancelResponse": {"orderId": 1},
        "newOrderResponse": {"code": -2010, "msg": "no"},
    }
    for status, data in (
        (400, {}),
        (401, {}),
        (403, {}),
        (409, halves),
        (418, {"retryAfter": 5}),
        (429, {}),
        (503, {}),
    ):
        peer.send(refusal(await peer.request(), status, -1000, **data))
    await peer.request()
    peer.send("{no")
    await peer.request()  # and no reply
    await peer.request()
    await peer.drop()


@pytest.mark.parametrize("trading", [False, True])
def test_every_error_of_a_request_tells_which_and_travels(trading):
    expected = (
        "BadRequest SessionRevoked Forbidden PartialFailure Banned RateLimited ServerError JsonError".split()
    )
    expected += ["RequestTimeout", "ConnectionLost"]

    async def main():
        async with talking(refuse_in_many_ways, **KEY) as client:
            for name in expected:
                timeout = 0.03 if name == "RequestTimeout" else None
                reply = (
                    client.order_place(**ORDER, timeout=timeout) if trading else client.ping(timeout=timeout)
                )
                with pytest.raises(FastwsError) as caught:
                    await reply
                error = caught.value
                assert error.info is reply.info
                assert error.info.method == ("order.place" if trading else "ping")
                if isinstance(error, ExecutionUnknown):
                    assert trading
                    assert error.cause.info is reply.info
                    assert error.client_order_id == reply.info.client_order_id
                    error = error.cause
                else:
                    assert not trading or name in expected[:6]
                assert type(error).__name__ == name
                for whole in (caught.value, error):
                    other = pickle.loads(pickle.dumps(whole))
                    assert type(other) is type(whole)
                    assert str(other) == str(whole)
                    assert other.info is None
                if name == "PartialFailure":
                    assert other.cancel_response == {"orderId": 1}
                if name == "Banned":
                    assert other.retry_after == datetime(1970, 1, 1, 0, 0, 0, 5000, timezone.utc)
            with pytest.raises(errors.NotConnected) as refused:
                client.ping()
            assert refused.value.info is None, "there was no request"

    run(main())


def test_an_error_of_a_position_says_it():
    error = JsonError("expected a value", 17)
    assert error.position == 17
    assert "byte 17" in str(error)


def test_an_open_outcome_names_method_and_cause():
    error = ExecutionUnknown(RequestTimeout("no reply within 15 s"), "order.place", {"symbol": "BTCUSDT"})
    assert isinstance(error.cause, RequestTimeout)
    assert error.__cause__ is error.cause
    assert "order.place" in str(error)
    assert "no reply within 15 s" in str(error)
    assert "resolve()" in str(error)


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("order.place", {"newClientOrderId": "x"}, "x"),
        ("v3/order.place", {"newClientOrderId": "x"}, "x"),
        ("order.cancelReplace", {"newClientOrderId": "x", "cancelNewClientOrderId": "y"}, "x"),
        ("orderList.place.oco", {"listClientOrderId": "x", "aboveClientOrderId": "y"}, "x"),
        ("orderList.cancel", {"listClientOrderId": "old", "newClientOrderId": "x"}, "x"),
        ("openOrders.cancelAll", {"symbol": "BTCUSDT"}, None),
    ],
)
def test_an_open_outcome_names_the_order(method, params, name):
    error = ExecutionUnknown(RequestTimeout("late"), method, params)
    assert error.client_order_id == name
    assert (f"as {name!r}" in str(error)) == (name is not None)


def test_an_open_outcome_keeps_what_was_sent_but_no_secret():
    """A signature is a ticket to repeat the request, and an API key is for nobody's log."""

    async def script(peer):
        for _ in range(2):
            peer.send(refusal(await peer.request(), 504, -1007))

    async def main():
        async with talking(script, recv_window=1500.5, **KEY) as client:
            made = {**ORDER, "price": None, "type": "MARKET", "timeInForce": None}
            with pytest.raises(ExecutionUnknown) as caught:
                await client.order_place(**made)
            error = caught.value
            assert error.params == {
                "symbol": "BTCUSDT",
                "side": "BUY",
                "type": "MARKET",
                "quantity": "2",
                "newClientOrderId": error.info.client_order_id,
                "timestamp": error.info.timestamp,
                "recvWindow": 1500.5,
            }
            with pytest.raises(ExecutionUnknown) as caught:
                await client.order_place(
                    **made, newClientOrderId="x", timestamp=5, apiKey="a" * 64, signature="f" * 64
                )
            by_hand = caught.value
            assert by_hand.params["timestamp"] == 5
            assert "recvWindow" not in by_hand.params, "nothing was added to it"
            for whole in (error, by_hand):
                shown = (
                    repr(whole) + str(whole) + str(vars(whole)) + repr(whole.info) + str(pickle.dumps(whole))
                )
                assert not any(letter * 64 in shown for letter in "afks")

    run(main())
