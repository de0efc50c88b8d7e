"""The methods of Binance's WebSocket API: one table.

Source of the facts: web-socket-api.md and errors.md of binance/binance-spot-api-docs, as of 2026-07-21. In the table
``name!`` is required, of ``a|b`` one is required, all others are optional. Signed methods also take ``apiKey``,
``timestamp``, ``recvWindow`` and ``signature``. ``parameters.py`` describes the parameters, once for all methods;
``facts.py`` has the results and the errors of each method.

These are made from the table: its compiled form (``specs.py``), the wrappers (``wrappers.py``), their docstrings
(``texts.py``), the signatures for editors and type checkers (``wrappers.pyi``, by ``tools/make_stubs.py``),
docs/methods.md (by ``tools/make_methods_page.py``), and the output of ``python -m fastws methods``.
"""

from __future__ import annotations

from dataclasses import dataclass

from .facts import errors_of, results_of

_ORDER = (
    "timeInForce price quantity quoteOrderQty newClientOrderId newOrderRespType stopPrice trailingDelta icebergQty "
    "strategyId strategyType selfTradePreventionMode pegPriceType pegOffsetValue pegOffsetType"
)
_SOR = (
    "symbol! side! type! timeInForce price quantity! newClientOrderId newOrderRespType icebergQty strategyId "
    "strategyType selfTradePreventionMode"
)
_WORKING = (
    "symbol! listClientOrderId newOrderRespType selfTradePreventionMode workingType! workingSide! "
    "workingClientOrderId workingPrice! workingQuantity! workingIcebergQty workingTimeInForce workingStrategyId "
    "workingStrategyType workingPegPriceType workingPegOffsetType workingPegOffsetValue"
)
_LEG = (
    "{0}ClientOrderId {0}IcebergQty {0}Price {0}StopPrice {0}TrailingDelta {0}TimeInForce {0}StrategyId "
    "{0}StrategyType {0}PegPriceType {0}PegOffsetType {0}PegOffsetValue"
)
_PENDING_PAIR = (
    "pendingSide! pendingAboveType! "
    + _LEG.format("pendingAbove")
    + " pendingBelowType "
    + _LEG.format("pendingBelow")
)
_CANDLES = "symbol! interval! startTime endTime timeZone limit"

# Name, security, weight, parameters, summary. A weight may depend on documented conditions.
_TABLE: tuple[tuple[str, str, str, str, str], ...] = (
    ("ping", "NONE", "1", "", "Test that the connection works."),
    ("time", "NONE", "1", "", "The exchange's time."),
    (
        "exchangeInfo",
        "NONE",
        "20",
        "symbol symbols permissions showPermissionSets symbolStatus",
        "Rules, rate limits and symbols of the exchange.",
    ),
    (
        "executionRules",
        "NONE",
        "2 a symbol, at most 40",
        "symbol symbols symbolStatus",
        "Execution rules of symbols.",
    ),
    (
        "depth",
        "NONE",
        "5, 25, 50 or 250 for a limit up to 100, 500, 1000 or 5000",
        "symbol! limit symbolStatus",
        "The order book of a symbol.",
    ),
    ("trades.recent", "NONE", "25", "symbol! limit", "The latest trades of a symbol."),
    ("trades.historical", "NONE", "25", "symbol! fromId limit", "Trades of a symbol from an id on."),
    (
        "blockTrades.historical",
        "NONE",
        "25",
        "symbol! fromId! limit",
        "Block trades of a symbol from an id on.",
    ),
    (
        "trades.aggregate",
        "NONE",
        "4",
        "symbol! fromId startTime endTime limit",
        "Trades of a symbol, joined by taker order.",
    ),
    ("klines", "NONE", "2", _CANDLES, "Candlesticks of a symbol."),
    ("uiKlines", "NONE", "2", _CANDLES, "Candlesticks of a symbol, for display."),
    ("avgPrice", "NONE", "2", "symbol!", "The current average price of a symbol."),
    (
        "ticker.24hr",
        "NONE",
        "2, 40 or 80 for up to 20, up to 100, or more symbols",
        "symbol symbols type symbolStatus",
        "Price statistics of the last 24 hours.",
    ),
    (
        "ticker.tradingDay",
        "NONE",
        "4 a symbol, at most 200",
        "symbol|symbols timeZone type symbolStatus",
        "Price statistics of a trading day.",
    ),
    (
        "ticker",
        "NONE",
        "4 a symbol, at most 200",
        "symbol|symbols type windowSize symbolStatus",
        "Price statistics of a rolling window.",
    ),
    (
        "ticker.price",
        "NONE",
        "2 for one symbol, else 4",
        "symbol symbols symbolStatus",
        "The latest price of symbols.",
    ),
    (
        "ticker.book",
        "NONE",
        "2 for one symbol, else 4",
        "symbol symbols symbolStatus",
        "The best bid and ask of symbols.",
    ),
    ("referencePrice", "NONE", "2", "symbol!", "The reference price of a symbol."),
    (
        "referencePrice.calculation",
        "NONE",
        "2",
        "symbol! symbolStatus",
        "How the exchange calculates a reference price.",
    ),
    ("session.logon", "SIGNED", "2", "", "Log the connection on with an Ed25519 key."),
    ("session.status", "NONE", "2", "", "The key with which the connection is logged on."),
    ("session.logout", "NONE", "2", "", "Log the connection off."),
    ("order.place", "TRADE", "1", f"symbol! side! type! {_ORDER}", "Place an order."),
    (
        "order.test",
        "TRADE",
        "1, or 20 with computeCommissionRates",
        f"symbol! side! type! {_ORDER} computeCommissionRates",
        "Check an order without placing it.",
    ),
    (
        "order.cancel",
        "TRADE",
        "1",
        "symbol! orderId|origClientOrderId newClientOrderId cancelRestrictions",
        "Cancel an order; it gets the client order id newClientOrderId.",
    ),
    (
        "order.cancelReplace",
        "TRADE",
        "1",
        "symbol! cancelReplaceMode! cancelOrderId|cancelOrigClientOrderId cancelNewClientOrderId side! type! "
        f"{_ORDER} cancelRestrictions orderRateLimitExceededMode",
        "Cancel an order and place another; not transactional.",
    ),
    (
        "order.amend.keepPriority",
        "TRADE",
        "4",
        "symbol! orderId|origClientOrderId newClientOrderId newQty!",
        "Reduce the quantity of an order, which keeps its place in the book.",
    ),
    ("openOrders.cancelAll", "TRADE", "1", "symbol!", "Cancel all open orders and order lists of a symbol."),
    (
        "orderList.place",
        "TRADE",
        "1",
        "symbol! side! price! quantity! listClientOrderId limitClientOrderId limitIcebergQty limitStrategyId "
        "limitStrategyType stopPrice trailingDelta stopClientOrderId stopLimitPrice stopLimitTimeInForce "
        "stopIcebergQty stopStrategyId stopStrategyType newOrderRespType selfTradePreventionMode",
        "Place a one-cancels-the-other pair (deprecated).",
    ),
    (
        "orderList.place.oco",
        "TRADE",
        "1",
        f"symbol! listClientOrderId side! quantity! aboveType! {_LEG.format('above')} belowType! "
        f"{_LEG.format('below')} newOrderRespType selfTradePreventionMode",
        "Place a one-cancels-the-other pair.",
    ),
    (
        "orderList.place.oto",
        "TRADE",
        "1",
        f"{_WORKING} pendingType! pendingSide! pendingQuantity! {_LEG.format('pending')}",
        "Place an order that triggers another.",
    ),
    (
        "orderList.place.otoco",
        "TRADE",
        "1",
        f"{_WORKING} pendingQuantity! {_PENDING_PAIR}",
        "Place an order that triggers a one-cancels-the-other pair.",
    ),
    (
        "orderList.place.opo",
        "TRADE",
        "1",
        f"{_WORKING} pendingType! pendingSide! {_LEG.format('pending')}",
        "Place an order that pays for another.",
    ),
    (
        "orderList.place.opoco",
        "TRADE",
        "1",
        f"{_WORKING} {_PENDING_PAIR}",
        "Place an order that pays for a one-cancels-the-other pair.",
    ),
    (
        "orderList.cancel",
        "TRADE",
        "1",
        "symbol! orderListId|listClientOrderId newClientOrderId",
        "Cancel an order list.",
    ),
    ("sor.order.place", "TRADE", "1", _SOR, "Place an order with smart order routing."),
    (
        "sor.order.test",
        "TRADE",
        "1, or 20 with computeCommissionRates",
        f"{_SOR} computeCommissionRates",
        "Check an order with smart order routing without placing it.",
    ),
    ("account.status", "USER_DATA", "20", "omitZeroBalances", "Balances and permissions of the account."),
    ("order.status", "USER_DATA", "4", "symbol! orderId|origClientOrderId", "The state of an order."),
    ("openOrders.status", "USER_DATA", "6 for one symbol, else 80", "symbol", "The open orders."),
    ("allOrders", "USER_DATA", "20", "symbol! orderId startTime endTime limit", "Orders of a symbol."),
    ("orderList.status", "USER_DATA", "4", "origClientOrderId|orderListId", "The state of an order list."),
    ("openOrderLists.status", "USER_DATA", "6", "", "The open order lists."),
    ("allOrderLists", "USER_DATA", "20", "fromId startTime endTime limit", "Order lists of the account."),
    (
        "myTrades",
        "USER_DATA",
        "20, or 5 with orderId",
        "symbol! orderId startTime endTime fromId limit",
        "The account's trades in a symbol.",
    ),
    ("account.rateLimits.orders", "USER_DATA", "40", "", "The account's unfilled order counts."),
    (
        "myPreventedMatches",
        "USER_DATA",
        "2, or 20 by orderId",
        "symbol! preventedMatchId orderId fromPreventedMatchId limit",
        "Matches that self-trade prevention stopped.",
    ),
    (
        "myAllocations",
        "USER_DATA",
        "20",
        "symbol! startTime endTime fromAllocationId limit orderId",
        "Allocations of smart order routing.",
    ),
    ("account.commission", "USER_DATA", "20", "symbol!", "The account's commission rates for a symbol."),
    (
        "order.amendments",
        "USER_DATA",
        "4",
        "symbol! orderId! fromExecutionId limit",
        "The amendments of an order.",
    ),
    ("myFilters", "USER_DATA", "40", "symbol!", "The filters that apply to the account in a symbol."),
    (
        "userDataStream.subscribe",
        "USER_STREAM",
        "2",
        "",
        "Receive the events of the account that is logged on.",
    ),
    ("userDataStream.unsubscribe", "NONE", "2", "subscriptionId", "End the event subscription."),
    ("session.subscriptions", "NONE", "2", "", "The event subscriptions of the connection."),
    (
        "userDataStream.subscribe.signature",
        "USER_STREAM",
        "2",
        "",
        "Receive the events of the account whose key signs the request.",
    ),
)

CANCELS = frozenset(("order.cancel", "openOrders.cancelAll", "orderList.cancel"))
_CHANGES = frozenset(("order.amend.keepPriority",))


# The additional parameters of the wrappers that return a Subscription, with their defaults.
SUBSCRIBING = {"on_event": None, "buffer": 65536, "on_overflow": "error"}


@dataclass(frozen=True)
class Method:
    """A method of the API, as Binance documents it."""

    name: str
    security: str
    weight: str
    summary: str
    params: tuple[str, ...]
    required: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    results: dict[str, str]  # the types by their condition; "" if there is one type
    errors: tuple[int, ...]  # documented error codes, without those that every request can have

    @property
    def result(self) -> str:
        """The type of the result, of fastws.types: "Depth", "list[Order]", or several joined by " | "."""
        return " | ".join(self.results.values())

    @property
    def wrapper(self) -> str:
        """The name of the wrapper: "order.cancelReplace" becomes "order_cancel_replace"."""
        text = "".join(f"_{c.lower()}" if c.isupper() else c for c in self.name)
        return text.replace(".", "_")

    @property
    def signed(self) -> bool:
        """Whether the method takes timestamp, recvWindow, and a logon or apiKey and signature."""
        return self.security != "NONE" and self.name != "userDataStream.subscribe"

    @property
    def subscribes(self) -> bool:
        """Whether the wrapper's result is a Subscription."""
        return self.name in ("userDataStream.subscribe", "userDataStream.subscribe.signature")

    @property
    def role(self) -> str:
        """What it is to the limiter: READ, CREATE (orders), CANCEL, CHANGE (an order), or SESSION."""
        if self.name in CANCELS:
            return "CANCEL"
        if self.name in _CHANGES:
            return "CHANGE"
        if self.trading:
            return "CREATE"
        return "SESSION" if self.name.startswith(("session.", "userDataStream.")) else "READ"

    @property
    def trading(self) -> bool:
        """Whether the method can change orders, so that its outcome can be unknown."""
        return self.security == "TRADE" and not self.name.endswith(".test")


def _read(name: str, security: str, weight: str, text: str, summary: str) -> Method:
    params: list[str] = []
    required: list[str] = []
    groups: list[tuple[str, ...]] = []
    for word in text.split():
        names = word.rstrip("!").split("|")
        params += [name for name in names if name not in params]
        if word.endswith("!"):
            required += names
        elif len(names) > 1:
            groups.append(tuple(names))
    signed = security != "NONE" and name != "userDataStream.subscribe"
    return Method(
        name,
        security,
        weight,
        summary,
        tuple(params),
        tuple(required),
        tuple(groups),
        results_of(name),
        errors_of(name, params, signed),
    )


METHODS: dict[str, Method] = {row[0]: _read(*row) for row in _TABLE}
