"""Order books: the rules 77 to 91 of the streams' facts by number, states, exponents, and what a trader reads."""

from __future__ import annotations

import gc
from decimal import Decimal
from typing import Any

import pytest

from fastws._native.book import BookReadings
from fastws._native.book_core import BookCore
from fastws._native.clock import Clock
from fastws.book_errors import BookNotLive, BookTooShallow
from fastws.errors import InvalidRequest
from helpers.books import Market, check, live_book, load

MS = 1_000_000  # ns


def waiting() -> tuple[BookCore, BookReadings]:
    core = BookCore("BTCUSDT")
    return core, BookReadings(core)


def ready(bids: Any = None, asks: Any = None, limit: int = 1000, **options: Any) -> BookReadings:
    core = BookCore("BTCUSDT")
    core.begin()
    bids = [["99.50000000", "1.00000000"], ["99.00000000", "3.00000000"]] if bids is None else bids
    asks = [["100.00000000", "2.00000000"], ["101.00000000", "5.00000000"]] if asks is None else asks
    assert core.load(10, bids, asks, limit)
    return BookReadings(core, **options)


def coins(*levels: tuple[str, str]) -> list[tuple[int, int]]:
    return [(int(Decimal(p) * 10**8), int(Decimal(q) * 10**8)) for p, q in levels]


# ---------------------------------------------------------------------------------------------------- statements


def test_77_diffs_wait_for_the_snapshot() -> None:
    market, (core, book) = Market(), waiting()
    core.begin()
    for _ in range(5):
        market.move(2)
        core.give(*market.diffs[-1])
    assert (book.state, book.update_id) == ("syncing", -1)
    assert load(core, market.depth(1000, market.diffs[2][1]), 1000)
    assert (book.state, book.update_id) == ("live", market.update_id)
    check(book, market)


def test_79_a_snapshot_older_than_the_first_diff_is_refused() -> None:
    market, (core, book) = Market(), waiting()
    core.begin()
    market.move(5)  # missed
    market.move(2)
    core.give(*market.diffs[-1])
    assert not load(core, market.depth(1000, market.diffs[-1][0] - 2), 1000)
    assert book.state == "syncing"
    assert load(core, market.depth(1000), 1000)
    check(book, market)


def test_80_older_diffs_are_dropped() -> None:
    market, (core, book) = Market(), waiting()
    core.begin()
    for _ in range(3):
        market.move(2)
        core.give(*market.diffs[-1])
    assert load(core, market.depth(1000), 1000)
    assert (book.update_id, book.stats["events"]) == (market.update_id, 0)


@pytest.mark.parametrize("at", ["first", "inside", "last", "before first"])
def test_81_the_first_diff_spans_the_snapshot_or_follows_it(at: str) -> None:
    market, (core, book) = Market(), waiting()
    core.begin()
    market.move(4)
    core.give(*market.diffs[-1])
    first, last = market.diffs[-1][:2]
    snapshot = {"first": first, "inside": first + 1, "last": last, "before first": first - 1}[at]
    assert load(core, market.depth(1000, snapshot), 1000)
    assert book.state == "live"
    check(book, market)


def test_82_an_old_diff_is_ignored() -> None:
    market = Market()
    book = live_book(market)
    market.move(3)
    old = market.diffs[-1]
    core = book.core
    core.give(*old)
    market.move(3)
    core.give(*market.diffs[-1])
    core.give(*old)
    assert (book.state, book.stats["events"]) == ("live", 2)
    check(book, market)


def test_83_a_missing_diff_makes_the_book_stale_at_once() -> None:
    market = Market()
    seen: list[tuple[str, str, str]] = []
    book = live_book(market, on_state=lambda book, *step: seen.append(step))
    last = market.update_id
    market.move(2)
    market.move(2)
    book.core.give(*market.diffs[-1])
    assert seen == [("live", "stale", f"updates {last + 1} to {last + 2} are missing")]
    assert book.stats["gaps"] == 1
    with pytest.raises(BookNotLive, match="BTCUSDT is stale: updates 101 to 102 are missing") as caught:
        book.bid  # noqa: B018
    assert (caught.value.state, caught.value.symbol) == ("stale", "BTCUSDT")


def test_84_to_86_diffs_replace_remove_and_count() -> None:
    book = ready()
    book.core.give(11, 12, coins(("99.5", "0"), ("98", "7"), ("12", "0")), coins(("100", "4")))
    assert book.bids() == [("99.00000000", "3.00000000"), ("98.00000000", "7.00000000")]
    assert book.asks(1) == [("100.00000000", "4.00000000")]
    assert book.update_id == 12


def test_87_levels_beyond_the_snapshot_are_unknown() -> None:
    book = ready(limit=2)
    assert book.depth_known == ("99.00000000", "101.00000000")
    book.core.give(11, 11, coins(("98", "7")), coins(("102", "7")))
    assert [len(book.bids()), len(book.asks())] == [2, 2]
    with pytest.raises(
        BookTooShallow, match=r"asks of BTCUSDT are known up to 101.00000000 only, which are 2 levels"
    ):
        book.price_for("8")
    with pytest.raises(BookTooShallow, match=r"bids of BTCUSDT are known down to 99.00000000 only"):
        book.price_for("5", "SELL")
    with pytest.raises(BookTooShallow):
        book.volume_to("101.01")
    with pytest.raises(BookTooShallow):
        book.volume_to("98.99")
    assert ready(limit=3).depth_known == (None, None)


def test_87_a_book_whose_known_levels_are_used_up_is_stale() -> None:
    book = ready(limit=2)
    book.core.give(11, 11, [], coins(("100", "0"), ("101", "0")))
    assert (book.state, book.reason) == ("stale", "all known levels of a side are gone")
    whole = ready(limit=3)
    whole.core.give(11, 11, [], coins(("100", "0"), ("101", "0")))
    assert (whole.state, whole.ask, whole.mid, whole.spread, whole.microprice) == (
        "live",
        None,
        None,
        None,
        None,
    )
    with pytest.raises(BookTooShallow, match="asks of BTCUSDT end before that: there are 0 levels in all"):
        whole.price_for("1")


def test_89_a_book_that_is_not_live_is_read_only_if_that_is_wanted() -> None:
    core, book = waiting()
    for read in (lambda: book.bid, lambda: book.bids(), lambda: book.price_for("1"), lambda: book.numpy()):
        with pytest.raises(BookNotLive, match="BTCUSDT is syncing: no snapshot has come yet"):
            read()
    book.stale_ok = True
    with pytest.raises(BookNotLive):
        book.bid  # noqa: B018
    core.begin()
    core.load(1, [["1.0", "1"]], [], 5)
    core.interrupt()
    assert (book.state, book.bid) == ("stale", "1.00000000")
    assert book.top == (None, None, None, None, 1, "stale")


def test_90_exponents_are_one_price() -> None:
    book = ready([["0.10", "1"]], [["0.2", "1.5"]])
    assert book.bid == "0.10000000"
    book.core.give(11, 11, [(1, 2)], [], price_exponent=-1, quantity_exponent=0)
    assert book.bids() == [("0.10000000", "2.00000000")]
    book.core.give(12, 12, [(1_000_000_000, 7)], [], price_exponent=-10, quantity_exponent=-9)
    assert book.bids() == [("0.1000000000", "0.000000007")]
    assert book.asks() == [("0.2000000000", "1.500000000")]
    assert (book.price_exponent, book.quantity_exponent) == (-10, -9)


def test_90_a_number_beyond_64_bits_is_a_fault_that_changes_nothing() -> None:
    for change in (
        {"price_exponent": -8, "quantity_exponent": 11},
        {"price_exponent": -30, "quantity_exponent": -8},
        {"price_exponent": -19, "quantity_exponent": -8},
    ):
        book = ready([["900000000.0", "1"]], [], stale_ok=True)
        book.core.give(11, 11, [(5, 5)], [], **change)
        assert (book.state, book.stats["impossible"]) == ("stale", 1)
        assert book.reason == "update 11: a price or a quantity has more digits than 64 bits hold"
        assert book.bids() == [("900000000.00000000", "1.00000000")]


def test_91_a_crossed_book_is_stale_and_counted() -> None:
    book = ready()
    book.core.give(11, 11, coins(("100", "1")), [])
    assert (book.state, book.stats["crossed"]) == ("stale", 1)
    assert book.reason == "the best bid is not below the best ask after update 11"


@pytest.mark.parametrize("level", [(0, 1), (-5, 1), (5, -1)])
def test_an_impossible_level_makes_the_book_stale(level: tuple[int, int]) -> None:
    book = ready()
    book.core.give(11, 11, [level], [])
    assert (book.state, book.stats["impossible"]) == ("stale", 1)


@pytest.mark.parametrize(
    ("bids", "asks", "said"),
    [
        ([["1", "1"], ["2", "1"]], [], "not in the order"),
        ([["1", "1"], ["1.0", "1"]], [], "not in the order"),
        ([["2", "1"]], [["2", "1"]], "best bid is not below"),
        ([["0", "1"]], [], "not above 0"),
        ([["x", "1"]], [], "no pair of decimals"),
        ([["NaN", "1"]], [], "no pair of decimals"),
    ],
)
def test_an_impossible_snapshot_changes_nothing(bids: Any, asks: Any, said: str) -> None:
    core, book = waiting()
    core.begin()
    with pytest.raises(ValueError, match=said):
        core.load(5, bids, asks, 10)
    assert (book.state, book.update_id) == ("syncing", -1)
    with pytest.raises(OverflowError, match="64 bits"):
        core.load(5, [["123456789012345678901.1", "1"]], [], 10)


def test_large_quantities_take_fewer_decimals() -> None:
    book = ready([["0.00000100", "900000000000.00"]], [["0.00000200", "1000000000000"]])
    assert book.quantity_exponent == 11
    assert book.bids() == [("0.00000100", "900000000000")]


# -------------------------------------------------------------------------------------- gaps that need no snapshot


def test_after_an_interruption_the_next_diff_proves_that_nothing_was_missed() -> None:
    market = Market()
    book = live_book(market)
    book.core.interrupt()
    assert (book.state, book.reason) == ("stale", "the stream was interrupted")
    market.move(3)
    book.core.give(*market.diffs[-1])
    assert (book.state, book.stats["resumed"], book.stats["snapshots"]) == ("live", 1, 1)
    check(book, market)


def test_a_late_diff_fills_the_gap() -> None:
    market = Market()
    book = live_book(market)
    for _ in range(4):
        market.move(3)
    for i in (1, 3, 2):
        book.core.give(*market.diffs[i])
        assert book.state == "stale"
    book.core.give(*market.diffs[0])
    assert (book.state, book.stats["resumed"]) == ("live", 1)
    check(book, market)


def test_a_new_snapshot_of_a_live_book_loses_nothing() -> None:
    market = Market(levels=20)
    book = live_book(market, 5)
    seen: list[str] = []
    book.core.on_state = lambda old, new, reason: seen.append(new)
    book.core.begin()
    snapshot = market.depth(20)
    for _ in range(5):
        market.move(2)
        book.core.give(*market.diffs[-1])
        check(book, market)
    assert not book.core.load(snapshot["lastUpdateId"] - 1, snapshot["bids"], snapshot["asks"], 20)
    assert load(book.core, snapshot, 20)
    assert (book.update_id, seen) == (market.update_id, [])
    check(book, market)
    assert len(book.bids()) > 5


# ------------------------------------------------------------------------------------------------------- staleness


def test_a_book_whose_events_come_late_is_stale_until_they_do_not() -> None:
    book = ready()
    clock = Clock()
    clock.adopt(1_000_000_000, 10)
    book.core.judge(clock, 0.5)
    now = 10**9
    at = now // 1000 + 1_000_000_000
    book.core.give(11, 11, [], [], event_time=at - 400_000, now=now)
    assert (book.state, book.lag) == ("live", 0.4)
    book.core.give(12, 12, coins(("99.6", "1")), [], event_time=at - 600_000, now=now)
    assert book.state == "stale"
    assert book.reason == "its events are 0.600 s behind the exchange's clock: more than max_lag"
    book.core.give(13, 13, [], [], event_time=at - 100, now=now)
    assert (book.state, book.bid) == ("live", "99.60000000")


def test_a_clock_that_was_not_measured_judges_nothing() -> None:
    book = ready()
    book.core.judge(Clock(), 0.5)
    book.core.give(11, 11, [], [], event_time=1, now=1)
    assert (book.state, book.lag) == ("live", None)


def test_a_connection_without_a_sign_of_life() -> None:
    book = ready()
    book.core.doubt("nothing came for 1 s")
    assert (book.state, book.reason) == ("stale", "nothing came for 1 s")
    book.core.give(11, 11, coins(("99.6", "1")), [])
    assert book.state == "stale"
    book.core.doubt(None)
    assert (book.state, book.bid) == ("live", "99.60000000")


def test_disagreement_with_the_best_bid_and_ask_for_100_ms() -> None:
    book = ready()
    right = coins(("99.5", "1"), ("100", "2"))
    wrong = coins(("99.4", "1"), ("100", "2"))
    book.core.give_top(10, *right, now=1 * MS)
    book.core.give_top(10, *wrong, now=2 * MS)
    book.core.check(102 * MS)
    assert book.state == "live"
    book.core.check(103 * MS)
    assert (book.state, book.stats["disagreements"]) == ("stale", 1)
    assert book.reason == "its best levels differ from those of the stream of the best bid and ask"


def test_the_same_best_levels_in_other_exponents_agree() -> None:
    book = ready()
    book.core.give_top(10, (995, 10), (1000, 20), exponent=-1, now=1 * MS)
    book.core.check(500 * MS)
    assert book.state == "live"


def test_a_book_behind_the_best_bid_and_ask_is_stale_until_it_has_caught_up() -> None:
    book = ready()
    book.core.expect(0.1)
    book.core.give_top(12, *coins(("99.6", "1"), ("100", "2")), now=1 * MS)
    book.core.check(200 * MS)
    assert book.state == "live"
    book.core.check(202 * MS)
    assert book.state == "stale"
    assert book.reason == "it is behind the stream of the best bid and ask, which came to update 12"
    book.core.give(11, 13, coins(("99.6", "1")), [], now=203 * MS)
    assert (book.state, book.stats["disagreements"]) == ("live", 0)


# -------------------------------------------------------------------------------------------------------- readings


@pytest.mark.parametrize(("numbers", "make"), [("str", str), ("float", float), ("decimal", Decimal)])
def test_readings(numbers: str, make: Any) -> None:
    book = ready(numbers=numbers)

    def is_number(value: Any, text: str) -> None:
        assert (type(value), value) == (make, make(text))

    is_number(book.bid, "99.50000000")
    is_number(book.ask, "100.00000000")
    is_number(book.bid_quantity, "1.00000000")
    is_number(book.ask_quantity, "2.00000000")
    is_number(book.mid, "99.75000000")
    is_number(book.spread, "0.50000000")
    is_number(book.microprice, "99.66666667")
    is_number(book.volume_to("101"), "7.00000000")
    is_number(book.volume_to(100.5), "2.00000000")
    is_number(book.volume_to(99), "4.00000000")
    is_number(book.volume_to("99.75"), "0.00000000")
    cost = book.price_for("3.5")
    is_number(cost.total, "351.5000000000000000")
    is_number(cost.average, "100.42857143")
    is_number(cost.worst, "101.00000000")
    is_number(book.price_for(Decimal("0.5"), "SELL").average, "99.50000000")
    assert book.imbalance() == pytest.approx(-1 / 3)
    assert book.imbalance(5) == pytest.approx((4 - 7) / 11)
    assert (book.bid_ticks, book.ask_ticks) == (9950000000, 10000000000)
    assert book.bids(1, ticks=True) == [(9950000000, 100000000)]
    assert book.top == (book.bid, book.bid_quantity, book.ask, book.ask_quantity, 10, "live")
    assert repr(book) == "<fastws.Book BTCUSDT live at 10>"


def test_an_odd_mid_has_one_digit_more() -> None:
    assert ready([["1.00000001", "1"]], [["1.00000002", "1"]]).mid == "1.000000015"


def test_a_quantity_finer_than_the_book_is_exact() -> None:
    cost = ready().price_for("0.0000000001")
    assert cost == ("100.00000000", "100.00000000", "0.0000000100000000")


@pytest.mark.parametrize("wrong", [0, -1, "x", None, True, "NaN", float("inf"), "1e9999"])
def test_wrong_arguments_are_named(wrong: Any) -> None:
    book = ready()
    with pytest.raises(InvalidRequest, match="quantity: expected a decimal above 0, got"):
        book.price_for(wrong)
    with pytest.raises(InvalidRequest, match="price: expected a decimal above 0, got"):
        book.volume_to(wrong)
    with pytest.raises(InvalidRequest, match="side: expected 'BUY' or 'SELL', got"):
        book.price_for("1", wrong)
    for read in (book.bids, book.asks, book.imbalance):
        if wrong is not None or read == book.imbalance:
            with pytest.raises(InvalidRequest, match="n: expected a number of levels, from 1 on, got"):
                read(wrong)


def test_a_callback_gets_each_event_once_and_its_exception_harms_nobody() -> None:
    core = ready().core
    told: list[Any] = []
    calls: list[int] = []

    def fail(book: BookReadings) -> None:
        raise RuntimeError("mine")

    BookReadings(core, on_change=fail, report=lambda message, exc: told.append((message, exc)))
    BookReadings(core, on_change=lambda book: calls.append(book.update_id))
    core.give(11, 11, [], [])
    core.give(12, 14, [], [])
    core.give(12, 14, [], [])
    assert calls == [11, 14]
    assert [str(exc) for _, exc in told] == ["mine", "mine"]


def test_a_closed_book_says_so() -> None:
    book = ready()
    book._end("it was closed")
    with pytest.raises(BookNotLive, match="is closed: it was closed"):
        book.bid  # noqa: B018
    assert book.top.state == "closed"
    book.core.give(11, 11, [], [])


# ----------------------------------------------------------------------------------------------------------- numpy


def test_numpy_shows_its_moment_without_a_copy() -> None:
    numpy = pytest.importorskip("numpy")
    book = ready()
    bids, asks = book.numpy()
    assert bids.dtype == numpy.int64
    assert bids.tolist() == [list(level) for level in book.bids(ticks=True)]
    assert asks.tolist() == [list(level) for level in book.asks(ticks=True)]
    assert not bids.flags.owndata
    assert not bids.flags.writeable
    again, _ = book.numpy()
    assert numpy.shares_memory(bids, again)
    shown = bids.tolist()
    for update in range(11, 3000):  # grows many times
        book.core.give(update, update, coins((f"{update / 100:.2f}", "1")), [])
    assert bids.tolist() == shown
    assert len(book.numpy()[0]) == len(book.bids())
    address = book.numpy()[0].__array_interface__["data"][0]
    del bids, asks, again
    gc.collect()
    book.core.give(3000, 3000, coins(("1", "1")), [])
    assert len(book.bids()) == len(book.numpy()[0])
    del address


def test_numpy_of_a_book_that_is_gone() -> None:
    pytest.importorskip("numpy")
    book = ready()
    bids, _ = book.numpy()
    del book
    gc.collect()
    assert bids.tolist() == [[9950000000, 100000000], [9900000000, 300000000]]
