"""Models of schemas, made by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from fastws.sbe.model import (
    SIZES,
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
)

VERSIONS = range(6)

# --------------------------------------------------------------------------------------------- hypothesis

_NAMES = st.sampled_from("alpha beta gamma delta epsilon zeta eta theta".split())
_JSON = st.none() | st.sampled_from(["x", "a.b", "..", "[]", "NAME", "+", "=", "-1x", "ü", ""])
_DEFAULTS = st.none() | st.sampled_from(["", "0", "-1", "+1", "NONE", "a=b", "omit-empty"])
_UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
_INTEGERS = tuple(name for name in SIZES if name not in ("float", "double", "char"))

# Types are what their names say in all versions; the choices of enums may change.
_TYPES = (
    *(Scalar(f"{name}Type", name) for name in SIZES),
    Scalar("mantissa128", "uint8", 16),
    Scalar("ticker", "char", 6),
    *(Dimension(f"dimension{i}", "uint16", count) for i, count in enumerate(_UNSIGNED)),
    *(
        VarData(
            ("optional" if optional else "plain") + holds.title() + str(8 * SIZES[length]),
            length,
            holds,
            optional,
        )
        for length in _UNSIGNED[:3]
        for holds in ("text", "message")
        for optional in (False, True)
    ),
)


def _limits(primitive, is_set):
    bits = 8 * SIZES[primitive]
    if is_set:
        return 0, bits - 1
    if primitive == "char":
        return 33, 126
    return (0, 2**bits - 1) if primitive.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def _enums(draw, name):
    is_set = name.startswith("set")
    primitive = name.removeprefix("set").removeprefix("enum").lower()
    least, most = _limits(primitive, is_set)
    names = draw(st.lists(_NAMES, unique=True, min_size=1, max_size=5))
    values = draw(
        st.lists(st.integers(least, most), unique=True, min_size=len(names), max_size=len(names))
        if most - least > 8
        else st.permutations(range(least, most + 1)).map(lambda all_: all_[: len(names)])
    )
    json = draw(
        st.lists(st.none() | st.sampled_from(["NEW", "a b".replace(" ", "_"), "x"]), min_size=5, max_size=5)
    )
    return Enum(name, primitive, tuple(map(Choice, names, values, json)), is_set)


_ENUM_NAMES = (
    *(f"enum{name.title()}" for name in (*_INTEGERS, "char")),
    *(f"set{name.title()}" for name in _UNSIGNED),
)


@st.composite
def _blocks(draw, types, depth):
    names = draw(st.lists(_NAMES, unique=True, max_size=6))
    cut = sorted(draw(st.lists(st.integers(0, len(names)), min_size=2, max_size=2)))
    values = [kind.name for kind in types.values() if isinstance(kind, (Scalar, Enum))]
    fields = tuple(draw(_fields(name, types, values)) for name in names[: cut[0]])
    dimensions = [kind.name for kind in types.values() if isinstance(kind, Dimension)]
    groups = tuple(
        Group(
            name,
            **draw(_blocks(types, depth - 1)),
            dimension=draw(st.sampled_from(dimensions)),
            json=draw(_JSON),
            omit_empty=draw(st.booleans()),
        )
        for name in (names[cut[0] : cut[1]] if depth else ())
    )
    data = tuple(
        Data(
            name,
            draw(st.sampled_from([kind.name for kind in types.values() if isinstance(kind, VarData)])),
            draw(_JSON),
            draw(_DEFAULTS),
        )
        for name in names[cut[1] :]
    )
    return {"fields": fields, "groups": groups, "data": data}


@st.composite
def _fields(draw, name, types, values):
    kind = draw(st.sampled_from([*values, *SIZES]))
    attributes = {"json": draw(_JSON), "default": draw(_DEFAULTS)}
    enum = types.get(kind)
    if isinstance(enum, Enum) and not enum.is_set and draw(st.booleans()):
        return Field(name, kind, constant=draw(st.sampled_from(enum.choices)).name, **attributes)
    return Field(name, kind, draw(st.booleans()), draw(st.none() | _NAMES), **attributes)


@st.composite
def models(draw, version=0, messages=None, types=_TYPES):
    """A Model of one version; its messages have those ids, and its types include those."""
    known = {kind.name: kind for kind in types}
    known.update({name: draw(_enums(name)) for name in _ENUM_NAMES})
    if messages is None:
        messages = draw(st.lists(st.integers(0, 65535), unique=True, max_size=4))
    made = {}
    for number in messages:
        is_event = number % 2 == 1
        name = f"M{number}Event" if is_event else f"M{number}"
        made[number] = Message(
            name,
            **draw(_blocks(known, 2)),
            id=number,
            event=f"event{number}" if is_event and number % 3 else None,
        )
    return Model(7, version, "made_up", known, made, version)


@st.composite
def histories(draw):
    """Versions of one schema. Messages and types come and go, but do not come back; their parts do as they like."""
    versions = sorted(draw(st.sets(st.integers(0, 12), min_size=2, max_size=4)))
    lives = st.tuples(st.integers(0, 12), st.integers(1, 14)).map(
        lambda life: range(life[0], life[0] + life[1])
    )
    messages = {number: draw(lives) for number in range(1, draw(st.integers(1, 4)) + 1)}
    extra = {f"extra{i}": draw(lives) for i in range(3)}
    return [
        draw(
            models(
                version,
                draw(st.permutations([number for number, life in messages.items() if version in life])),
                (*_TYPES, *(Scalar(name, "int64") for name, life in extra.items() if version in life)),
            )
        )
        for version in versions
    ]
