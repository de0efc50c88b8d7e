"""fastws.methods: the table says what the documentation says, and each method has its wrapper."""

import inspect
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from test_core import ed25519_key

from fastws import InvalidRequest, Subscription
from fastws._native.request import encode
from fastws.client import Client
from fastws.methods import METHODS, PARAMETERS, Methods
from helpers import facts
from helpers.support import KEY, answer_all, reply, run, talking

ROOT = Path(__file__).resolve().parents[2]
AUTH = {"apiKey", "recvWindow", "signature", "timestamp"}
OPTIONS = {"on_reply", "timeout", "urgent", "signer"}

# Parameters of one group by the documentation that are all optional: none of them is needed.
OPTIONAL_GROUPS = {"exchangeInfo", "ticker.24hr", "ticker.price", "ticker.book"}
# By its text, not by its table, order.amend.keepPriority needs one of its two ids.
UNMARKED_GROUPS = {"order.amend.keepPriority": [["orderId", "origClientOrderId"]]}

# Weights that are left out of a method's text: of executionRules without a symbol.
NOT_SHOWN: dict[str, set[str]] = {}

KINDS = {
    "STRING": {"TEXT"},
    "ENUM": {"TEXT"},
    "DECIMAL": {"DECIMAL"},
    "LONG": {"INTEGER"},
    "INT": {"INTEGER"},
    "ARRAY of STRING": {"LIST"},
    "BOOLEAN": {"BOOLEAN"},
}
# Where the documentation gives several types, or another than its examples show.
OTHER_KINDS = {
    "aboveIcebergQty": "DECIMAL",
    "belowIcebergQty": "DECIMAL",
    "trailingDelta": "INTEGER",
    "pendingTrailingDelta": "INTEGER",
    "pendingAboveTrailingDelta": "INTEGER",
    "pendingBelowTrailingDelta": "INTEGER",
    "symbols": "LIST",
    "recvWindow": "WINDOW",
}
SAMPLES = {
    "TEXT": "TEXT",
    "DECIMAL": "1.5",
    "INTEGER": 7,
    "BOOLEAN": True,
    "LIST": ["BTCUSDT", "这是测试币456"],
    "WINDOW": 1000,
}


@pytest.fixture(scope="module")
def documentation():
    """The documented methods by name, each with all of its parameters."""
    methods = {m["method"]: m for m in facts.methods()}
    for method in methods.values():
        names = {param["name"] for param in method["params"]}
        base = methods[method["extends"]]["params"] if "extends" in method else []
        method["params"] += [param for param in base if param["name"] not in names]
    return methods


# --- the table against the documentation


def test_all_methods_are_there(documentation):
    assert len(documentation) == 55
    assert METHODS.keys() == documentation.keys()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_as_documented(documentation, name):
    method, doc = METHODS[name], documentation[name]
    params = {param["name"]: param for param in doc["params"]}
    assert method.security == doc["security"]
    assert set(method.params) == params.keys() - AUTH, "parameters"
    assert set(method.required) == {n for n, p in params.items() if p["mandatory"] == "yes"} - AUTH, (
        "required"
    )
    assert method.signed == bool(params.keys() & AUTH), "signed"
    groups = {}
    for param in doc["params"]:
        if "one_of_group" in param:
            groups.setdefault(param["one_of_group"], []).append(param["name"])
    expected = [] if name in OPTIONAL_GROUPS else sorted(map(sorted, groups.values()))
    assert sorted(map(sorted, method.groups)) == UNMARKED_GROUPS.get(name, expected), "groups"
    for param in doc["params"]:
        kind = OTHER_KINDS.get(param["name"])
        assert PARAMETERS[param["name"]] in ({kind} if kind else KINDS[param["type"]]), param["name"]
    if doc["weight"].isdigit():
        assert method.weight == doc["weight"]
    else:
        cells = [row[1] for row in doc.get("weight_table", {"rows": []})["rows"]] or [doc["weight"]]
        weights = {number for cell in cells for number in re.findall(r"\d+", cell)} - {"50"}
        assert weights <= {*re.findall(r"\d+", method.weight)} | NOT_SHOWN.get(name, set()), "weight"
    assert documented_errors(doc) <= set(method.errors), "errors"


def documented_errors(doc):
    """The error codes in a method's examples, those of the halves of a cancelReplace included."""

    def walk(value):
        if isinstance(value, dict):
            if isinstance(value.get("code"), int):
                yield value["code"]
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                yield from walk(each)

    return set(walk(doc["responses"]))


def as_typed(name, value):
    """A value of an example as its type says: some numbers stand in quotes there, some decimals do not."""
    kind = PARAMETERS[name]
    if kind == "DECIMAL":
        return Decimal(str(value))
    return int(value) if kind in ("INTEGER", "WINDOW") else value


def test_the_examples_of_the_documentation_are_taken(documentation):
    taken = 0
    for name, doc in documentation.items():
        for request in doc["requests"]:
            params = {n: as_typed(n, v) for n, v in request.get("params", {}).items()}
            sent = json.loads(encode(name, params, 1, strict=True)).get("params", {})
            assert sent == {n: str(v) if PARAMETERS[n] == "DECIMAL" else v for n, v in params.items()}, name
            taken += 1
    assert taken >= 55


# --- the wrappers


def test_there_is_a_wrapper_for_each_method_and_no_other():
    public = {name for name in vars(Methods) if not name.startswith("_")}
    assert public == {method.wrapper for method in METHODS.values()}
    assert len(public) == 55
    assert not [name for name in public if name in vars(Client)], "a wrapper is hidden by a method of Client"


@pytest.mark.parametrize(
    ("name", "wrapper"),
    [
        ("order.cancelReplace", "order_cancel_replace"),
        ("ticker.24hr", "ticker_24hr"),
        ("uiKlines", "ui_klines"),
        ("order.amend.keepPriority", "order_amend_keep_priority"),
        ("userDataStream.subscribe.signature", "user_data_stream_subscribe_signature"),
        ("openOrders.cancelAll", "open_orders_cancel_all"),
        ("blockTrades.historical", "block_trades_historical"),
        ("ping", "ping"),
    ],
)
def test_names_of_wrappers_follow_mechanically(name, wrapper):
    assert METHODS[name].wrapper == wrapper
    assert callable(getattr(Client, wrapper))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_a_wrapper_explains_itself(method):
    call = getattr(Client, method.wrapper)
    signature = inspect.signature(call)
    params = dict(signature.parameters)
    assert params.pop("self").kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert {p.kind for p in params.values()} == {inspect.Parameter.KEYWORD_ONLY}
    auth = AUTH if method.signed else set()
    streams = method.name.startswith("userDataStream.subscribe")
    more = {"on_event", "buffer", "on_overflow"} if streams else set()
    assert params.keys() == {*method.params, *auth, "returnRateLimits", *OPTIONS, *more}
    needed = {name for name, p in params.items() if p.default is inspect.Parameter.empty}
    assert needed == set(method.required)
    assert (call.__name__, call.__qualname__) == (
        method.wrapper,
        f"Methods.{method.wrapper}",
    )
    assert call.__doc__.startswith(method.summary)
    for text in (f"``{method.name}``", f"security {method.security}", f"weight {method.weight}"):
        assert text in call.__doc__
    for group in method.groups:
        assert f"{' or '.join(group)} is required" in " ".join(call.__doc__.split())
    for name in method.params:
        assert re.search(rf"^    {name}: ", call.__doc__, re.M), name
    assert all(f"{code} " in " ".join(call.__doc__.split()) for code in method.errors)
    assert max(map(len, call.__doc__.splitlines())) <= 125
    assert ("ExecutionUnknown" in call.__doc__) == method.trading


def test_every_wrapper_sends_its_method_with_all_of_its_parameters():
    async def main():
        async with talking(answer_all, **KEY) as client:
            for method in METHODS.values():
                if method.subscribes:
                    continue
                given = {name: SAMPLES[PARAMETERS[name]] for name in (*method.params, "returnRateLimits")}
                echo = await getattr(client, method.wrapper)(**given)
                assert echo["method"] == method.name
                sent = echo["params"]
                if method.signed:
                    assert {"apiKey", "timestamp", "signature"} <= sent.keys()
                assert {name: value for name, value in sent.items() if name not in AUTH} == given

    run(main())


def test_the_wrappers_that_subscribe_send_their_method_with_all_of_its_parameters():
    async def script(peer):
        for result in ({"apiKey": KEY["api_key"]}, {"subscriptionId": 0}, {"subscriptionId": 1}):
            asked.append(await peer.request())
            peer.send(reply(asked[-1], result))
        await answer_all(peer)

    async def main():
        async with talking(script, api_key=KEY["api_key"], private_key=ed25519_key()) as client:
            for method in METHODS.values():
                if method.subscribes:
                    subscription = await getattr(client, method.wrapper)(returnRateLimits=False)
                    assert isinstance(subscription, Subscription)
                    assert asked[-1]["method"] == method.name
                    sent = asked[-1]["params"]
                    assert sent["returnRateLimits"] is False
                    assert (sent.keys() >= {"apiKey", "timestamp", "signature"}) == method.signed

    asked = []
    run(main())


CREATING = [
    name for name, method in METHODS.items() if method.trading and name not in ("openOrders.cancelAll",)
]


@pytest.mark.parametrize("name", CREATING)
def test_what_changes_orders_carries_client_order_ids(name):
    async def main():
        method = METHODS[name]
        own = {"newClientOrderId", "listClientOrderId"} & set(method.params)
        if name == "orderList.cancel":
            own = {"newClientOrderId"}
        needed = [*method.required, *(group[0] for group in method.groups)]
        async with talking(answer_all, **KEY) as client:
            replies = [
                getattr(client, method.wrapper)(**{n: SAMPLES[PARAMETERS[n]] for n in needed})
                for _ in range(2)
            ]
            for reply in replies:
                sent = (await reply)["params"]
                assert own <= sent.keys()
                assert reply.info.client_order_id in {sent[n] for n in own}
            first, second = [reply.result()["params"] for reply in replies]
            made = [n for n in first if n.lower().endswith("clientorderid") and n not in needed]
            ids = [first[n] for n in made] + [second[n] for n in made]
            assert len(set(ids)) == len(ids), "an id was used twice"
            given = await getattr(client, method.wrapper)(
                **{n: SAMPLES[PARAMETERS[n]] for n in needed}, **dict.fromkeys(own, "mine")
            )
            assert {given["params"][n] for n in own} == {"mine"}

    run(main())


def test_wrong_names_are_explained():
    async def main():
        async with talking(answer_all, **KEY) as client:
            for call, said in (
                (
                    lambda: client.depth(symbol="X", limt=5),
                    r"depth takes no parameter 'limt'; did you mean 'limit'",
                ),
                (lambda: client.ping(symbol="X"), "ping takes no parameter 'symbol'"),
                (lambda: client.depth(), "depth needs 'symbol'"),
                (lambda: client.depth(symbol=None), "depth needs 'symbol'"),
                (lambda: client.order_place(symbol="X"), "order.place needs 'side' and 'type'"),
                (
                    lambda: client.order_cancel(symbol="X"),
                    "order.cancel needs 'orderId' or 'origClientOrderId'",
                ),
                (lambda: client.ticker(), "ticker needs 'symbol' or 'symbols'"),
                (
                    lambda: client.order_list_status(),
                    "orderList.status needs 'origClientOrderId' or 'orderListId'",
                ),
                (lambda: client.time(timestamp=1), "time takes no parameter 'timestamp'"),
            ):
                with pytest.raises(InvalidRequest, match=said):
                    call()
            with pytest.raises(TypeError):
                client.depth("BTCUSDT")
            assert client.in_flight == 0
            assert client.stats["requests"] == 0
            assert await client.ping() == {"method": "ping", "params": None}

    run(main())


def test_a_parameter_that_none_stands_for_is_not_sent_even_where_unknown():
    async def main():
        async with talking(answer_all) as client:
            assert (await client.depth(symbol="X", limit=None))["params"] == {"symbol": "X"}
            with pytest.raises(InvalidRequest, match="color"):
                client.depth(symbol="X", color=1)

    run(main())


def test_what_the_table_does_not_know_is_sent_as_it_is():
    async def main():
        async with talking(answer_all) as client:
            echo = await client.request(
                "some.new.method", {"symbol": "X", "shiny": 1, "list": ["a"], "no": None}
            )
            assert echo == {"method": "some.new.method", "params": {"symbol": "X", "shiny": 1, "list": ["a"]}}
            assert (await client.request("depth", {"shiny": "x"}))["params"] == {"shiny": "x"}
            assert (await client.request("v3/ping"))["method"] == "v3/ping"

    run(main())


@pytest.mark.parametrize("tool", ["make_stubs.py", "make_methods_page.py", "make_lifecycle_page.py"])
def test_what_is_made_from_a_table_is_up_to_date(tool):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / tool), "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
