"""Write fastws/methods.pyi from the table in fastws/methods.py: `python tools/make_stubs.py`; with --check, compare."""

from __future__ import annotations

import sys
from pathlib import Path

from fastws.methods import _AUTH, METHODS, PARAMETERS, Method

STUB = Path(__file__).parent.parent / "fastws" / "methods.pyi"

KINDS = {
    "TEXT": "str",
    "DECIMAL": "Decimals",
    "INTEGER": "int",
    "BOOLEAN": "bool",
    "LIST": "list[str] | tuple[str, ...]",
    "WINDOW": "Milliseconds",
}

# Parameters with a closed set of values, by the end of their names; the first that fits.
ENUMS = {
    "selfTradePreventionMode": "SelfTradePreventionMode",
    "orderRateLimitExceededMode": "OrderRateLimitExceededMode",
    "cancelReplaceMode": "CancelReplaceMode",
    "cancelRestrictions": "CancelRestrictions",
    "newOrderRespType": "NewOrderRespType",
    "symbolStatus": "SymbolStatus",
    "egPriceType": "PegPriceType",
    "egOffsetType": "PegOffsetType",
    "imeInForce": "TimeInForce",
    "side": "Side",
    "Side": "Side",
}

RESULTS = {
    "ping": "dict[str, Any]",
    "time": "Time",
    "exchangeInfo": "ExchangeInfo",
    "depth": "Depth",
    "session.logon": "SessionStatus",
    "session.subscriptions": "list[ActiveSubscription]",
    "session.status": "SessionStatus",
    "session.logout": "SessionStatus",
    "order.place": "PlacedOrder",
    "order.test": "OrderTest",
    "order.cancel": "CancelledOrder",
    "order.cancelReplace": "CancelReplace",
    "order.amend.keepPriority": "Amendment",
    "order.status": "Order",
    "openOrders.status": "list[Order]",
    "openOrders.cancelAll": "list[CancelledOrder]",
    "account.status": "Account",
    "sor.order.test": "OrderTest",
}

HEAD = '''"""Signatures of the wrappers; written by tools/make_stubs.py."""

from dataclasses import dataclass
from typing import Any, Literal

from .signing import Signer
from .types import (
{imports}
)

PARAMETERS: dict[str, str]
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
    @property
    def wrapper(self) -> str: ...
    @property
    def signed(self) -> bool: ...
    @property
    def trading(self) -> bool: ...

class Methods:
'''


def annotation(method: Method, name: str) -> str:
    if name == "type":
        return 'Literal["FULL", "MINI"]' if method.name.startswith("ticker") else "OrderType"
    for end, enum in ENUMS.items():
        if name.endswith(end):
            return enum
    return KINDS[PARAMETERS[name]]


def signature(method: Method) -> str:
    names = dict.fromkeys(
        (*method.required, *method.params, *(_AUTH if method.signed else ()), "returnRateLimits")
    )
    lines = [f"    def {method.wrapper}(", "        self,", "        *,"]
    for name in names:
        optional = "" if name in method.required else " | None = None"
        lines.append(f"        {name}: {annotation(method, name)}{optional},")
    lines += [
        "        on_reply: OnReply | None = None,",
        "        timeout: float | None = None,",
        "        urgent: bool | None = None,",
        "        signer: Signer | None = None,",
        f"    ) -> Reply[{RESULTS.get(method.name, 'Any')}]: ...",
    ]
    return "\n".join(lines)


def stub() -> str:
    body = "\n".join(signature(method) for method in METHODS.values())
    used = {*ENUMS.values(), *RESULTS.values(), "Decimals", "Milliseconds", "OnReply", "OrderType", "Reply"}
    names = {text.removeprefix("list[").rstrip("]") for text in used if not text.startswith("dict")}
    imports = "\n".join(f"    {name}," for name in sorted(names, key=lambda n: (n.upper() != n, n.lower())))
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
