"""The table of methods in its compiled form, which the session reads."""

from __future__ import annotations

from .._native.methods import EFFECTS, ROLES, SHAPES, MethodSpec, register_method, register_params
from .parameters import AUTH, FREE_TEXTS, PARAMETERS
from .table import CANCELS, METHODS

# The methods whose results show orders of other requests.
_SHOWS_ORDERS = frozenset(
    (
        "order.cancel",
        "order.cancelReplace",
        "order.amend.keepPriority",
        "openOrders.cancelAll",
        "orderList.cancel",
        "order.status",
        "openOrders.status",
        "allOrders",
        "order.amendments",
        "orderList.status",
        "openOrderLists.status",
        "allOrderLists",
    )
)

# The client order ids that fastws generates if the caller gives none, so that an order can be found without its reply.
# RequestInfo.client_order_id is the first of them.
_OWN_IDS: dict[str, tuple[str, ...]] = {
    "order.place": ("newClientOrderId",),
    "sor.order.place": ("newClientOrderId",),
    "order.cancel": ("newClientOrderId",),
    "order.cancelReplace": ("newClientOrderId", "cancelNewClientOrderId"),
    "order.amend.keepPriority": ("newClientOrderId",),
    "orderList.cancel": ("newClientOrderId",),
    "orderList.place": ("listClientOrderId", "limitClientOrderId", "stopClientOrderId"),
    "orderList.place.oco": ("listClientOrderId", "aboveClientOrderId", "belowClientOrderId"),
    "orderList.place.oto": ("listClientOrderId", "workingClientOrderId", "pendingClientOrderId"),
    "orderList.place.opo": ("listClientOrderId", "workingClientOrderId", "pendingClientOrderId"),
    "orderList.place.otoco": ("listClientOrderId", "workingClientOrderId"),
    "orderList.place.opoco": ("listClientOrderId", "workingClientOrderId"),
}

_ALWAYS_SIGNED = frozenset(("session.logon", "userDataStream.subscribe.signature"))
_SHAPES = {"klines": "KLINES", "uiKlines": "KLINES", "sor.order.place": "ONE"}
_EFFECTS = {
    "session.logon": "LOGON",
    "session.logout": "LOGOUT",
    "userDataStream.subscribe": "SUBSCRIBE",
    "userDataStream.subscribe.signature": "SUBSCRIBE_OTHER",
    "userDataStream.unsubscribe": "UNSUBSCRIBE",
    "account.status": "ACCOUNT",
}


def _register() -> dict[str, MethodSpec]:
    register_params(PARAMETERS)
    specs = {}
    for method in METHODS.values():
        own_ids = _OWN_IDS.get(method.name, ())
        specs[method.name] = register_method(
            method.name,
            params=(*method.params, *(AUTH if method.signed else ()), "returnRateLimits"),
            required=method.required,
            groups=method.groups,
            timestamped=method.signed,
            authorised=method.security != "NONE",
            always_signed=method.name in _ALWAYS_SIGNED,
            trading=method.trading,
            urgent=method.name in CANCELS,
            names_orders=method.name in _SHOWS_ORDERS,
            shape=SHAPES[_SHAPES.get(method.name, "FIELDS")],
            effect=EFFECTS.get(_EFFECTS.get(method.name, ""), 0),
            role=ROLES[method.role],
            error_is_result="NoReferencePrice" in method.results.values(),
            own_ids=own_ids,
            own_id=own_ids[0] if own_ids else None,
            free_texts=[name for name in method.params if name in FREE_TEXTS and name not in own_ids],
        )
    return specs


SPECS = _register()
