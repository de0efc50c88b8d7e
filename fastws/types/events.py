"""Events of the user data stream (user-data-stream.md): a UserDataEvent is one of them, and its ``e`` says which.

    if event["e"] == "executionReport":
        print(event["c"], event["X"])       # an ExecutionReport

``allocationReport``, which the SBE schema has and the documentation has not, has no type here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypedDict

from .common import Number, Timestamp
from .enums import (
    ContingencyType,
    ExecutionType,
    ExpiryReason,
    ListOrderStatus,
    ListStatusType,
    OrderStatus,
    OrderType,
    PegOffsetType,
    PegPriceType,
    SelfTradePreventionMode,
    Side,
    TimeInForce,
    WorkingFloor,
)


class PositionBalance(TypedDict):
    """a: asset · f: free · l: locked."""

    a: str
    f: Number
    l: Number  # noqa: E741  # Binance's name


class AccountPosition(TypedDict):
    """Balances that may have changed. E: time of the event · u: of the account's last update · B: balances."""

    e: Literal["outboundAccountPosition"]
    E: Timestamp
    u: Timestamp
    B: list[PositionBalance]


class BalanceUpdate(TypedDict):
    """A deposit, withdrawal or transfer. a: asset · d: by how much · T: when it cleared."""

    e: Literal["balanceUpdate"]
    E: Timestamp
    a: str
    d: Number
    T: Timestamp


class _ExecutionConditional(TypedDict, total=False):
    """Keys that appear when their condition holds.

    d, D: delta and time of a trailing stop · j, J: strategy id and type, where given · v A B u U Cs pl pL pY: of an
    order that expired by self-trade prevention: match id, prevented quantity, the last one, trade group, order id and
    symbol on the other side, prevented execution's quantity, price and quote quantity · W: since when it works on the
    book · b, a: match type and id of an allocation · k: working floor · uS: smart order routing was used · gP gOT gOV
    gp: of a pegged order: price type, offset type, offset, price · eR: why it expired.
    """

    d: int
    D: Timestamp
    j: int
    J: int
    v: int
    A: Number
    B: Number
    u: int
    U: int
    Cs: str
    pl: Number
    pL: Number
    pY: Number
    W: Timestamp
    b: str
    a: int
    k: WorkingFloor
    uS: bool
    gP: PegPriceType
    gOT: PegOffsetType
    gOV: int
    gp: Number
    eR: ExpiryReason


class ExecutionReport(_ExecutionConditional):
    """Something happened to an order.

    E: time of the event · s: symbol · c: client order id · S: side · o: type · f: time in force · q: quantity ·
    p: price · P: stop price · F: iceberg quantity · g: order list id, or -1 · C: the client order id that a cancelled
    order had, else "" · x: what happened · X: the order's status · r: why it was rejected, or "NONE" · i: order id ·
    l, L: quantity and price of this execution · z: filled quantity · n, N: commission and its asset (None without
    one) · T: time of the transaction · t: trade id, or -1 · I: execution id · w: on the book · m: maker · M: to be
    ignored · O: when the order was made · Z, Y: filled quote quantity, and that of this execution · Q: quote quantity
    ordered · V: self-trade prevention mode. The average price is Z / z.
    """

    e: Literal["executionReport"]
    E: Timestamp
    s: str
    c: str
    S: Side
    o: OrderType
    f: TimeInForce
    q: Number
    p: Number
    P: Number
    F: Number
    g: int
    C: str
    x: ExecutionType
    X: OrderStatus
    r: str  # a RejectReason; it may be one of the matching engine's that is not documented
    i: int
    l: Number  # noqa: E741  # Binance's name
    z: Number
    L: Number
    n: Number
    N: str | None
    T: Timestamp
    t: int
    I: int  # noqa: E741  # Binance's name
    w: bool
    m: bool
    M: bool
    O: Timestamp  # noqa: E741  # Binance's name
    Z: Number
    Y: Number
    Q: Number
    V: SelfTradePreventionMode


class ListStatusOrder(TypedDict):
    """s: symbol · i: order id · c: client order id."""

    s: str
    i: int
    c: str


class ListStatus(TypedDict):
    """Something happened to an order list; its orders have an executionReport each.

    g: order list id · c: contingency type · l: status type · L: status · r: why it was rejected, or "NONE" · C: the
    list's client order id · T: time of the transaction · O: orders.
    """

    e: Literal["listStatus"]
    E: Timestamp
    s: str
    g: int
    c: ContingencyType
    l: ListStatusType  # noqa: E741  # Binance's name
    L: ListOrderStatus
    r: str
    C: str
    T: Timestamp
    O: list[ListStatusOrder]  # noqa: E741  # Binance's name


class ExternalLockUpdate(TypedDict):
    """Another system locked or unlocked a part of the balance. a: asset · d: by how much · T: when it did."""

    e: Literal["externalLockUpdate"]
    E: Timestamp
    a: str
    d: Number
    T: Timestamp


class EventStreamTerminated(TypedDict):
    """The last event of a subscription."""

    e: Literal["eventStreamTerminated"]
    E: Timestamp


class ServerShutdown(TypedDict):
    """The connection will be closed soon; it belongs to no subscription."""

    e: Literal["serverShutdown"]
    E: Timestamp


UserDataEvent = (
    AccountPosition
    | BalanceUpdate
    | ExecutionReport
    | ListStatus
    | ExternalLockUpdate
    | EventStreamTerminated
    | ServerShutdown
)

OnEvent = Callable[[UserDataEvent], object]
