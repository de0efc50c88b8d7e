"""Rules 1 to 7: how requests end, and what became of them at the exchange."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from .history import Arrival, ClientHistory, End, ExchangeHistory, Request, Said, Step
from .rules_life import OPEN

NOT_SENT = "NotSent"
CREATES = ("order.place", "sor.order.place", "order.cancelReplace", "orderList.place")
CANCEL_ALL = "openOrders.cancelAll"
# The codes of answers that leave open whether a request was executed.
OPEN_CODES = frozenset((-1000, -1001, -1006, -1007, -1008, -1161))
OPEN_CAUSES = ("ConnectionLost", "RequestTimeout", "DecodeError", "ServerError", "SessionRevoked")


class Index:
    """The exchange's records of the client's requests."""

    def __init__(self, client: ClientHistory, exchange: ExchangeHistory) -> None:
        self.by_id: dict[str, list[Arrival]] = defaultdict(list)
        self.by_name: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in exchange.arrivals:
            if arrival.id is not None:
                self.by_id[arrival.id].append(arrival)
            name = name_given(arrival.method, arrival.params)
            if name is not None:
                self.by_name[name].append(arrival)

    def all_of(self, request: Request) -> list[Arrival]:
        if request.id is not None:
            return [each for each in self.by_id[request.id] if each.method == request.method]
        return [] if request.client_order_id is None else self.by_name[request.client_order_id]

    def of(self, request: Request) -> Arrival | None:
        found = self.all_of(request)
        return found[0] if found else None


def name_given(method: str, params: dict[str, Any]) -> str | None:
    """The client order id that a trading request gives to an order or a list."""
    if method.endswith("status") or method.startswith("userData"):
        return None
    return params.get("listClientOrderId" if "List.place" in method else "newClientOrderId")


# ------------------------------------------------------------------------------------------------------------- rule 1


def ends_once(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    index = Index(client, exchange)
    for request in client.requests:
        own = [end for end in request.ends if end.kind != "orphan"]
        late = [end for end in request.ends if end.kind == "orphan"]
        if len(own) != 1:
            yield f"it ended {len(own)} times: {request}"
            continue
        given_up = own[0].kind == "cancelled"
        timed_out = sum(map(is_timeout, request.ends))
        if len(late) > given_up + timed_out:
            yield f"on_orphan was told {len(late)} times: {request}"
        if given_up and not late and index.of(request) is not None:
            yield f"its caller gave it up after it was sent, and on_orphan was told nothing: {request}"


def is_timeout(end: End) -> bool:
    return "RequestTimeout" in end.kinds or "RequestTimeout" in end.cause


# ------------------------------------------------------------------------------------------------------------- rule 2


def answers_are_true(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    index = Index(client, exchange)
    for request in client.requests:
        arrival = index.of(request)
        for end in request.ends:
            if end.kind == "cancelled":
                continue
            wrong = _wrong_answer(request, end, arrival, exchange)
            if wrong:
                yield f"{wrong}: {request}; and truly: {arrival}"


def _wrong_answer(
    request: Request, end: End, arrival: Arrival | None, exchange: ExchangeHistory
) -> str | None:
    if not end.error:
        if arrival is None:
            return "it has a result, and never arrived"
        return _wrong_result(request, end.result, arrival, exchange)
    if "ApiError" in end.kinds and request.trading:
        if arrival is None:
            return "it was refused, and never arrived"
        if arrival.status and end.code and arrival.code and end.code != arrival.code:
            return f"its error is {end.code}, and the exchange's was {arrival.code}"
        if "PartialFailure" in end.kinds:
            if not arrival.executed:
                return "one half is said to be executed, and nothing was"
            placed = arrival.client_order_id == request.client_order_id
            return None if (end.new_order == "SUCCESS") == placed else "the wrong half is said to be executed"
        if arrival.executed:
            return "it was refused, and was executed"
    return None


def _wrong_result(request: Request, result: Any, arrival: Arrival, exchange: ExchangeHistory) -> str | None:
    if request.trading:
        if not arrival.executed:
            return "it has a result, and was not executed"
        order = result.get("newOrderResponse", result) if isinstance(result, dict) else {}
        order = order.get("amendedOrder", order)
        if isinstance(order, dict) and order.get("orderId", arrival.order_id) != arrival.order_id:
            return f"its result is of order {order['orderId']}, and it was of order {arrival.order_id}"
        return None
    if request.method == "depth" and len(result["bids"]) != request.params["limit"]:
        return "its result is another request's"
    if request.method == "order.status":
        return _wrong_order(request.params, result, exchange)
    if request.method == "openOrders.status":
        for order in result:
            wrong = _wrong_order({}, order, exchange)
            if wrong:
                return wrong
    return None


def _wrong_order(params: dict[str, Any], shown: dict[str, Any], exchange: ExchangeHistory) -> str | None:
    truth = exchange.orders.get((shown["symbol"], shown["orderId"]))
    if truth is None:
        return f"there is no order {shown['orderId']} of {shown['symbol']}"
    if params.get("orderId", truth.id) != truth.id:
        return f"order {truth.id} is another one"
    return None


# ------------------------------------------------------------------------------------------------------------- rule 3


def not_sent_never_arrived(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    index = Index(client, exchange)
    for request in client.requests:
        arrival = index.of(request)
        if arrival is not None and any(NOT_SENT in end.kinds for end in request.ends):
            yield f"it was said to be not sent: {request}; and truly: {arrival}"


# ------------------------------------------------------------------------------------------------------------- rule 4


def errors_are_allowed(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    losses = [step.at for step in client.steps if may_lose(step)]
    for request in client.requests:
        for end in request.ends:
            wrong = _wrong_error(request, end) if end.error else None
            if wrong is None and "ConnectionLost" in end.kinds + end.cause:
                lost = any(request.at < at <= end.at for at in losses)
                wrong = None if lost else "its connection is said to be lost, and no loss was told"
            if wrong is None and "GapOpen" in end.kinds and not _in_a_gap(client, end.at):
                wrong = "it was refused because of a gap, and none was open"
            if wrong:
                yield f"{wrong}: {request}"
        if request.id is not None and request.state not in (*OPEN, ""):
            yield f"the client took it while it was {request.state}: {request}"


def may_lose(step: Step) -> bool:
    """Whether requests may end as lost from this step on: a connection has ended."""
    return step.old in OPEN and (step.new not in OPEN or (step.old == "draining" and step.new == "open"))


def _wrong_error(request: Request, end: End) -> str | None:
    kinds = set(end.kinds)
    if NOT_SENT in kinds:
        if "NotConnected" in kinds and request.id is None and request.state in OPEN:
            return "the client was open, and said that it was not connected"
        return None
    if "ExecutionUnknown" in kinds:
        if not request.trading:
            return "a request that does not trade ended in ExecutionUnknown"
        if not set(OPEN_CAUSES).isdisjoint(end.cause) or end.code in OPEN_CODES:
            return None
        return "its cause does not leave open whether it was executed"
    if "ApiError" in kinds:
        # the code of a refusal that leaves it open belongs into an ExecutionUnknown
        if request.trading and ("ServerError" in kinds or end.code in OPEN_CODES):
            return "a trading request ended in an error that leaves open whether it was executed"
        return None
    if kinds & {"ConnectionLost", "RequestTimeout"} and not request.trading:
        return None
    return f"it may not end in {end.error}"


def _in_a_gap(client: ClientHistory, at: int) -> bool:
    return any(gap.lost_at <= at and (gap.ended_at is None or at < gap.ended_at) for gap in client.gaps)


# ------------------------------------------------------------------------------------------------------------- rule 5


def verdicts_are_true(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    index = Index(client, exchange)
    for request in client.requests:
        if not request.resolved:
            continue
        arrival = index.of(request)
        finals = [said for said in request.resolved if said.final]
        if not may_stay_open(request, arrival):
            candidates = request.resolved[-1].candidates
            yield f"nothing was found out (candidates {candidates}): {request}; and truly: {arrival}"
        for said in finals:
            wrong = _wrong_verdict(request, said, arrival, exchange)
            if wrong:
                yield f"{wrong}: {request}; and truly: {arrival}"
        if len({said.kind == "Executed" for said in finals}) > 1:
            yield f"its verdicts contradict each other: {request}"


def may_stay_open(request: Request, arrival: Arrival | None) -> bool:
    """Whether the latest verdict is final, or nothing can be proven.

    A later cancel may have given the order another name; then it is among the candidates.
    """
    said = request.resolved[-1]
    if said.final or request.method == CANCEL_ALL or request.method.startswith("order.amend"):
        return True
    if arrival is None or not arrival.executed or request.method.startswith("orderList"):
        return bool(said.candidates)
    return arrival.order_id is None or arrival.order_id in said.candidates


def _wrong_verdict(
    request: Request, said: Said, arrival: Arrival | None, exchange: ExchangeHistory
) -> str | None:
    executed = arrival is not None and arrival.executed
    if request.method == CANCEL_ALL:  # "executed" means that nothing is open that is older
        return "it was executed" if said.kind != "Executed" and executed else None
    if request.method == "order.cancelReplace" and executed:
        assert arrival is not None
        executed = arrival.client_order_id == request.client_order_id
        name = arrival.params.get("cancelNewClientOrderId")
        canceled = any(name in order.names for order in exchange.orders.values())
        if said.kind != "NeverExecuted" and canceled != (said.canceled is not None):
            return "it says the wrong thing of the old order"
    if said.kind != "Executed":
        return f"it is said to be {said.kind}, and was executed" if executed else None
    if not executed:
        return "it is said to be executed, and was not"
    assert arrival is not None
    if request.method.startswith("orderList"):  # the list, or one of its orders, proves it
        return None
    order = said.order or {}
    if order.get("orderId", arrival.order_id) != arrival.order_id:
        return f"it is said to be of order {order['orderId']}, and was of order {arrival.order_id}"
    return None


# ------------------------------------------------------------------------------------------------------------- rule 6


def nothing_arrived_twice(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    index = Index(client, exchange)
    trading = [request for request in client.requests if request.trading]
    for request in trading:
        found = index.all_of(request)
        if len(found) > 1:
            yield f"it arrived {len(found)} times: {request}"
    names = Counter(
        name_given(arrival.method, arrival.params)
        for arrival in exchange.arrivals
        if arrival.method.startswith(CREATES)
    )
    for name, count in names.items():
        if name is not None and count > 1:
            yield f"{count} requests arrived that place orders as {name!r}"
    known = {id(arrival) for request in trading for arrival in index.all_of(request)}
    for arrival in exchange.arrivals:
        if arrival.method.startswith(CREATES) and id(arrival) not in known:
            yield f"nobody made the request of {arrival}: {arrival.method} {arrival.params}"
        if id(arrival) in known and arrival.account not in ("", client.account):
            yield f"it reached the account {arrival.account!r}: {arrival.method} {arrival.params}"


# ------------------------------------------------------------------------------------------------------------- rule 7


def order_is_kept(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    made = {request.id: request for request in client.requests if request.id is not None}
    latest: dict[tuple[int, Any], Request] = {}
    others: dict[int, Request] = {}  # the first one of each connection that was not made in on_state
    for arrival in sorted(exchange.arrivals, key=lambda each: each.seq):
        request = made.pop(arrival.id or "", None)  # what arrives again is rule 6's
        if request is None or request.method != arrival.method:
            continue
        if not request.first:
            others.setdefault(arrival.connection, request)
        elif arrival.connection in others:
            yield f"it was made in on_state, and {others[arrival.connection]} arrived before it: {request}"
        place = (arrival.connection, request.params.get("symbol"))
        before = latest.get(place)
        if before is not None and before.number > request.number:
            yield f"it arrived behind {before.method} #{before.number}, a later request of {place[1]}: {request}"
        latest[place] = request
