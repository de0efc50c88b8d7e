"""Write fastws/methods/wrappers.pyi from the table of methods: `python tools/make_stubs.py`; with --check, compare."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fastws import types
from fastws.methods import METHODS, Method
from fastws.methods.parameters import AUTH, PARAMETERS, choices

STUB = Path(__file__).parent.parent / "fastws" / "methods" / "wrappers.pyi"

KINDS = {
    "TEXT": "str",
    "DECIMAL": "Decimals",
    "INTEGER": "int",
    "BOOLEAN": "bool",
    "LIST": "list[str] | tuple[str, ...]",
    "WINDOW": "Milliseconds",
}

HEAD = '''"""Signatures of the wrappers; written by tools/make_stubs.py."""

from typing import Literal, NoReturn, Protocol, TypeAlias, TypeVar, overload

from .._native.waiters import RequestInfo
from ..signing import Signer
from ..streams import OnOverflow, Subscription
from ..types import (
{imports}
)

_T_co = TypeVar("_T_co", covariant=True)

# Nothing is of the type _No. Where a call fits none of the overloads, mypy prints all of them, unless one would fit if
# type arguments were left out of account: of that one it says which argument is wrong. With Any in place of
# NoReturn, everything is of this type.
class _NoOther(Protocol[_T_co]):
    def __repr__(self) -> _T_co: ...  # type: ignore[override]

_No: TypeAlias = _NoOther[NoReturn]

class Methods:
'''

NOT_GIVEN = "None = None"
# What the wrappers take besides that make a Subscription.
SUBSCRIBING = {
    "on_event": "OnEvent | None = None",
    "buffer": "int = 65536",
    "on_overflow": 'OnOverflow = "error"',
}


def annotation(method: Method, name: str) -> str:
    """The type of a parameter."""
    return choices(method.name, name) or KINDS[PARAMETERS[name]]


def needed(method: Method, name: str) -> str:
    return annotation(method, name)


def optional(method: Method, name: str) -> str:
    return f"{annotation(method, name)} | None = None"


# A variant of a signature: the annotations, with defaults, of the parameters in which it differs; its results; and
# whether it takes all that the method takes, so that it explains a call that fits none.
Variant = tuple[dict[str, str], tuple[str, ...], bool]


def by_result(method: Method) -> list[Variant]:
    """The variants that differ in their result; the general ones behind the others."""
    results = method.results
    if "ACK" in results:
        # by newOrderRespType; where it is not given, FULL for LIMIT and MARKET, else ACK
        kinds = tuple(results[kind] for kind in ("ACK", "RESULT", "FULL"))
        given: list[Variant] = [
            ({"newOrderRespType": f'Literal["{kind}"]'}, (results[kind],), False)
            for kind in ("ACK", "RESULT", "FULL")
        ]
        any_given: Variant = ({"newOrderRespType": "NewOrderRespType"}, kinds, True)
        none = {"newOrderRespType": NOT_GIVEN}
        if method.name.startswith("sor."):
            return [*given, (none, (results["FULL"],), True), any_given]
        return [
            *given,
            (none | {"type": "FullType"}, (results["FULL"],), False),
            (none | {"type": "AckType"}, (results["ACK"],), False),
            (none, (results["FULL"], results["ACK"]), True),
            any_given,
        ]
    if "symbols" in results:
        one = {"symbol": "str", "symbols": NOT_GIVEN}
        several = {
            "symbol": NOT_GIVEN,
            "symbols": needed(method, "symbols") if method.groups else optional(method, "symbols"),
        }
        if "MINI" not in results:
            return [(one, (results["symbol"],), True), (several, (results["symbols"],), True)]
        full, mini = {"type": 'Literal["FULL"] | None = None'}, {"type": 'Literal["MINI"]'}
        return [
            (one | full, (results["symbol"],), False),
            (several | full, (results["symbols"],), False),
            (one | mini, (results["MINI"],), False),
            (several | mini, (f"list[{results['MINI']}]",), False),
            (one, (results["symbol"], results["MINI"]), True),
            (several, (results["symbols"], f"list[{results['MINI']}]"), True),
        ]
    if method.subscribes:
        return [({}, ("Subscription",), True)]
    return [({}, (method.result.replace("|", " | ").replace("  ", " "),), True)]


def variants(method: Method) -> list[Variant]:
    """The signatures of a method: by the result, and by which of two alternative parameters is given."""
    found = by_result(method)
    for group in method.groups:
        if "symbols" in group and "symbols" in method.results:
            continue
        found = [
            (
                differing
                | {name: needed(method, name) if name == given else optional(method, name) for name in group}
                if given == group[0]
                else differing
                | {name: needed(method, name) if name == given else NOT_GIVEN for name in group},
                result,
                general,
            )
            for differing, result, general in found
            for given in group
        ]
    return found


def called_back(found: list[Variant]) -> list[Variant]:
    """The variants of calls with ``on_reply``, whose results do not matter."""
    variants: list[Variant] = []
    for differing, _, general in found:
        less = {name: text for name, text in differing.items() if name != "newOrderRespType"}
        if general and (less, (), True) not in variants:
            variants.append((less, (), True))
    return variants


def fitting_all(text: str) -> str:
    """The annotation of a parameter in a general variant."""
    if text == NOT_GIVEN:
        return text  # of two variants that differ in what is given, the right one is to explain a mistake
    kind, equals, default = text.partition(" = ")
    kind, none, _ = kind.partition(" | None")
    return f"{kind} | _No{none}{equals}{default}"


def signature(method: Method, variant: Variant) -> str:
    differing, results, general = variant
    names = dict.fromkeys(
        (*method.required, *method.params, *(AUTH if method.signed else ()), "returnRateLimits")
    )
    parameters = dict(SUBSCRIBING) if method.subscribes else {}
    parameters |= {
        name: differing.get(name) or (needed if name in method.required else optional)(method, name)
        for name in names
    }
    parameters |= {
        "on_reply": NOT_GIVEN if results else "OnReply",
        "timeout": "float | None = None",
        "urgent": "bool | None = None",
        "signer": "Signer | None = None",
    }
    if general:
        parameters = {name: fitting_all(text) for name, text in parameters.items()}
    # a union of replies, not a reply of a union, is what the more exact variants are compatible with
    returned = " | ".join(f"Reply[{result}]" for result in dict.fromkeys(results)) or "RequestInfo"
    return "\n".join(
        [
            "    @overload",
            f"    def {method.wrapper}(",
            "        self,",
            "        *,",
            *(f"        {name}: {text}," for name, text in parameters.items()),
            f"    ) -> {returned}: ...",
        ]
    )


def stub() -> str:
    texts = []
    for method in METHODS.values():
        found = variants(method)
        texts += [signature(method, variant) for variant in (*found, *called_back(found))]
    body = "\n".join(texts)
    used = set(re.findall(r"\w+", body)) & set(types.__all__)
    # as ruff sorts them: constants, classes
    imports = "\n".join(f"    {name}," for name in sorted(used, key=lambda n: (n.upper() != n, n.lower())))
    return HEAD.format(imports=imports) + body + "\n"


def main() -> int:
    text = stub()
    if "--check" in sys.argv:
        if STUB.read_text() != text:
            print("fastws/methods/wrappers.pyi is not what the table says: run python tools/make_stubs.py")
            return 1
        return 0
    STUB.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
