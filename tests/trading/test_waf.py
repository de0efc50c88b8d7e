"""The guard against Binance's firewall, and the client order ids that fastws makes with a prefix."""

import json
import logging
import re
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import fastws
from fastws import ExecutionUnknown, InvalidRequest
from fastws._native.firewall_words import find_word, find_word_in_prefix
from fastws._native.request import make_client_order_id
from fastws.emulator import Emulator
from fastws.methods import METHODS
from fastws.methods.parameters import FREE_TEXTS, PARAMETERS
from fastws.trading.firewall import LONGEST, SHORTEST, WORDS
from helpers import facts
from helpers.support import KEY, answer_all, run, talking

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": 1}


def slowly(text):
    """The definition, in one line."""
    return next((run.upper() for run in re.findall("[A-Za-z]+", text) if run.upper() in WORDS), None)


# --- which texts


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("drop-1", "DROP"),
        ("my_Update_7", "UPDATE"),
        ("select1", "SELECT"),
        ("1select", "SELECT"),
        ("x-INSERT", "INSERT"),
        ("TRUNCATE", "TRUNCATE"),
        ("é select", "SELECT"),
        ("a-from-b-into", "FROM"),
        ("", None),
        ("drops", None),
        ("backdrop-1", None),
        ("SelectedOrder", None),
        ("my_test_order1", None),
        ("BTCUSDT-limit-GTC", None),
        ("group-open-close-min-max", None),
        ("and-or-not-add-all", None),
        ("4d96324ff9d44481926157", None),
        ("这是测试币456", None),
    ],
)
def test_words_are_found_where_they_stand_alone(text, word):
    assert find_word(text) == word


@given(
    st.one_of(
        st.text(),
        st.text("aAdeEfilnoOprstTuU-_19"),
        st.lists(st.sampled_from([*WORDS, "x", "-", "é"])).map("".join),
    )
)
@example("SELECT")
@example("union\0select")
def test_the_quick_search_finds_what_the_definition_says(text):
    assert find_word(text) == slowly(text)


def test_the_list_is_one_that_can_be_searched_quickly():
    assert {len(word) for word in WORDS} <= set(range(SHORTEST, LONGEST + 1))
    assert all(word.isascii() and word.isupper() for word in WORDS)
    assert all(set(word) & set("AEIOU") for word in WORDS), (
        "ids made by fastws have no vowels, so they hold none"
    )


def test_it_does_not_trip_over_anything_in_the_documentation():
    seen = 0
    for method in facts.methods():
        assert find_word(method["method"]) is None
        for request in method["requests"]:
            for name, value in request.get("params", {}).items():
                assert find_word(name) is None
                for text in value if isinstance(value, list) else [value]:
                    assert find_word(str(text)) is None, (name, text)
                    seen += 1
        ids = re.findall(r'ClientOrderId": "([^"]*)"', json.dumps(method["responses"]), re.IGNORECASE)
        assert [text for text in ids if find_word(text)] == []
    assert seen > 200


def test_it_does_not_trip_over_random_ids():
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    from random import Random

    rng = Random("waf")
    ids = ["".join(rng.choices(alphabet, k=22)) for _ in range(20_000)]
    ids += [str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(20_000)]
    ids += [make_client_order_id(prefix) for _ in range(20_000) for prefix in ("", "bot7-")]
    assert [text for text in ids if find_word(text)] == []


def test_free_texts_follow_from_the_table():
    assert {name for name in PARAMETERS if "ClientOrderId" in name} | {"listClientOrderId"} == FREE_TEXTS
    documented = {name for method in METHODS.values() for name in method.params}
    assert documented >= FREE_TEXTS
    assert "symbol" not in FREE_TEXTS


# --- what happens to them


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_word_is_told_once_and_sent(caplog):
    async def main():
        async with talking(answer_all, **KEY) as client:
            reply = client.order_place(**ORDER, newClientOrderId="drop-1")
            assert len(warnings(caplog)) == 1, "it is told before it is sent"
            assert (await reply)["params"]["newClientOrderId"] == "drop-1"
            await client.order_place(**ORDER, newClientOrderId="drop-2")
            await client.order_place(**ORDER, newClientOrderId="table-2")
            await client.order_status(symbol="X", origClientOrderId="drop-1")

    run(main())
    said = warnings(caplog)
    assert [re.search(r"(\S+): (\S+) '(\S+)' holds (\S+),", line).groups() for line in said] == [
        ("order.place", "newClientOrderId", "drop-1", "DROP"),
        ("order.place", "newClientOrderId", "table-2", "TABLE"),
        ("order.status", "origClientOrderId", "drop-1", "DROP"),
    ]
    assert "403" in said[0]
    assert "waf_guard" in said[0]


def sample(name):
    if name == "symbol":
        return "SELECT-U"  # a symbol is no free text
    return {"TEXT": "X", "DECIMAL": "1", "INTEGER": 1}[PARAMETERS[name]]


@pytest.mark.parametrize(
    "name", [name for name, method in METHODS.items() if FREE_TEXTS & set(method.params)]
)
def test_every_free_text_of_every_method_is_guarded(name, caplog):
    async def main():
        method = METHODS[name]
        needed = [*method.required, *(group[-1] for group in method.groups)]
        given = {each: sample(each) for each in needed}
        async with talking(answer_all, **KEY, waf_guard="refuse") as client:
            call = getattr(client, method.wrapper)
            for text in sorted(FREE_TEXTS & set(method.params)):
                for ask in (call, lambda **params: client.request(name, params)):
                    with pytest.raises(
                        InvalidRequest, match=rf"^{name}: {text} 'update_1' holds UPDATE, an SQL"
                    ):
                        ask(**{**given, text: "update_1"})
            assert client.in_flight == client.stats["requests"] == 0
            await call(**given)

    run(main())
    assert warnings(caplog) == []


def test_texts_that_the_table_does_not_know_are_guarded():
    async def main():
        async with talking(answer_all, waf_guard="refuse") as client:
            with pytest.raises(InvalidRequest, match="depth: note 'drop' holds DROP"):
                client.request("depth", {"symbol": "X", "note": "drop"})
            with pytest.raises(InvalidRequest, match=r"new\.method: note 'drop' holds DROP"):
                client.request("new.method", {"note": "drop"})
            await client.request("depth", {"symbol": "DROP", "note": "fine", "count": 5, "list": ["drop"]})

    run(main())


def test_what_is_off_is_off(caplog):
    async def main():
        async with talking(answer_all, **KEY, waf_guard="off", client_order_id_prefix="drop-") as client:
            await client.order_place(**ORDER, newClientOrderId="drop-1")
            await client.request("order.place", {**ORDER, "note": "drop"})
            reply = client.order_place(**ORDER)
            assert reply.info.client_order_id.startswith("drop-")
            await reply

    run(main())
    assert warnings(caplog) == []


def test_a_value_that_is_no_text_is_the_encoders_to_refuse():
    async def main():
        async with talking(answer_all, **KEY, waf_guard="refuse") as client:
            with pytest.raises(InvalidRequest, match="newClientOrderId: expected a str, got 5"):
                client.order_place(**ORDER, newClientOrderId=5)
            with pytest.raises(InvalidRequest, match="holds SELECT"):
                client.order_place(**ORDER, newClientOrderId="é-select")

    run(main())


def test_the_choice_is_checked():
    with pytest.raises(InvalidRequest, match="waf_guard: expected one of 'warn', 'refuse', 'off', got 'on'"):
        fastws.connect("testnet", waf_guard="on")


# --- prefixes of client order ids


@pytest.mark.parametrize("prefix", ["", "a", "bot-7_", "x" * 14, "x" * 15, "x" * 23])
def test_ids_have_the_prefix_and_stay_random(prefix):
    made = [make_client_order_id(prefix) for _ in range(2000)]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,36}", text) and text.startswith(prefix) for text in made)
    (length,) = {len(text) for text in made}
    assert length == min(36, len(prefix) + 22)
    assert 5 * (length - len(prefix)) >= 64, "random bits"
    for place in range(len(prefix), length):
        assert len({text[place] for text in made}) == 32


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("x" * 24, "has 24 characters; of the 36 of an id 13 stay random, so it may have 23"),
        ("a b", "expected letters, digits, - and _, got 'a b'"),
        ("ä", "expected letters"),
        ("a.b", "expected letters"),
        (5, "expected letters"),
        (None, "expected letters"),
    ],
)
def test_a_wrong_prefix_is_refused(prefix, said):
    with pytest.raises(InvalidRequest, match="client_order_id_prefix: ") as caught:
        fastws.connect("testnet", client_order_id_prefix=prefix)
    assert said in str(caught.value)


@pytest.mark.parametrize("prefix", ["drop-", "my_SELECT", "selec", "aler-inser", "DRO"])
def test_a_prefix_that_spells_a_word_is_told(prefix, caplog):
    assert find_word_in_prefix(prefix) is not None
    fastws.connect("testnet", client_order_id_prefix=prefix)
    assert len(warnings(caplog)) == 1
    assert "client_order_id_prefix" in warnings(caplog)[0]
    with pytest.raises(InvalidRequest, match="an SQL keyword"):
        fastws.connect("testnet", client_order_id_prefix=prefix, waf_guard="refuse")


@pytest.mark.parametrize("prefix", ["", "bot-", "sel", "dr", "x-tab", "-"])
def test_a_prefix_that_spells_none_is_not(prefix):
    assert find_word_in_prefix(prefix) is None


def test_all_ids_of_a_client_have_its_prefix():
    async def main():
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            keys = {"api_key": key.api_key, "private_key": key.private_key}
            async with fastws.connect(exchange.url, **keys, client_order_id_prefix="bot7-") as client:
                assert client.client_order_id_prefix == "bot7-"
                limit = {**ORDER, "type": "LIMIT", "timeInForce": "GTC", "price": "50000", "quantity": "0.01"}
                order = await client.order_place(**limit)
                assert order["clientOrderId"].startswith("bot7-")
                cancelled = await client.order_cancel(symbol="BTCUSDT", orderId=order["orderId"])
                assert cancelled["clientOrderId"].startswith("bot7-")
                mine = await client.order_place(**limit, newClientOrderId="mine")
                assert mine["clientOrderId"] == "mine"
                exchange.faults.add("drop_reply", method="order.place")
                with pytest.raises(ExecutionUnknown) as caught:
                    await client.order_place(**limit, timeout=0.2)
                assert caught.value.client_order_id.startswith("bot7-")
                assert isinstance(await caught.value.resolve(), fastws.Executed)

    run(main())


def test_the_fixed_texts_of_a_prepared_request_are_looked_at_when_it_is_prepared():
    async def main():
        async with Emulator() as exchange, fastws.connect(exchange.url, waf_guard="refuse") as client:
            with pytest.raises(InvalidRequest, match=r"origClientOrderId.*DROP"):
                client.prepare("order.status", symbol="BTCUSDT", origClientOrderId="DROP")
            client.prepare("order.status", symbol="BTCUSDT", origClientOrderId="harmless")

    run(main())
