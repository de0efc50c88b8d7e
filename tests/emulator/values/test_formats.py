from __future__ import annotations

import json

from fastws.emulator.values.errors import refuse
from fastws.emulator.values.formats import JsonFormat
from fastws.emulator.values.limits import Window


def test_replies_are_compact_json_in_utf8():
    form = JsonFormat(1000)
    assert form.success('"a"', {"symbol": "这是测试币456", "n": [1, None, True]}, None, 0, "x").decode() == (
        '{"id":"a","status":200,"result":{"symbol":"这是测试币456","n":[1,null,true]}}'
    )
    assert form.failure("null", refuse(-1121), None, 0) == (
        b'{"id":null,"status":400,"error":{"code":-1121,"msg":"Invalid symbol."}}'
    )
    assert form.event({"e": "x", "E": 1}) == b'{"event":{"e":"x","E":1}}'
    assert form.event({"e": "x"}, 0) == b'{"subscriptionId":0,"event":{"e":"x"}}'


def test_rate_limits_stand_last():
    window = Window("REQUEST_WEIGHT", "MINUTE", 1, 6000)
    reply = json.loads(JsonFormat(1).success("1", {}, [window, window], 0, "ping"))
    assert list(reply) == ["id", "status", "result", "rateLimits"]
    assert reply["rateLimits"] == [window.usage(0)] * 2
