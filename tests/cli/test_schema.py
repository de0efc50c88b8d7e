"""fastws.cli.schema: what changed, where things stand, and a new version taken in, or refused with a sentence."""

import dataclasses
import os
import stat
from importlib import resources

import pytest

from fastws.sbe import Schema
from fastws.sbe.compact import HEADER, dumps, loads
from fastws.sbe.model import Choice, Data, Field, Group, Message, Scalar
from helpers.schema_xml import FILES, schema_xml, to_xml

SPOT = (resources.files("fastws.sbe") / "schemas" / "spot.sbe").read_text("utf-8")


def failed(outcome, code, said):
    """The command failed with ``code``, and said so in one sentence."""
    assert outcome.code == code, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("fastws: ")
    assert outcome.err.count("\n") == 1
    assert said in outcome.err


def newer(**changes):
    """The spot schema, and a made-up version behind it."""
    model = Schema.bundled("spot", version=5).model
    return dataclasses.replace(model, version=6, oldest=6, **changes)


@pytest.fixture
def files(tmp_path):
    """A folder with spot.sbe as it is bundled, and spot_3_6.xml, a made-up version."""
    model = newer()
    kind = model.types["symbolStatus"]
    status = dataclasses.replace(kind, choices=(*kind.choices, Choice("Frozen", 5, "FROZEN")))
    ack = model.messages[300]
    ack = dataclasses.replace(
        ack,
        fields=(*ack.fields, Field("luckyNumber", "int32", True, json="lucky")),
        groups=(Group("hints", (Field("level", "uint8"),)),),
    )
    messages = {number: message for number, message in model.messages.items() if number != 999}
    messages[300] = ack
    messages[700] = Message(
        "WeatherResponse", (Field("degrees", "int8"),), id=700, data=(Data("where", "varString8"),)
    )
    model = dataclasses.replace(model, types={**model.types, "symbolStatus": status}, messages=messages)
    (tmp_path / "spot_3_6.xml").write_text(to_xml(model), encoding="utf-8")
    (tmp_path / "spot.sbe").write_text(SPOT, encoding="utf-8")
    return tmp_path


@pytest.fixture
def published(tmp_path):
    """A folder with each version of the bundled schemas as a file of XML: spot_5.xml."""
    folder = tmp_path / "published"
    folder.mkdir()
    for name, version in FILES:
        (folder / f"{name}_{version}.xml").write_bytes(schema_xml(name, version))
    return folder


# --- diff

DIFF = """\
spot_sbe 3:5 -> spot_sbe 3:6

~ enum symbolStatus uint8
    + 5 Frozen FROZEN

~ message 300 NewOrderAckResponse, block 24 -> 28 bytes
    + luckyNumber int32? json=lucky
    + hints[] groupSizeEncoding
    + hints[].level uint8
    ! behind the block: older readers misread it from symbol on

+ message 700 WeatherResponse, block 1 bytes
    + degrees int8
    + where varString8

- message 999 NonRepresentableMessage

1 type changed, 1 message new, 1 message gone, 1 message changed
"""


def test_diff(command, files):
    for older in ("spot", "spot:5", files / "spot.sbe", f"{files / 'spot.sbe'}:5"):
        outcome = command("schema", "diff", older, files / "spot_3_6.xml")
        assert (outcome.code, outcome.err, outcome.out) == (0, "", DIFF)


def test_diff_of_the_bundled_versions(command):
    outcome = command("schema", "diff", "spot:4", "spot:5")
    assert outcome.out.splitlines()[2:4] == ["~ enum symbolStatus uint8", "    + 4 CancelOnly CANCEL_ONLY"]
    outcome = command("schema", "diff", "spot:0", "spot:1")
    assert [line.strip() for line in outcome.out.splitlines() if "!" in line] == [
        "! relatedOrders[]: older readers misread it from byte 0 on, priceExponent"
    ]
    assert "    - apiKey varString\n    + loggedOnApiKey varString json=apiKey\n" in outcome.out
    assert "~ message 317 OrderAmendKeepPriorityResponse, block 134 -> 145 bytes\n" in outcome.out
    for older in range(1, 5):
        assert "!" not in command("schema", "diff", f"spot:{older}", "spot").out


def test_diff_of_a_file_and_the_bundled_version(command, published):
    for version in range(6):
        outcome = command("schema", "diff", published / f"spot_{version}.xml", f"spot:{version}")
        assert outcome.code == 0
        assert outcome.out == f"spot_sbe 3:{version} -> spot_sbe 3:{version}\nnothing changed\n"


def test_nothing_changed(command):
    assert command("schema", "diff", "stream", "stream:0").out.endswith("\nnothing changed\n")


def test_diff_of_different_schemas(command):
    outcome = command("schema", "diff", "stream", "spot")
    assert outcome.code == 0
    assert "- message 10000 TradesStreamEvent\n" in outcome.out


def test_diff_of_what_cannot_be_merged(command, tmp_path):
    """Whatever became of a schema, it is told."""
    old, new = tmp_path / "old.sbe", tmp_path / "new.sbe"
    head = "type price int64\ndimension d uint16 uint16\ndata t uint8 text\n"
    old.write_text(
        f"schema 7:0\n{head}message 1 A\n  a price\n  b int8\n  g[] d\n    x int8\n  h[] d\nmessage 2 B\n  t t\n"
    )
    new.write_text(
        f"schema 7:1\n{head.replace('int64', 'int32')}message 1 C event c\n  a price json=p\n  b int8?\n  g[] d\n"
        "    x int16\n    u t\n  h[] d omit-empty\nmessage 2 B\n  d[] d\n  t t\n"
    )
    assert command("schema", "diff", old, new).out == (
        "schema 7:0 -> schema 7:1\n"
        "~ type price int64 -> type price int32\n"
        "\n"
        "~ message 1 A -> message 1 C event c, block 9 -> 5 bytes\n"
        "    ~ a price -> price json=p\n"
        "    ~ b int8 -> int8?\n"
        "    ~ g[].x int8 -> int16\n"
        "    + g[].u t\n"
        "    ~ h[] d -> d omit-empty\n"
        "    ! the block: older readers misread it from byte 0 on, a\n"
        "    ! g[]: older readers misread it from byte 0 on, x\n"
        "    ! g[]: older readers cannot pass over what its entries have at their end now\n"
        "\n"
        "~ message 2 B\n"
        "    + d[] d\n"
        "    ! behind the block: older readers misread it from t on\n"
        "\n"
        "1 type changed, 2 messages changed\n"
    )


# --- show


SHOW = """\
message 200 DepthResponse    spot_sbe 3:5, in versions 0 to 5
block of 10 bytes

offset    bytes  field                             JSON          since
     0        8  lastUpdateId updateId             lastUpdateId
     8        1  priceExponent exponent8           -
     9        1  qtyExponent exponent8             -
        16 each  bids[] groupSizeEncoding          bids
     0        8    price mantissa64^priceExponent  [0]
     8        8    qty mantissa64^qtyExponent      [1]
        16 each  asks[] groupSizeEncoding          asks
     0        8    price mantissa64^priceExponent  [0]
     8        8    qty mantissa64^qtyExponent      [1]
"""


def test_show(command):
    outcome = command("schema", "show", "DepthResponse")
    assert (outcome.code, outcome.err, outcome.out) == (0, "", SHOW)
    assert command("schema", "show", "200").out == SHOW
    assert command("schema", "show", "depthresponse").code == 2


def rows(outcome):
    return {line.split()[2]: line for line in outcome.out.splitlines()[4:] if len(line.split()) > 2}


def test_show_tells_what_the_json_has(command):
    found = rows(command("schema", "show", "NewOrderFullResponse"))
    assert found["workingFloor"].endswith("workingFloor, only with usedSor")
    assert found["preventedQuantity"].endswith("preventedQuantity, unless 0")
    assert found["orderCapacity"].endswith("  -")
    assert found["expiryReason"].split() == [
        "153",
        "1",
        "expiryReason",
        "expiryReason?",
        "expiryReason",
        "3:3",
    ]
    found = rows(command("schema", "show", "603"))
    assert found["subscriptionId"].split("  ")[-2:] == ["subscriptionId beside the event", "3:1"]
    assert found["orderType"].split()[-1] == "o"
    found = rows(command("schema", "show", "OrderAmendKeepPriorityResponse"))
    assert found["stopPrice"].split()[-1] in ("stopPrice", "amendedOrder.stopPrice")
    outcome = command("schema", "show", "ExchangeInfoResponse").out
    assert "filter messageData8" in outcome
    assert "the entry itself" in outcome
    assert "the result itself" in command("schema", "show", "KlinesResponse").out
    outcome = command("schema", "show", "AccountCommissionResponse").out
    assert "specialCommission.maker" in outcome
    assert "filterType filterType=LotSize" in command("schema", "show", "LotSizeFilter").out
    assert command("schema", "show", "PingResponse").out.endswith("\nblock of 0 bytes\n")


def test_show_of_another_version(command):
    outcome = command("schema", "show", "NewOrderFullResponse", "--schema", "spot:0")
    assert "spot_sbe 3:0, in versions 0 to 5" in outcome.out
    assert "block of 142 bytes" in outcome.out
    assert "pegPriceType" not in outcome.out
    outcome = command("schema", "show", "OrderAmendKeepPriorityResponse")
    assert outcome.out.endswith(
        "\nremoved in version 1: relatedOrders[].priceExponent exponent8\n"
        "removed in version 1: relatedOrders[].qtyExponent exponent8\n"
    )
    outcome = command("schema", "show", "OrderAmendKeepPriorityResponse", "--schema", "spot:0")
    assert "went with" not in outcome.out
    outcome = command("schema", "show", "603", "--schema", "spot:0").out
    assert "optionalVarString8  " in outcome
    assert "default=NONE" not in outcome


def test_show_of_a_message_that_is_gone(command):
    assert "spot_sbe 3:2, in version 2\n" in command("schema", "show", "608").out
    assert "spot_sbe 3:2, in version 2\n" in command("schema", "show", "608", "--schema", "spot:2").out
    failed(command("schema", "show", "608", "--schema", "spot:5"), 2, "is not in version 5, but in version 2")


def test_show_of_files(command, files):
    outcome = command("schema", "show", "WeatherResponse", "--schema", files / "spot_3_6.xml")
    assert "message 700 WeatherResponse    spot_sbe 3:6, in version 6\nblock of 1 bytes\n" in outcome.out
    assert "TradesStreamEvent" in command("schema", "show", "10000", "--schema", "stream").out


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("NewOrderFullRespons", "did you mean NewOrderFullResponse?"),
        ("executionreport", "did you mean ExecutionReportEvent?"),
        ("sor", "spot has no message 'sor'"),
        ("99", "spot has no message 99; the nearest are 100, 101, 102"),
        ("²", "spot has no message '²'"),
    ],
)
def test_show_of_what_there_is_not(command, wanted, said):
    failed(command("schema", "show", wanted), 2, said)


# --- import


def test_import_writes_the_compact_form(command, files):
    outcome = command("schema", "import", files / "spot_3_6.xml")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(HEADER)
    model = loads(outcome.out)
    assert (model.oldest, model.version) == (6, 6)
    target = files / "new.sbe"
    said = command("schema", "import", files / "spot_3_6.xml", "--output", target)
    assert said.out == f"{target}: schema 3, version 6, 92 messages\n"
    assert target.read_text(encoding="utf-8") == outcome.out
    assert [path.name for path in files.iterdir() if path.name.startswith(".")] == []


def test_import_into(command, files):
    target = files / "spot.sbe"
    target.chmod(0o640)
    target.write_text("# mine\n" + SPOT, encoding="utf-8")
    outcome = command("schema", "import", files / "spot_3_6.xml", "--into", target)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == f"{DIFF}{target}: schema 3, the versions 0 to 6, 94 messages\n"
    text = target.read_text(encoding="utf-8")
    assert text.startswith("# mine\n" + HEADER)
    model = loads(text)
    for version in range(6):
        assert model.at(version) == Schema.bundled("spot", version=version).model
    assert model.messages[999].removed == 6
    assert model.messages[300].fields[-1].added == 6
    if os.name == "posix":
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
    # only lines of what changed differ
    before, after = SPOT.splitlines(), text.splitlines()
    assert len(set(after) - set(before)) < 15


def test_import_into_another_file(command, files):
    target = files / "merged.sbe"
    outcome = command(
        "schema", "import", files / "spot_3_6.xml", "--into", files / "spot.sbe", "--output", target
    )
    assert outcome.code == 0
    assert (files / "spot.sbe").read_text(encoding="utf-8") == SPOT
    assert loads(target.read_text(encoding="utf-8")).version == 6


def test_the_bundled_description_is_made_by_imports(command, published, tmp_path):
    target = tmp_path / "spot.sbe"
    assert command("schema", "import", published / "spot_0.xml", "--output", target).code == 0
    for version in range(1, 6):
        assert command("schema", "import", published / f"spot_{version}.xml", "--into", target).code == 0
    assert target.read_text(encoding="utf-8") == SPOT


def test_an_imported_file_is_the_bundled_one(command, published):
    text = command("schema", "import", published / "stream_0.xml").out
    assert loads(text) == Schema.bundled("stream").model
    assert text == (resources.files("fastws.sbe") / "schemas" / "stream.sbe").read_text("utf-8")


def xml(message=None, **changes):
    """A made-up 3:6, with one more message."""
    model = newer()
    if message is not None:
        model = newer(messages={**model.messages, message.id: message})
    return to_xml(dataclasses.replace(model, **changes)).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"nothing", "spot_3_6.xml: not XML: "),
        (b"<!DOCTYPE a><a/>", "spot_3_6.xml: a schema has no DOCTYPE"),
        (xml(version=5, oldest=5), "already has a version 5, the same"),
        (xml(version=5, oldest=5, messages={}), "already has a version 5, a different one: see schema diff"),
        (xml(id=4), "spot_3_6.xml: schema 4 is not schema 3"),
        (
            xml(types={**newer().types, "orderId": Scalar("orderId", "uint64")}),
            "spot_3_6.xml: the type orderId changes with version 6: its primitive from int64 to uint64",
        ),
        (
            xml(Message("Pong", id=101)),
            "message 101 changes with version 6: its name from PingResponse to Pong",
        ),
        (
            xml(Message("TPlusFilterLockEvent", id=608, event="tPlusFilterLock")),
            "message 608 went with version 3 and comes back with version 6",
        ),
        (
            xml(Message("M", (Field("p", "mantissa64", exponent="e"),), id=900)),
            "spot_3_6.xml: M.p: there is no exponent 'e'",
        ),
        (
            xml(Message("M", (Field("p", "int8", json="a b"),), id=900)),
            "spot_3_6.xml: p: 'a b' cannot be written in the compact form",
        ),
    ],
)
def test_import_refuses_what_does_not_fit(command, files, data, said):
    (files / "spot_3_6.xml").write_bytes(data)
    failed(command("schema", "import", files / "spot_3_6.xml", "--into", files / "spot.sbe"), 2, said)
    assert (files / "spot.sbe").read_text(encoding="utf-8") == SPOT
    assert len(list(files.iterdir())) == 2


def test_import_refuses_to_lose_comments(command, files):
    (files / "spot.sbe").write_text(
        SPOT.replace("\ntype exponent8", "\n# mine\ntype exponent8"), encoding="utf-8"
    )
    arguments = ("schema", "import", files / "spot_3_6.xml", "--into", files / "spot.sbe")
    failed(command(*arguments), 2, "comments below the first line")
    # one that is commented out on top of the file is no matter
    (files / "spot.sbe").write_text("\n\n" + SPOT, encoding="utf-8")
    failed(command(*arguments), 2, "comments below the first line")


def test_a_description_with_other_line_ends(command, files):
    (files / "spot.sbe").write_bytes(b"\xef\xbb\xbf" + SPOT.replace("\n", "\r\n").encode())
    assert command("schema", "import", files / "spot_3_6.xml", "--into", files / "spot.sbe").code == 0
    text = (files / "spot.sbe").read_bytes()
    assert text.startswith(HEADER.encode())
    assert b"\r" not in text


# --- wrong usage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["diff", "spto", "spot"], "spto: no such file; did you mean spot?"),
        (["diff", "spto:3", "spot"], "did you mean spot?"),
        (
            ["diff", "spot", "nowhere.xml"],
            "nowhere.xml: no such file; a schema is spot, stream, or a file",
        ),
        (["diff", "spot:6", "spot"], "spot has the versions 0 to 5, not version 6"),
        (["diff", "stream:1", "spot"], "stream has version 0, not version 1"),
        (["diff", "FOLDER", "spot"], "directory"),
        (["diff", "BINARY", "spot"], "neither XML nor text"),
        (["diff", "WRONG", "spot"], "wrong.sbe: line 2: unexpected indentation"),
        (["diff", "spot", "WRONG"], "wrong.sbe: line 2"),
        (["show", "1", "--schema", "WRONG"], "wrong.sbe: line 2"),
        (["import", "nowhere.xml"], "nowhere.xml: no such file"),
        (["import", "XML", "--into", "nowhere.sbe"], "nowhere.sbe: no such file"),
        (["import", "XML", "--into", "WRONG"], "wrong.sbe: line 2"),
        (["import", "XML", "--into", "BINARY"], "neither XML nor text"),
    ],
)
def test_wrong_usage(command, files, arguments, said):
    (files / "binary").write_bytes(b"\xff\xfe\x00")
    (files / "wrong.sbe").write_text("schema 3:0 x\n  type a int8\n")
    known = {
        "FOLDER": files,
        "BINARY": files / "binary",
        "WRONG": files / "wrong.sbe",
        "XML": files / "spot_3_6.xml",
    }
    failed(command("schema", *(known.get(word, word) for word in arguments)), 2, said)


def test_a_file_that_cannot_be_written(command, files):
    outcome = command("schema", "import", files / "spot_3_6.xml", "--output", files / "none" / "spot.sbe")
    assert outcome.code == 1
    assert "No such file" in outcome.err


def test_without_an_action(command):
    outcome = command("schema")
    assert outcome.code == 2
    assert "ACTION" in outcome.err
    for action in ("diff", "show", "import"):
        assert "A schema is spot or stream" in command("schema", action, "--help").out


def test_a_colon_in_a_file_s_name(command, tmp_path):
    if os.name != "posix":
        pytest.skip("no file of Windows has a colon in its name")
    path = tmp_path / "spot:5"
    path.write_text(dumps(Schema.bundled("spot", version=1).model), encoding="utf-8")
    assert command("schema", "diff", path, "spot:1").out.endswith("nothing changed\n")
