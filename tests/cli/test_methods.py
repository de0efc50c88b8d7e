"""fastws.cli.methods: the reference says what the table says."""

import json

import pytest

from fastws import codes
from fastws.cli.methods import reference
from fastws.methods import METHODS


def test_all_methods_are_listed(command):
    outcome = command("methods")
    assert (outcome.code, outcome.err) == (0, "")
    head, *lines = outcome.out.splitlines()
    assert head.split()[:2] == ["method", "security"]
    assert [line.split()[0] for line in lines] == list(METHODS)
    assert all(method.summary in line for method, line in zip(METHODS.values(), lines, strict=True))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_the_reference_has_all_of_the_table(command, method):
    text = "\n".join(reference(method))
    words = " ".join(text.split())
    for part in (
        method.name,
        method.summary,
        method.wrapper,
        f"security {method.security}",
        f"weight {method.weight}",
    ):
        assert part in words
    for name in method.params:
        assert f" {name}: " in words
    assert words.count("(required)") == len(method.required)
    for group in method.groups:
        assert f"{' or '.join(group)} is required" in words
    for code in method.errors:
        assert f" {code} {codes.name(code)}: " in words
    assert max(map(len, text.splitlines())) <= 79
    assert command("methods", method.name).out == text + "\n"


def test_a_method_is_found_by_its_names(command):
    by_name = command("methods", "order.place")
    assert by_name.code == 0
    assert "timeInForce: GTC, IOC or FOK" in by_name.out
    assert "side: BUY or SELL (required)" in by_name.out
    assert "OrderAck: symbol (str), orderId (int)" in by_name.out
    assert "stopPrice? (decimal)" in " ".join(by_name.out.split())
    for name in ("order_place", "v3/order.place"):
        assert command("methods", name).out == by_name.out


def test_a_part_of_a_name_shows_several(command):
    lines = command("methods", "orderlist").out.splitlines()[1:]
    assert {line.split()[0] for line in lines} == {name for name in METHODS if "orderlist" in name.lower()}


def test_an_unknown_name_is_explained(command):
    outcome = command("methods", "order.placee")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "fastws: fastws knows no method order.placee; did you mean order.place?\n"
    assert command("methods", "币").err == "fastws: fastws knows no method 币\n"


def test_json(command):
    (entry,) = json.loads(command("methods", "order.cancel", "--json").out)[:1]
    assert entry["name"] == "order.cancel"
    assert entry["required"] == ["symbol"]
    assert entry["groups"] == [["orderId", "origClientOrderId"]]
    assert entry["errors"]["-2011"] == "CANCEL_REJECTED"
    assert entry["results"] == {"order": "CancelledOrder", "list": "CancelledList"}
    assert [each["name"] for each in json.loads(command("methods", "--json").out)] == list(METHODS)


def test_a_terminal_of_ascii(start):
    process = start("methods", "order.place", env={"PYTHONIOENCODING": "ascii"})
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("order.place \\u2014 Place an order.")
