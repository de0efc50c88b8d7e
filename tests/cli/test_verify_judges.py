"""What facts say about a reading."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fastws.cli import verify_judges as judges
from fastws.cli.verify_judges import Round
from fastws.cli.verify_orders import Orders, sizes
from fastws.cli.verify_wire import Event, Reply

OK = Reply(0.0, 200, {}, 0, "")
ENDED = "eventStreamTerminated"


def refused(code):
    return Reply(0.0, 400, None, code, "no")


def report(execution, order=1, kind="NEW", **more):
    return {"e": "executionReport", "E": 5, "s": "BTCUSDT", "i": order, "I": execution, "x": kind, **more}


def events(*rows, at=0.0):
    return [Event(at, 0, row if isinstance(row, dict) else {"e": row, "E": 5}) for row in rows]


def keys(*rows):
    return [judges.key(row) for row in rows]


def test_two_subscriptions():
    assert judges.both_subscribed(OK, OK).verdict == "observed"
    finding = judges.both_subscribed(OK, refused(-2035))
    assert (finding.verdict, finding.text) == ("refuted", "the second one got -2035 (no)")


def position(**more):
    return {"e": "outboundAccountPosition", "E": 5, "u": 4, "B": [{"a": "BTC", "f": "1"}], **more}


@pytest.mark.parametrize(
    ("first", "second", "verdict", "text"),
    [
        ([report(1), position()], [report(1), position()], "observed", "2 events agreed; E agreed as well"),
        (
            [report(1), position()],
            [report(1, E=6), position()],
            "observed",
            "2 events agreed; E differed in 1",
        ),
        ([report(1, W=1)], [report(1, W=2)], "refuted", "W differ; 1 events were compared"),
        ([report(1, W=1)], [report(1, W="1")], "refuted", "W differ; 1 events were compared"),
        ([report(1, W=1)], [report(1, W=True)], "refuted", "W differ; 1 events were compared"),
        ([report(1, W=1)], [report(1)], "refuted", "W differ; 1 events were compared"),
        ([position()], [position(B=[])], "refuted", "B differ; 1 events were compared"),
        ([report(1), report(2)], [report(2), report(1)], "observed", "2 events agreed; E agreed as well"),
        ([report(1), report(2)], [report(1)], "refuted", "1 events came on one connection only"),
        ([report(1)], [report(1), report(1)], "refuted", "1 events came on one connection only"),
        ([], [], "unclear", "there were no events to compare"),
    ],
)
def test_fields(first, second, verdict, text):
    finding = judges.same_fields(events(*first), events(*second), 0)
    assert finding[:2] == (verdict, text)


def test_balances_are_not_among_the_facts():
    finding = judges.same_fields(events(position()), events(position(B=[])), 0)
    assert finding.facts["differences"] == {"B": 1}
    assert finding.facts["examples"] == {}


def test_with_events_of_others_only_reports_of_our_orders_count():
    first, second = events(report(1), position()), events(report(1))
    assert judges.same_fields(first, second, 0).verdict == "refuted"
    assert judges.same_fields(first, second, 1).verdict == "observed"
    assert judges.same_order(first, second, 0).verdict == "unclear"
    assert judges.same_order(first, second, 1).verdict == "observed"


@pytest.mark.parametrize(
    ("second", "verdict", "text"),
    [
        ([report(1), position(), report(2)], "observed", "3 events had the same order"),
        ([report(1), report(2), position()], "refuted", "they differ from event 2 on"),
        ([report(1), position()], "unclear", "the two connections had different events"),
    ],
)
def test_order(second, verdict, text):
    first = events(report(1), position(), report(2))
    assert judges.same_order(first, events(*second), 0)[:2] == (verdict, text)


def test_no_events_have_no_order():
    assert judges.same_order([], [], 0).verdict == "unclear"


def unsubscribed(*rows, sent=1.0, replied=2.0, at=3.0, notice_at=4.0):
    """A round whose events came ``at``, and the notice ``notice_at``."""
    got = [
        Event(notice_at if row == ENDED else at, 0, report(1) if row != ENDED else {"e": row}) for row in rows
    ]
    return Round(keys(report(1)), got, sent, replied)


@pytest.mark.parametrize(
    ("rounds", "verdict", "text"),
    [
        ([unsubscribed("x", ENDED)], "observed", "it came last, behind 1 events in flight, in 1 rounds"),
        ([unsubscribed("x", ENDED), unsubscribed(ENDED, "x")], "refuted", "1 events came behind it"),
        ([unsubscribed("x", ENDED), unsubscribed("x")], "refuted", "none came in 1 of 2 rounds"),
        ([unsubscribed("x", ENDED, notice_at=1.5)], "refuted", "it came before the reply in 1 of 1 rounds"),
        ([unsubscribed("x", ENDED, at=0.5)], "unclear", "no event was in flight at any unsubscription"),
        ([unsubscribed(ENDED)], "unclear", "no event was in flight at any unsubscription"),
    ],
)
def test_the_notice(rounds, verdict, text):
    assert judges.terminated(rounds)[:2] == (verdict, text)


ALL = (report(1), report(2), report(3))


@pytest.mark.parametrize(
    ("begin", "end", "verdict"),
    [
        (ALL[1:], ALL[:1], "observed"),
        (ALL, ALL[:2], "observed"),
        (ALL[2:], (), "observed"),
        (ALL, ALL, "unclear"),
        ((), (), "unclear"),
        ((ALL[0],), ALL[:1], "refuted"),
        ((ALL[0], ALL[2]), ALL[:1], "refuted"),
        (ALL[1:], (ALL[1],), "refuted"),
        (ALL[1:], (ALL[0], ALL[2]), "refuted"),
        ((report(0), *ALL), ALL[:1], "refuted"),
        (ALL[1:], (ALL[1], ALL[0]), "refuted"),
    ],
)
def test_what_a_subscription_carries(begin, end, verdict):
    whole = keys(*ALL)
    begins = [Round(whole, events(position(), *begin), 0.0, 0.0)]
    ends = [Round(whole, events(*end, ENDED), 0.0, 0.0)]
    assert judges.carried(begins, ends).verdict == verdict


def cancel(before="a", reply="b", later="b", by_old="-2013 (Order does not exist.)", method="order.cancel"):
    return {"method": method, "before": before, "reply": reply, "later": later, "by_old": by_old}


@pytest.mark.parametrize(
    ("cancels", "verdict", "text"),
    [
        (
            [cancel(), cancel(method="order.cancelReplace")],
            "observed",
            "order.cancel and order.cancelReplace gave",
        ),
        ([cancel(reply="a")], "refuted", "order.cancel left it as it was"),
        ([cancel(later="a")], "refuted", "order.cancel left it as it was"),
        ([cancel(by_old="accepted")], "refuted", "the old one still names the order after order.cancel"),
        ([], "unclear", "no order was canceled"),
    ],
)
def test_canceled_orders(cancels, verdict, text):
    finding = judges.canceled(cancels)
    assert finding.verdict == verdict
    assert finding.text.startswith(text)


@pytest.mark.parametrize(
    ("reply", "later", "verdict"), [("b", "b", "observed"), ("a", "a", "refuted"), ("b", "a", "refuted")]
)
def test_amended_orders(reply, later, verdict):
    assert judges.amended("a", reply, later).verdict == verdict


@pytest.mark.parametrize(
    ("seconds", "verdict", "text"),
    [
        ([0.0, 1.5], "observed", "the longest of 2 lags was 1.500 s"),
        ([0.0, 4.5], "refuted", "the longest of 2 lags was 4.500 s"),
        ([0.0, None], "refuted", "a change was not shown after 10 s"),
        ([], "unclear", "nothing was asked"),
    ],
)
def test_lags(seconds, verdict, text):
    assert judges.lagged(seconds, 10.0)[:2] == (verdict, text)


@pytest.mark.parametrize(
    ("without", "elsewhere", "verdict"),
    [
        (refused(-1101), refused(-1104), "observed"),
        (OK, refused(-1104), "refuted"),
        (refused(-1101), OK, "refuted"),
        (refused(-1104), refused(-1101), "refuted"),
    ],
)
def test_parameters(without, elsewhere, verdict):
    assert judges.unknown_parameters(without, elsewhere).verdict == verdict


@pytest.mark.parametrize(
    ("payloads", "verdict"),
    [
        ([b"1700000000000"], "observed"),
        ([b"1700000000000", b"1700000000000000"], "refuted"),
        ([b""], "refuted"),
        ([b"\xff\xfe"], "refuted"),
        ([b"1600000000000"], "refuted"),
        ([], "unclear"),
    ],
)
def test_pings(payloads, verdict):
    """The machine's clock is a minute behind the exchange's."""
    finding = judges.pinged([(payload, 1_699_999_940_000) for payload in payloads], 60_000)
    assert finding.verdict == verdict


@pytest.mark.parametrize(
    ("lead", "code", "verdict", "text"),
    [
        (600.0, 1001, "observed", "it ended 600.0 s after serverShutdown, with 1001"),
        (0.0, 1012, "refuted", "it ended 0.0 s after serverShutdown, with 1012"),
        (1.0, None, "refuted", "it ended 1.0 s after serverShutdown, with no close frame"),
        (None, None, "unclear", "serverShutdown came; the connection was still open after 9.0 s"),
    ],
)
def test_the_end_after_the_notice(lead, code, verdict, text):
    assert judges.closed_after_notice(lead, code, 9.0)[:2] == (verdict, text)


FILTERS = {
    "PRICE_FILTER": {"tickSize": "0.01000000"},
    "LOT_SIZE": {"stepSize": "0.00001000", "minQty": "0.00001000"},
    "NOTIONAL": {"minNotional": "5.00000000"},
    "PERCENT_PRICE_BY_SIDE": {"bidMultiplierDown": "0.2"},
}


@pytest.mark.parametrize(
    ("last", "change", "price"),
    [
        ("60000", {}, "30000"),
        ("60000", {"PERCENT_PRICE_BY_SIDE": {"bidMultiplierDown": "0.9"}}, "55080"),
        ("60000", {"PERCENT_PRICE_BY_SIDE": {}, "PERCENT_PRICE": {"multiplierDown": "0.9"}}, "55080"),
        (
            "0.00001234",
            {"PRICE_FILTER": {"tickSize": "0.00000001"}, "LOT_SIZE": {"stepSize": "1", "minQty": "1"}},
            "0.00000617",
        ),
        ("60000.01", {"PRICE_FILTER": {"tickSize": "0"}, "NOTIONAL": {}}, "30000.005"),
    ],
)
def test_sizes(last, change, price):
    filters = {**FILTERS, **change}
    shown, quantity, reduced = sizes(Decimal(last), filters)
    assert Decimal(shown) == Decimal(price)
    step = Decimal(filters["LOT_SIZE"]["stepSize"])
    least = Decimal(filters["NOTIONAL"].get("minNotional", "0"))
    for each in (quantity, reduced):
        assert Decimal(each) % step == 0
        assert Decimal(each) * Decimal(shown) >= least
    assert Decimal(reduced) < Decimal(quantity)
    assert Decimal(quantity) * Decimal(shown) < max(4 * least, 2 * step * Decimal(shown) + 1), "a small order"
    assert "E" not in shown + quantity + reduced


def test_what_to_do_about_orders_that_are_left():
    orders = Orders("BTCUSDT")
    orders.open = {"verify-1": None, "verify-2": 17}
    assert orders.left() == (
        "these orders may be open; cancel them:\n"
        "  python -m fastws call order.cancel symbol=BTCUSDT origClientOrderId=verify-1\n"
        "  python -m fastws call order.cancel symbol=BTCUSDT orderId=17"
    )
