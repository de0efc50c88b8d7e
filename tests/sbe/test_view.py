"""Views show what decode() makes, one field at a time, and own their bytes."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import random
import struct
import sys
import time
from collections.abc import Mapping

import pytest

from fastws.sbe import SbeError, Schema
from helpers.sbe_support import header, opened, samples

SPOT, STREAM = Schema.bundled("spot"), Schema.bundled("stream")

NESTED = Schema.from_text("""
schema 9:3 nested
type exponent8 int8
dimension d uint16 uint32
data text uint8 text
data inner uint16 message
data maybe uint16 message?
message 1 Outer
  e exponent8
  list[] d
    p int64^e
    more[] d
      q int64^e json=deep.q
      name text
    note text
  later[] d +3
    x uint8
  inner maybe
  items inner json=item
  last maybe +3
message 2 Pair
  a uint8 json=[]
  b uint8? json=[]
message 3 Several
  parts[] d json=..
    part inner json=..
message 4 Alone
  part maybe json=..
""")


def tree(*, e=-2, count=2, inner=b"", items=b"", version=3):
    block = struct.pack("<b", e)
    entries = b""
    for i in range(count):
        more = struct.pack("<HI", 8, i) + b"".join(struct.pack("<q", 10 * i + k) + b"\x01n" for k in range(i))
        entries += struct.pack("<q", 100 + i) + more + b"\x02hi"
    data = header(1, 1, 9, version) + block + struct.pack("<HI", 8, count) + entries
    if version >= 3:
        data += struct.pack("<HI", 1, 1) + b"\x05"
    data += struct.pack("<H", len(inner)) + inner + struct.pack("<H", len(items)) + items
    return data + b"\0\0" if version >= 3 else data


EMPTY = header(0, 4, 9, 3) + b"\0\0"


@pytest.mark.parametrize("schema", [SPOT, STREAM], ids=["spot", "stream"])
@pytest.mark.parametrize("numbers", ["str", "float", "decimal"])
def test_a_view_of_any_message_shows_what_decode_makes(schema, numbers):
    rng = random.Random(numbers)
    for message, _, data in samples(
        schema, schema.model.at(schema.version), 31, 8, strangers=True, exponents=(-8, 2)
    ):
        unit = rng.choice(("ms", "us"))
        expected = schema.decode(data, numbers=numbers, time_unit=unit)
        view = schema.view(data, numbers=numbers, time_unit=unit)
        assert view == expected, message.name
        assert opened(view) == expected, message.name
        check_objects_are_views(view)


def check_objects_are_views(value):
    if isinstance(value, list):
        for entry in value:
            check_objects_are_views(entry)
    elif isinstance(value, Mapping):
        assert not isinstance(value, dict) or "$unknownTemplate" in value


def test_objects_in_groups_and_messages_in_groups_are_views():
    report = {
        "symbol": "S",
        "filters": [{"filter": {"template": "MaxNumOrdersFilter", "value": {"maxNumOrders": 3}}}],
    }
    report |= {"status": "Trading", **dict.fromkeys(("baseAsset", "quoteAsset"), "A")}
    message = SPOT.model.message("ExchangeInfoResponse")
    (symbols,) = [group for group in message.groups if group.name == "symbols"]
    for item in symbols.fields:
        kind = SPOT.model.type_of(item)
        default = "True" if item.type == "boolEnum" else [] if getattr(kind, "is_set", False) else 1
        report.setdefault(item.name, default)
    data = SPOT.encode("ExchangeInfoResponse", {"symbols": [report] * 2})
    view = SPOT.view(data)
    assert type(view["symbols"][1]) is type(view)
    (found,) = view["symbols"][1]["filters"]
    assert type(found) is type(view)
    assert found["maxNumOrders"] == 3
    assert found == {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 3}
    assert view == SPOT.decode(data)


def test_a_view_is_a_mapping():
    data = tree(items=EMPTY)
    view = NESTED.view(data)
    expected = NESTED.decode(data)
    assert isinstance(view, Mapping)
    assert list(view) == list(expected)
    assert len(view) == len(expected)
    assert (list(view.keys()), list(view.items())) == (list(expected), list(expected.items()))
    assert list(view.values()) == list(expected.values())
    assert view.to_dict() == expected
    assert type(view.to_dict()) is dict
    assert repr(view) == f"SbeView({expected!r})"
    assert view == NESTED.view(data)
    assert view != NESTED.view(tree(e=-3, items=EMPTY))
    assert view != 5
    with pytest.raises(TypeError, match="unhashable"):
        hash(view)
    with pytest.raises(TypeError):
        view["list"] = 1
    match view:
        case {"list": [first, *_], **rest}:
            assert first["p"] == "1.00"
            assert "list" not in rest


def test_keys_that_are_not_there():
    view = NESTED.view(tree(items=EMPTY))
    for key in ("nothing", "inner", "e", "E", "", 5, None, ("list",), b"list", "error", "result"):
        assert key not in view
        assert view.get(key) is None
        assert view.get(key, 7) == 7
        with pytest.raises(KeyError) as caught:
            view[key]
        assert caught.value.args == (key,)
    for key in ([], {}):
        with pytest.raises(TypeError, match="unhashable"):
            view[key]


def test_fields_can_be_read_in_any_order_and_again():
    rng = random.Random(4)
    data = SPOT.encode("WebSocketResponse", response())
    expected = SPOT.decode(data)["result"]
    for _ in range(100):
        view = SPOT.view(data)["result"]
        keys = list(expected)
        rng.shuffle(keys)
        for key in keys + keys:
            assert view[key] == expected[key]


def response():
    from_bytes = SPOT.decode_native
    levels = [{"price": i, "qty": i} for i in range(5)]
    depth = {"lastUpdateId": 1, "priceExponent": -2, "qtyExponent": -3, "bids": levels, "asks": levels[:2]}
    inner = {"template": "DepthResponse", "value": from_bytes(SPOT.encode("DepthResponse", depth))}
    return {
        "sbeSchemaIdVersionDeprecated": "False",
        "status": 200,
        "rateLimits": [],
        "id": "7",
        "result": inner,
    }


def test_exponents_of_blocks_around_an_entry_are_found():
    view = NESTED.view(tree(e=-1, count=3, items=EMPTY))
    entry = view["list"][2]
    inner = entry["more"][1]
    del view, entry
    gc.collect()
    assert inner["deep"] == {"q": "2.1"}
    assert inner["name"] == "n"


def test_arrays_and_values_that_are_no_objects():
    assert (
        NESTED.view(header(2, 2, 9) + b"\x01\xff")
        == NESTED.decode(header(2, 2, 9) + b"\x01\xff")
        == [1, None]
    )
    pair = header(2, 2, 9) + b"\x01\x02"
    parts = [pair, EMPTY, tree(items=pair)]
    data = header(0, 3, 9) + struct.pack("<HI", 0, 3)
    data += b"".join(struct.pack("<H", len(part)) + part for part in parts)
    view = NESTED.view(data)
    assert view == NESTED.decode(data) == [[1, 2], None, NESTED.decode(parts[2])]
    assert type(view[2]) is type(NESTED.view(parts[2]))
    alone = header(0, 4, 9) + struct.pack("<H", len(parts[2])) + parts[2]
    assert NESTED.view(alone) == NESTED.decode(parts[2])
    assert NESTED.view(EMPTY) is NESTED.decode(EMPTY) is None


def test_what_an_older_version_did_not_have_is_not_there():
    old = Schema(NESTED.model.at(3))
    text = "schema 9:3 nested\ndimension d uint16 uint32\ndata maybe uint16 message?\n"
    text += "message 1 A\n  a uint8\n  b[] d +2\n    x uint8\n  c maybe +2\n"
    old = Schema.from_text(text)
    data = header(1, 1, 9, 1) + b"\x05"
    assert old.decode(data) == opened(old.view(data)) == {"a": 5, "b": []}
    with pytest.raises(SbeError, match="ends") as caught:
        old.view(header(1, 1, 9, 2) + b"\x05")["b"]
    assert caught.value.path == "$.b"


def test_the_bytes_are_the_views_own():
    data = tree(items=EMPTY)
    expected = NESTED.decode(data)
    for made in (bytearray(data), memoryview(bytearray(data))):
        view = NESTED.view(made)
        entries = view["list"]
        made[:] = bytes(len(made))
        assert view == expected
        assert entries == expected["list"]
    view = NESTED.view(bytes(bytearray(data)))
    gc.collect()
    assert view == expected


def test_an_embedded_view_shares_the_bytes_of_the_whole():
    big = tree(count=50, items=EMPTY)
    data = tree(items=big)
    before = sys.getrefcount(data)
    view = NESTED.view(data)
    inner = view["item"]
    del view
    assert sys.getrefcount(data) == before + 2  # the view within keeps the one around it
    assert len(inner["list"]) == 50
    del inner
    assert sys.getrefcount(data) == before


def test_a_view_can_be_copied_and_pickled_as_what_it_shows():
    for data in (
        tree(items=EMPTY),
        SPOT.encode("EventStreamTerminatedEvent", {"eventTime": 1, "subscriptionId": 2}),
    ):
        schema = SPOT if data[4] == 3 else NESTED
        view, expected = schema.view(data), schema.decode(data)
        for same in (copy.copy(view), copy.deepcopy(view), pickle.loads(pickle.dumps(view))):
            assert type(same) is dict
            assert same == expected


def test_an_event_shows_its_frame():
    data = SPOT.encode("EventStreamTerminatedEvent", {"eventTime": 9_000, "subscriptionId": 2})
    view = SPOT.view(data, time_unit="ms")
    assert list(view) == ["event", "subscriptionId"]
    assert view["subscriptionId"] == 2
    assert view["event"]["E"] == 9
    assert view["event"]["e"] == "eventStreamTerminated"
    assert "subscriptionId" not in view["event"]
    view = SPOT.view(SPOT.encode("EventStreamTerminatedEvent", {"eventTime": 9_000}))
    assert list(view) == ["event"]
    assert "subscriptionId" not in view
    assert "e" not in view


def test_a_response_shows_its_result_or_its_error():
    good = SPOT.view(SPOT.encode("WebSocketResponse", response()))
    assert "error" not in good
    assert good["result"]["lastUpdateId"] == 1
    bad = {**response(), "result": {"template": "ErrorResponse", "value": {"code": -1, "msg": "m"}}}
    bad = SPOT.view(SPOT.encode("WebSocketResponse", bad))
    assert "result" not in bad
    assert bad["error"] == {"code": -1, "msg": "m"}
    assert bad["error"]["code"] == -1


def test_an_unknown_message_within_is_told_as_such():
    stranger = header(0, 77, 9)
    view = NESTED.view(tree(items=stranger))
    assert view["item"] == view.to_dict()["item"] == {"templateId": 77, "$unknownTemplate": True}


@pytest.mark.parametrize("depth", [16, 17, 40])
def test_views_nest_as_deep_as_messages_may(depth):
    data = tree(items=EMPTY)
    for _ in range(depth - 1):
        data = tree(items=data)
    view = NESTED.view(data)
    for _ in range(15):
        view = view["item"]
    if depth == 16:
        assert view["item"] is None if "item" in view else True
        return
    view = view["item"]
    with pytest.raises(SbeError, match="nest more than 16 deep") as caught:
        view["item"]
    assert caught.value.path == "$" + ".items" * 17
    with pytest.raises(SbeError, match="nest more than 16 deep") as caught:
        view.to_dict()
    with pytest.raises(SbeError) as whole:
        NESTED.decode(data)
    assert (caught.value.path, caught.value.reason) == (whole.value.path, whole.value.reason)


BAD = tree(items=tree(items=EMPTY)[:-3])


def test_what_is_wrong_is_told_when_it_is_read_with_the_path_from_the_whole():
    text = bytearray(tree(count=3, items=EMPTY))
    at = text.rindex(b"\x02hi")
    text[at + 1 : at + 3] = b"\xff\xff"
    view = NESTED.view(bytes(text))
    assert view["list"][1]["note"] == "hi"
    entry = view["list"][2]
    for read in (
        lambda: entry["note"],
        entry.to_dict,
        lambda: view["list"][2].get("note"),
        lambda: dict(view),
    ):
        with pytest.raises(SbeError, match="not UTF-8") as caught:
            read()
        assert caught.value.path == "$.list[2].note"
    assert view["item"] is None if "item" in view else True

    count = bytearray(tree(count=3, items=EMPTY))
    at = count.index(struct.pack("<HI", 8, 2))
    count[at + 2] = 200
    for read in (lambda v: v["list"], lambda v: v["item"], lambda v: v.to_dict()):
        with pytest.raises(SbeError, match="200 entries") as caught:
            read(NESTED.view(bytes(count)))
        assert caught.value.path == "$.list[2].more"


def test_a_message_that_is_cut_can_be_read_up_to_there():
    data = tree(items=tree(items=EMPTY))
    for cut in range(len(data)):
        try:
            view = NESTED.view(data[:cut])
        except SbeError:
            assert cut < 9
            continue
        repr(view)
        with pytest.raises(SbeError) as caught:
            NESTED.decode(data[:cut])
        with pytest.raises(SbeError) as same:
            view.to_dict()
        assert (caught.value.path, caught.value.reason) == (same.value.path, same.value.reason)


def test_a_repr_never_fails():
    for data in (tree(items=EMPTY)[:-4], tree(items=b"x")):
        view = NESTED.view(data)
        assert repr(view).startswith("<SbeView that cannot be read: $.")
    event = SPOT.encode("ListStatusEvent", LIST_STATUS)
    assert "cannot be read" in repr(SPOT.view(event[:-1]))


LIST_STATUS = {
    "eventTime": 1,
    "transactTime": 2,
    "orderListId": 3,
    "contingencyType": "Oco",
    "symbol": "S",
    "listStatusType": "Response",
    "listOrderStatus": "Executing",
    "listClientOrderId": "l",
}


def test_views_are_made_of_messages_alone():
    view = NESTED.view(tree(items=EMPTY))
    with pytest.raises(TypeError, match="views are made of messages"):
        type(view)()


@pytest.mark.alone
def test_what_is_behind_a_large_group_is_found_in_linear_time():
    def seconds(count):
        data = tree(count=count, items=EMPTY)
        best = 9.0
        for _ in range(5):
            begin = time.perf_counter()
            view = NESTED.view(data)
            for _ in range(50):
                view.get("item")
                view.get("later")
            best = min(best, time.perf_counter() - begin)
        return best / len(data)

    small, large = seconds(50), seconds(500)
    assert large < 5 * small


# --------------------------------------------------------------------------------------------- finalisers


class Finaliser:
    """Reads when it is collected, which may be in the middle of a decode."""

    def __init__(self, read):
        self.read = read
        self.cycle = self

    def __del__(self):
        self.read()


def test_a_finaliser_may_read_while_a_message_is_decoded():
    """The same readers, views and plans are in use then; CPython before 3.12 collects whenever it makes a container."""
    results = []
    frames = [data for _, _, data in samples(SPOT, SPOT.model.at(5), 17, 1, exponents=(-8,))]
    expected = [SPOT.decode(data) for data in frames]
    native = [SPOT.decode_native(data) for data in frames]
    views = [SPOT.view(data) for data in frames]

    def read():
        i = len(results) % len(frames)
        broken = frames[i][:-1] or b"x"
        ok = SPOT.decode(frames[i]) == expected[i] and SPOT.decode_native(frames[i]) == native[i]
        ok = ok and opened(views[i]) == expected[i]
        for read_ in (SPOT.decode, SPOT.decode_native, lambda data: opened(SPOT.view(data))):
            with contextlib.suppress(SbeError):
                read_(broken)
        results.append(ok)

    before = gc.get_threshold()
    gc.set_threshold(5, 2, 2)
    try:
        for _ in range(6):
            for i, data in enumerate(frames):
                Finaliser(read)
                assert SPOT.decode(data) == expected[i]
                Finaliser(read)
                assert SPOT.decode_native(data) == native[i]
                Finaliser(read)
                assert opened(SPOT.view(data)) == expected[i]
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert len(results) > 300
    assert all(results)


def test_a_finaliser_may_change_what_repeats_while_it_is_repeated():
    """The collector runs at each allocation of a decode in turn; its finaliser reads the same kind with other keys."""
    text = "schema 9:0 x\ndimension d uint16 uint16\nmessage 1 A\n  list[] d\n"
    schema = Schema.from_text(text + "".join(f"    f{i} uint8?\n" for i in range(20)))

    def message(value, present, count=200):
        entry = bytes(value if i in present else 255 for i in range(20))
        data = header(0, 1, 9, 0) + struct.pack("<HH", 20, count) + entry * count
        return data, [{f"f{i}": value for i in present}] * count

    before, _ = message(7, range(15))
    data, expected = message(9, range(15))  # as many as there is no spare dict for
    other, others = message(9, range(5, 20), count=2)
    results = []

    def read():
        results.append(schema.decode(other)["list"] == others)

    threshold = gc.get_threshold()
    gc.disable()
    try:
        for allocations in range(100, 300, 10):
            schema.decode(before)
            gc.collect()
            Finaliser(read)
            gc.set_threshold(allocations, 1000, 1000)
            gc.enable()
            found = schema.decode(data)["list"]
            gc.disable()
            assert found == expected
    finally:
        gc.set_threshold(*threshold)
        gc.enable()
    gc.collect()
    assert len(results) == 20
    assert all(results)


def test_threads_may_share_a_schema():
    import threading

    frames = [data for _, _, data in samples(SPOT, SPOT.model.at(5), 18, 2, exponents=(-8,))]
    expected = [SPOT.decode(data) for data in frames]
    wrong = []

    def work(seed):
        rng = random.Random(seed)
        for _ in range(600):
            i = rng.randrange(len(frames))
            if SPOT.decode(frames[i]) != expected[i] or opened(SPOT.view(frames[i])) != expected[i]:
                wrong.append(i)
            with contextlib.suppress(SbeError):
                SPOT.decode(frames[i][: rng.randrange(len(frames[i]))])

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong
