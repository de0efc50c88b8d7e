"""Write fastws/methods.pyi from the table in fastws/methods.py: `python tools/make_stubs.py`; with --check, compare."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fastws import types
from fastws._parameters import AUTH, PARAMETERS, choices
from fastws.methods import METHODS, Method

STUB = Path(__file__).parent.parent / "fastws" / "methods.pyi"

KINDS = {
    "TEXT": "str",
    "DECIMAL": "Decimals",
    "INTEGER": "int",
    "BOOLEAN": "bool",
    "LIST": "list[str] | tuple[str, ...]",
    "WINDOW": "Milliseconds",
}

HEAD = '''"""Signatures of the wrappers; written by tools/make_stubs.py."""

from dataclasses import dataclass
from typing import Literal, overload

from ._parameters import PARAMETERS as PARAMETERS
from .signing import Signer
from .types import (
{imports}
)

METHODS: dict[str, Method]

@dataclass(frozen=True)
class Method:
    name: str
    security: str
    weight: str
    summary: str
    params: tuple[str, ...]
    required: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    results: dict[str, str]
    errors: tuple[int, ...]
    @property
    def result(self) -> str: ...
    @property
    def wrapper(self) -> str: ...
    @property
    def signed(self) -> bool: ...
    @property
    def role(self) -> str: ...
    @property
    def trading(self) -> bool: ...

class Methods:
'''

NOT_GIVEN = "None = None"


def annotation(method: Method, name: str) -> str:
    """The type of a parameter."""
    return choices(method.name, name) or KINDS[PARAMETERS[name]]


def needed(method: Method, name: str) -> str:
    return annotation(method, name)


def optional(method: Method, name: str) -> str:
    return f"{annotation(method, name)} | None = None"


# A variant of a signature: the annotations, with defaults, of the parameters in which it differs; and its result.
Variant = tuple[dict[str, str], str]


def by_result(method: Method) -> list[Variant]:
    """The variants that differ in their result."""
    results = method.results
    if "ACK" in results:
        # by newOrderRespType; where it is not given, FULL for LIMIT and MARKET, else ACK
        rest = [({}, results["FULL"])]
        if not method.name.startswith("sor."):
            rest = [({"type": "FullType"}, results["FULL"]), ({"type": "AckType"}, results["ACK"])]
        return [
            *(
                ({"newOrderRespType": f'Literal["{kind}"]'}, results[kind])
                for kind in ("ACK", "RESULT", "FULL")
            ),
            *(({"newOrderRespType": NOT_GIVEN, **more}, result) for more, result in rest),
        ]
    if "symbols" in results:
        one = {"symbol": "str", "symbols": NOT_GIVEN}
        several = {
            "symbol": NOT_GIVEN,
            "symbols": needed(method, "symbols") if method.groups else optional(method, "symbols"),
        }
        if "MINI" not in results:
            return [(one, results["symbol"]), (several, results["symbols"])]
        full, mini = {"type": 'Literal["FULL"] | None = None'}, {"type": 'Literal["MINI"]'}
        return [
            (one | full, results["symbol"]),
            (several | full, results["symbols"]),
            (one | mini, results["MINI"]),
            (several | mini, f"list[{results['MINI']}]"),
        ]
    return [({}, method.result.replace("|", " | ").replace("  ", " "))]


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
            )
            for differing, result in found
            for given in group
        ]
    return found


def signature(method: Method, variant: Variant, overloaded: bool) -> str:
    differing, result = variant
    names = dict.fromkeys(
        (*method.required, *method.params, *(AUTH if method.signed else ()), "returnRateLimits")
    )
    lines = ["    @overload"] if overloaded else []
    lines += [f"    def {method.wrapper}(", "        self,", "        *,"]
    for name in names:
        text = differing.get(name) or (needed if name in method.required else optional)(method, name)
        lines.append(f"        {name}: {text},")
    lines += [
        "        on_reply: OnReply | None = None,",
        "        timeout: float | None = None,",
        "        urgent: bool | None = None,",
        "        signer: Signer | None = None,",
        f"    ) -> Reply[{result}]: ...",
    ]
    return "\n".join(lines)


def stub() -> str:
    texts = []
    for method in METHODS.values():
        found = variants(method)
        texts += [signature(method, variant, len(found) > 1) for variant in found]
    body = "\n".join(texts)
    used = set(re.findall(r"\w+", body)) & set(types.__all__)
    # as ruff sorts them: constants, classes
    imports = "\n".join(f"    {name}," for name in sorted(used, key=lambda n: (n.upper() != n, n.lower())))
    return HEAD.format(imports=imports) + body + "\n"


def main() -> int:
    text = stub()
    if "--check" in sys.argv:
        if STUB.read_text() != text:
            print("fastws/methods.pyi is not what the table says: run python tools/make_stubs.py")
            return 1
        return 0
    STUB.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
