"""fastws.sbe.model and checks: several versions in one description, each of which comes out as it went in."""

import dataclasses
from functools import reduce

import pytest
from hypothesis import given, settings

from fastws.sbe import Schema, SchemaError
from fastws.sbe.checks import check
from fastws.sbe.model import (
    Choice,
    Data,
    Dimension,
    Enum,
    Field,
    Group,
    Message,
    Model,
    Scalar,
    VarData,
    merge,
)
from fastws.sbe.xml_reader import read_xml
from helpers import facts
from helpers.schema_models import VERSIONS, histories, models
from helpers.schema_xml import FILES, schema_xml

TYPES = {
    "price": Scalar("price", "int64"),
    "side": Enum("side", "uint8", (Choice("Buy", 0), Choice("Sell", 1))),
    "dimension": Dimension("dimension", "uint16", "uint16"),
    "text": VarData("text", "uint8", "text"),
}


def schema(*fields, version=0, types=TYPES, **more):
    message = Message("Order", tuple(fields), id=1, **more)
    return Model(7, version, "made_up", types, {1: message}, version)


# --- the bundled schemas against files of XML: those that are written from them, and the official ones

SOURCES = [schema_xml, pytest.param(facts.official_schema, marks=facts.needs_official)]


@pytest.mark.parametrize("xml_of", SOURCES)
def test_the_files_make_the_bundled_schemas(xml_of):
    read = {(name, version): read_xml(xml_of(name, version)) for name, version in FILES}
    for (name, version), model in read.items():
        assert Schema.bundled(name, version=version).model == model.at(version), (name, version)
    assert len(read["spot", 0].messages) > 75
    assert reduce(merge, (read["spot", version] for version in VERSIONS)) == Schema.bundled("spot").model
    assert read["stream", 0] == Schema.bundled("stream").model


def test_bundled_versions():
    spot = Schema.bundled("spot")
    assert (spot.id, spot.version, spot.model.oldest) == (3, 5, 0)
    assert repr(spot) == "<Schema spot_sbe 3:5>"
    assert Schema.bundled("spot") is spot
    with pytest.raises(ValueError, match="versions 0 to 5, not 6"):
        Schema.bundled("spot", version=6)
    with pytest.raises(ValueError, match="expected 'spot' or 'stream', got 'sopt'"):
        Schema.bundled("sopt")


# --- known faults of the official schemas


def fields_of(version, message, *groups):
    model = Schema.bundled("spot", version=version).model
    block = model.message(message)
    for name in groups:
        block = next(group for group in block.groups if group.name == name)
    return [field.name for field in block.fields]


def test_related_orders_of_3_0_have_exponents_of_their_own():
    older = fields_of(0, "OrderAmendKeepPriorityResponse", "relatedOrders")
    newer = fields_of(1, "OrderAmendKeepPriorityResponse", "relatedOrders")
    assert older[:3] == ["priceExponent", "qtyExponent", "orderId"]
    assert newer[:1] == ["orderId"]
    assert older[2:] == newer[: len(older) - 2]


def test_versions_other_than_3_1_only_append():
    """So a block of an older version begins as one of a newer version does."""

    def blocks(block, path):
        yield path, [(field.name, field.type) for field in block.fields]
        for group in block.groups:
            yield from blocks(group, f"{path}.{group.name}")

    for version in VERSIONS[:-1]:
        older, newer = (Schema.bundled("spot", version=v).model for v in (version, version + 1))
        for number, message in older.messages.items():
            if number == 608:
                continue
            after = dict(blocks(newer.messages[number], message.name))
            for path, fields in blocks(message, message.name):
                moved = after[path][: len(fields)] != fields
                assert moved == (version == 0 and path == "OrderAmendKeepPriorityResponse.relatedOrders"), (
                    path
                )


def additions(model):
    """In which version each of these came."""

    def choice(enum, name):
        return next(c for c in model.types[enum].choices if c.name == name)

    parts = [choice("symbolStatus", "CancelOnly"), choice("allowedSelfTradePreventionModes", "Transfer")]
    parts += [model.messages[number] for number in (18, 19, 20, 21, 105, 999)]
    return [part.added for part in parts]


@pytest.mark.parametrize("xml_of", SOURCES)
def test_additions_without_a_since_version(xml_of):
    """The description knows when they came; a file does not say."""
    assert additions(Schema.bundled("spot").model) == [5, 2, 1, 1, 1, 1, 1, 1]
    assert additions(read_xml(xml_of("spot", 5))) == [0] * 8


def test_608_is_in_3_2_only():
    found = [version for version in VERSIONS if 608 in Schema.bundled("spot", version=version).model.messages]
    assert found == [2]
    message = Schema.bundled("spot").model.messages[608]
    assert (message.name, message.added, message.removed) == ("TPlusFilterLockEvent", 2, 3)


def test_the_exponent_of_prevented_quantity():
    """OrdersResponse points to the exponent of prices; it is taken at its word."""
    found = set()

    def look(block, path):
        found.update((path, f.exponent) for f in block.fields if f.name == "preventedQuantity")
        for group in block.groups:
            look(group, f"{path}.{group.name}")

    for message in Schema.bundled("spot").model.messages.values():
        look(message, message.name)
    assert len(found) > 5
    assert {path for path, exponent in found if exponent == "priceExponent"} == {"OrdersResponse.orders"}
    assert {exponent for path, exponent in found if path != "OrdersResponse.orders"} == {"qtyExponent"}


# --- merge


@settings(max_examples=30, deadline=None)
@given(histories())
def test_merged_versions_come_out_as_they_went_in(versions):
    merged = reduce(merge, versions)
    check(merged)
    assert (merged.oldest, merged.version) == (versions[0].version, versions[-1].version)
    for model in versions:
        assert merged.at(model.version) == model


@settings(max_examples=20, deadline=None)
@given(models(3))
def test_a_version_that_nothing_changed_leaves_no_mark(model):
    newer = dataclasses.replace(model, version=4, oldest=4)
    merged = merge(model, newer)
    assert (merged.types, merged.messages) == (model.types, model.messages)


def test_changes_are_marked():
    old = schema(Field("a", "price"), Field("b", "price"), data=(Data("t", "text"),))
    new = schema(
        Field("a", "price", optional=True),
        Field("c", "side"),
        data=(Data("t", "text", default=""),),
        version=3,
    )
    message = merge(old, new).messages[1]
    assert message.fields == (
        Field("a", "price", removed=3),
        Field("a", "price", optional=True, added=3),
        Field("b", "price", removed=3),
        Field("c", "side", added=3),
    ) or message.fields == (
        Field("a", "price", removed=3),
        Field("a", "price", optional=True, added=3),
        Field("c", "side", added=3),
        Field("b", "price", removed=3),
    )
    assert message.data == (Data("t", "text", removed=3), Data("t", "text", default="", added=3))


def test_the_order_of_types_and_messages_means_nothing():
    messages = {number: Message(f"M{number}", id=number) for number in (1, 2, 3)}
    old = Model(7, 0, "p", TYPES, messages)
    new = Model(
        7, 1, "p", dict(reversed(TYPES.items())), {number: messages[number] for number in (3, 1, 2)}, 1
    )
    assert merge(old, new).messages == messages


def test_marks_of_a_newer_version_are_its_history_not_ours():
    old = schema(Field("a", "price"))
    new = schema(Field("a", "price", added=2), Field("b", "price", added=1), version=3)
    assert merge(old, new).messages[1].fields == (Field("a", "price"), Field("b", "price", added=3))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": 8}, "schema 8 is not schema 7"),
        ({"version": 0, "oldest": 0}, "version 0 is not newer than version 0"),
        ({"oldest": 0}, "merge one version at a time"),
        (
            {"messages": {1: Message("Orders", id=1)}},
            "message 1 changes with version 1: its name from Order to Orders",
        ),
        (
            {"types": {**TYPES, "price": Scalar("price", "int32")}},
            "the type price changes with version 1: its primitive from int64 to int32",
        ),
        (
            {"types": {**TYPES, "price": Enum("price", "int64", ())}},
            "the type price changes with version 1: from scalar to enum",
        ),
    ],
)
def test_what_cannot_be_merged(changed, said):
    old = schema(Field("a", "price"))
    new = dataclasses.replace(old, **{"version": 1, "oldest": 1, **changed})
    with pytest.raises(SchemaError, match=said):
        merge(old, new)


def test_a_message_that_comes_back_is_refused():
    old = schema()
    without = dataclasses.replace(old, version=1, oldest=1, messages={})
    again = dataclasses.replace(old, version=2, oldest=2)
    with pytest.raises(
        SchemaError, match=r"message 1 went with version 1 and comes back with version 2; .* mark -1"
    ):
        merge(merge(old, without), again)


def test_of_two_messages_of_a_name_the_present_one_is_meant():
    gone, here = Message("Order", id=1, removed=1), Message("Order", id=2, added=1)
    model = Model(7, 1, "p", {}, {1: gone, 2: here})
    assert model.message("Order") is here
    assert Model(7, 1, "p", {}, {1: gone}).message("Order") is gone
    with pytest.raises(KeyError):
        model.message("Odrer")


def test_layout():
    model = schema(
        Field("a", "price"), Field("b", "side", constant="Buy"), Field("c", "uint16"), Field("d", "side")
    )
    message = model.messages[1]
    assert [(offset, field.name) for offset, field in model.layout(message)] == [
        (0, "a"),
        (8, "b"),
        (8, "c"),
        (10, "d"),
    ]
    assert model.block_length(message) == 11
    with pytest.raises(KeyError):
        model.type_of(Field("x", "none"))


# --- what no schema may say


def grouped(depth):
    groups = ()
    for _ in range(depth):
        groups = (Group("g", groups=groups, dimension="dimension"),)
    return groups


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (schema(Field("a", "price"), Field("a", "side")), "Order: two elements named a"),
        (schema(Field("a", "price"), data=(Data("a", "text"),)), "Order: two elements named a"),
        (schema(Field("a", "price", added=1)), r"Order\.a: \+1 is not among the versions up to 0"),
        (schema(Field("a", "price", added=2, removed=1), version=3), r"Order\.a: \+2 -1 is not among"),
        (schema(Field("a", "price", added=1, removed=1), version=3), r"Order\.a: \+1 -1 is not among"),
        (schema(Field("a b", "price")), "'a b' is no name"),
        (schema(Field("", "price")), "'' is no name"),
        (schema(groups=grouped(16)), "groups nest more than 15 deep"),
        (
            schema(Field("a", "wide"), types={"wide": Scalar("wide", "int64", 9000)}),
            "block of more than 65535 bytes",
        ),
        (schema(types={"w": Scalar("w", "int64", 0)}), "w: a length of 0"),
        (schema(types={"int8": Scalar("int8", "int8")}), "the type int8 has the name of a primitive type"),
        (schema(types={"e": Enum("e", "float", ())}), "e: float is no integer type"),
        (schema(types={"e": Enum("e", "int8", (), is_set=True)}), "e: int8 is no unsigned type"),
        (schema(types={"d": Dimension("d", "int16", "uint16")}), "d: int16 is no unsigned type"),
        (schema(types={"v": VarData("v", "int8", "text")}), "v: int8 is no unsigned type"),
        (schema(types={"e": Enum("e", "uint8", (Choice("A", 256),))}), r"e\.A: 256 does not fit uint8"),
        (schema(types={"e": Enum("e", "int8", (Choice("A", -129),))}), r"e\.A: -129 does not fit int8"),
        (
            schema(types={"e": Enum("e", "uint8", (Choice("A", 8),), is_set=True)}),
            r"e\.A: uint8 has no bit 8",
        ),
        (
            schema(types={"e": Enum("e", "uint8", (Choice("A", 1), Choice("B", 1)))}),
            "e: two elements with the value 1",
        ),
        (
            schema(types={"e": Enum("e", "uint8", (Choice("A", 1), Choice("A", 2)))}),
            "e: two elements named A",
        ),
        (Model(7, 0, "p", {}, {70000: Message("M", id=70000)}), "M: the id 70000 does not fit 16 bits"),
        (Model(70000, 0, "p", {}, {}), "ids and versions have 16 bits"),
        (Model(7, 1, "p", {}, {}, 2), "ids and versions have 16 bits"),
        (
            Model(7, 0, "p", {}, {1: Message("M", id=1), 2: Message("M", id=2)}),
            "the schema: two elements named M",
        ),
    ],
)
def test_contradictions_are_refused(model, said):
    with pytest.raises(SchemaError, match=said):
        check(model)


def test_names_may_repeat_in_different_versions():
    model = schema(
        Field("a", "price", removed=1),
        Field("a", "side", added=1, removed=3),
        Field("a", "price", added=3),
        version=3,
    )
    check(dataclasses.replace(model, oldest=0))
