from __future__ import annotations

from fastws.emulator.values.errors import MESSAGES, filter_failure, refuse


def test_a_refusal_has_the_documented_text():
    refusal = refuse(-1102, "symbol")
    assert (refusal.status, refusal.code) == (400, -1102)
    assert refusal.msg == "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
    assert refusal.body() == {"code": -1102, "msg": refusal.msg}


def test_data_is_in_the_body_and_not_in_a_half():
    refusal = refuse(-1003, 6000, "1 MINUTE", status=429, data={"retryAfter": 1})
    assert refusal.body()["data"] == {"retryAfter": 1}
    assert "data" not in refusal.brief()


def test_filters_are_named():
    assert filter_failure("LOT_SIZE").brief() == {"code": -1013, "msg": "Filter failure: LOT_SIZE"}
    assert filter_failure("MAX_NUM_ORDER_AMENDS", -2038).code == -2038


def test_codes_are_negative_and_texts_are_texts():
    assert all(code < 0 and text for code, text in MESSAGES.items())
