# cython: language_level=3
"""What a trader asks of an order book: a BookCore -> prices, quantities, and what an order would pay.

In: the levels of a BookCore, as integers. Out: numbers as ``numbers`` says; changed() and stepped() call the callbacks
of the user within the read callback.
Memory: readings make new objects; numpy() gives views of the levels (book_levels says when these are copied).
Failure: BookNotLive if the book is not live, BookTooShallow beyond the known levels, InvalidRequest for an argument.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from .ascii cimport fastws_new_ascii, fastws_prepare_ascii
from .book_core cimport BOOK_LIVE, BookCore, BookListener
from .book_levels cimport BookSide
from .clock cimport exchange_us
from .digits cimport LONGEST_DECIMAL, write_decimal
from .envelope cimport NUMBERS_DECIMAL, NUMBERS_FLOAT, NUMBERS_STR

from decimal import Decimal
from typing import NamedTuple

from .._common.shown import shown
from ..book_errors import BookNotLive, BookTooShallow
from ..errors import InvalidRequest

cdef extern from "Python.h":
    void* PyUnicode_DATA(PyObject* text) noexcept

cdef:
    double[23] POWERS = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

_NUMBERS = {"str": NUMBERS_STR, "float": NUMBERS_FLOAT, "decimal": NUMBERS_DECIMAL}

fastws_prepare_ascii()


class BookTop(NamedTuple):
    """The best levels of a book at one moment; None for a side without orders, and where the book is not live.

    Attributes:
        state: "live"; or "syncing", "stale" or "closed", and then there are no prices.
    """

    bid: "str | float | Decimal | None"
    bid_quantity: "str | float | Decimal | None"
    ask: "str | float | Decimal | None"
    ask_quantity: "str | float | Decimal | None"
    update_id: int
    state: str


class MarketCost(NamedTuple):
    """What a market order would pay, or receive.

    Attributes:
        average: the average price, rounded half to even to the decimals of prices.
        worst: the price of the last level that it takes.
        total: in the quote asset, exact.
    """

    average: "str | float | Decimal"
    worst: "str | float | Decimal"
    total: "str | float | Decimal"


include "book_face.pxi"


cdef class BookReadings(BookFace):
    """The readings of a BookCore.

    Args:
        core: keeps the levels.
        numbers: what prices and quantities are: "str", "float" or "decimal".
        stale_ok: whether a book that is not live can be read.
        on_change: called with the book, once for each diff that was applied to a live book.
        on_state: called with (book, old state, new state, reason).
        report: called with (message, exception) when a callback raised.
    """

    # -------------------------------------------------------------------------------------------------- best levels

    cdef object _best(self, BookSide side, bint quantity):
        self.check()
        if side.count == 0:
            return None
        if quantity:
            return self._number(side.levels[side.count - 1].quantity, self.core.quantity_exponent)
        return self._number(side.levels[side.count - 1].price, self.core.price_exponent)

    @property
    def bid(self):
        """The best bid price; None if there are no bids."""
        return self._best(self.core.bids, False)

    @property
    def ask(self):
        """The best ask price; None if there are no asks."""
        return self._best(self.core.asks, False)

    @property
    def bid_quantity(self):
        """The quantity at the best bid; None if there are no bids."""
        return self._best(self.core.bids, True)

    @property
    def ask_quantity(self):
        """The quantity at the best ask; None if there are no asks."""
        return self._best(self.core.asks, True)

    @property
    def bid_ticks(self):
        """The best bid price as an integer, to be multiplied by 10 ** price_exponent; None if there are no bids."""
        self.check()
        cdef BookSide side = self.core.bids
        return side.levels[side.count - 1].price if side.count else None

    @property
    def ask_ticks(self):
        """The best ask price as an integer; see bid_ticks."""
        self.check()
        cdef BookSide side = self.core.asks
        return side.levels[side.count - 1].price if side.count else None

    @property
    def top(self):
        """The best levels as a BookTop; it never raises: a book that is not live has none."""
        cdef BookCore core = self.core
        if self.closed_reason is not None or core.state != BOOK_LIVE:
            return BookTop(None, None, None, None, core.update_id, self.state)
        return BookTop(self.bid, self.bid_quantity, self.ask, self.ask_quantity, core.update_id, "live")

    @property
    def spread(self):
        """The best ask less the best bid; None if a side has no orders."""
        self.check()
        cdef BookSide bids = self.core.bids, asks = self.core.asks
        if not (bids.count and asks.count):
            return None
        return self._number(
            asks.levels[asks.count - 1].price - bids.levels[bids.count - 1].price, self.core.price_exponent
        )

    @property
    def mid(self):
        """The price in the middle of the best bid and ask, exact; None if a side has no orders."""
        self.check()
        bid, ask = self.bid_ticks, self.ask_ticks
        if bid is None or ask is None:
            return None
        if (bid + ask) % 2 == 0:
            return self._shown((bid + ask) // 2, self.core.price_exponent)
        return self._shown((bid + ask) * 5, self.core.price_exponent - 1)

    @property
    def microprice(self):
        """The best prices, weighted by the quantities on the other side; None if a side has no orders.

        It is rounded half to even to the decimals of prices.
        """
        self.check()
        cdef BookSide bids = self.core.bids, asks = self.core.asks
        if not (bids.count and asks.count):
            return None
        bid_quantity, ask_quantity = bids.levels[bids.count - 1].quantity, asks.levels[asks.count - 1].quantity
        weighted = self.bid_ticks * ask_quantity + self.ask_ticks * bid_quantity
        return self._shown(_divided(weighted, bid_quantity + ask_quantity), self.core.price_exponent)

    def imbalance(self, n=1):
        """(bids - asks) / (bids + asks) of the quantities of the best ``n`` levels, from -1.0 to 1.0.

        It is 0.0 if there are no orders.

        Raises InvalidRequest: ``n`` is no int above 0.
        """
        self.check()
        cdef Py_ssize_t wanted = _checked_count(n), i
        cdef BookSide bids = self.core.bids, asks = self.core.asks
        cdef double bought = 0, sold = 0
        for i in range(min(wanted, bids.count)):
            bought += <double>bids.levels[bids.count - 1 - i].quantity
        for i in range(min(wanted, asks.count)):
            sold += <double>asks.levels[asks.count - 1 - i].quantity
        return (bought - sold) / (bought + sold) if bought + sold else 0.0

    # ------------------------------------------------------------------------------------------------- more levels

    def bids(self, n=None, *, bint ticks=False):
        """The best ``n`` bids that are known, best first; all of them without ``n``.

        Args:
            n: how many levels; fewer come where fewer are known.
            ticks: integers, instead of numbers as ``numbers`` says.

        Returns a list of (price, quantity). Raises InvalidRequest: ``n`` is no int above 0.
        """
        return self._levels(self.core.bids, n, ticks)

    def asks(self, n=None, *, bint ticks=False):
        """The best ``n`` asks that are known, best first; see bids()."""
        return self._levels(self.core.asks, n, ticks)

    cdef object _levels(self, BookSide side, object n, bint ticks):
        self.check()
        cdef Py_ssize_t count = side.count, i
        cdef int price_exponent = self.core.price_exponent, quantity_exponent = self.core.quantity_exponent
        if n is not None:
            count = min(count, _checked_count(n))
        if ticks:
            return [
                (side.levels[i].price, side.levels[i].quantity)
                for i in range(side.count - 1, side.count - 1 - count, -1)
            ]
        return [
            (
                self._number(side.levels[i].price, price_exponent),
                self._number(side.levels[i].quantity, quantity_exponent),
            )
            for i in range(side.count - 1, side.count - 1 - count, -1)
        ]

    @property
    def depth_known(self):
        """(lowest bid, highest ask): the prices within which all levels are known; None for a side known as a whole.

        They are those of the last level of the snapshot, if it had as many levels as were asked for.
        """
        self.check()
        cdef BookSide bids = self.core.bids, asks = self.core.asks
        return (
            None if bids.whole else self._number(bids.known, self.core.price_exponent),
            None if asks.whole else self._number(asks.known, self.core.price_exponent),
        )

    def volume_to(self, price):
        """The sum of the quantities up to ``price``, this included: of asks at or below it, or of bids at or above it.

        A price between the best bid and the best ask gives 0.

        Args:
            price: str, int, float or Decimal, above 0.

        Raises:
            BookTooShallow: the price is beyond ``depth_known``.
            InvalidRequest: it is no decimal above 0.
        """
        self.check()
        wanted, exponent = _exact("price", price)
        cdef BookSide bids = self.core.bids, asks = self.core.asks
        cdef Py_ssize_t i
        # the same unit for both
        shift = self.core.price_exponent - exponent
        unit = 10 ** max(shift, 0)
        wanted *= 10 ** max(-shift, 0)
        total = 0
        if bids.count and wanted <= bids.levels[bids.count - 1].price * unit:
            if not bids.whole and wanted < bids.known * unit:
                self._refuse(bids)
            for i in range(bids.count - 1, -1, -1):
                if bids.levels[i].price * unit < wanted:
                    break
                total += bids.levels[i].quantity
        else:
            if not asks.whole and wanted > asks.known * unit:
                self._refuse(asks)
            for i in range(asks.count - 1, -1, -1):
                if asks.levels[i].price * unit > wanted:
                    break
                total += asks.levels[i].quantity
        return self._shown(total, self.core.quantity_exponent)

    def price_for(self, quantity, side="BUY"):
        """What a market order of this size would pay now, or receive: a MarketCost, without commissions.

        Args:
            quantity: in the base asset: str, int, float or Decimal, above 0.
            side: of the order: "BUY" takes asks, "SELL" takes bids.

        Raises:
            BookTooShallow: the known levels hold less.
            InvalidRequest: an argument is wrong.
        """
        self.check()
        if side != "BUY" and side != "SELL":
            raise InvalidRequest(f"side: expected 'BUY' or 'SELL', got {shown(side)}")
        wanted, exponent = _exact("quantity", quantity)
        cdef BookSide taken = self.core.asks if side == "BUY" else self.core.bids
        cdef Py_ssize_t i = taken.count
        shift = self.core.quantity_exponent - exponent
        unit = 10 ** max(shift, 0)
        wanted *= 10 ** max(-shift, 0)
        left, total, worst = wanted, 0, 0
        while left:
            i -= 1
            if i < 0:
                self._refuse(taken)
            worst = taken.levels[i].price
            part = min(left, taken.levels[i].quantity * unit)
            total += part * worst
            left -= part
        average = self._shown(_divided(total, wanted), self.core.price_exponent)
        while unit > 1 and total % 10 == 0:
            total //= 10
            unit //= 10
            exponent += 1
        total_exponent = self.core.price_exponent + (exponent if shift > 0 else self.core.quantity_exponent)
        return MarketCost(average, self._shown(worst, self.core.price_exponent), self._shown(total, total_exponent))

    def _refuse(self, BookSide side not None):
        bids = side is self.core.bids
        what = "bids" if bids else "asks"
        if side.whole:
            raise BookTooShallow(
                f"the {what} of {self.core.symbol} end before that: there are {side.count} levels in all"
            )
        known = Decimal(side.known).scaleb(self.core.price_exponent)
        raise BookTooShallow(
            f"the {what} of {self.core.symbol} are known {'down' if bids else 'up'} to {known:f} only, which are"
            f" {side.count} levels; a larger depth= knows more"
        )

    def numpy(self):
        """The known levels as two arrays of int64, bids and asks, best first; columns are price and quantity, in ticks.

        Nothing is copied. An array is read-only, and keeps showing the levels of its moment: while one exists, the next
        change of its side is made in a copy. Multiply by 10.0 ** price_exponent and quantity_exponent, as they were at
        that moment.

        Raises ImportError: numpy is not installed.
        """
        self.check()
        import numpy

        return self._place(self.core.bids), self._place(self.core.asks)

    cdef object _place(self, BookSide side):
        import numpy

        return numpy.asarray(side.view())[::-1]

    def __repr__(self):
        why = f": {self.reason}" if self.reason else ""
        return f"<fastws.Book {self.core.symbol} {self.state} at {self.core.update_id}{why}>"


def _checked_count(n):
    if type(n) is not int or n < 1:
        raise InvalidRequest(f"n: expected a number of levels, from 1 on, got {shown(n)}")
    return n


def _exact(str name, value):
    """(digits, exponent) of a decimal above 0."""
    try:
        if isinstance(value, (bool, tuple, list)):
            raise TypeError
        exact = Decimal(repr(value) if type(value) is float else value)
    except (ArithmeticError, TypeError, ValueError):
        exact = None
    if exact is None or not exact.is_finite() or exact <= 0 or not -400 < exact.adjusted() < 400:
        raise InvalidRequest(f"{name}: expected a decimal above 0, got {shown(value)}")
    _, digits, exponent = exact.as_tuple()
    if len(digits) > 400:
        raise InvalidRequest(f"{name}: expected a decimal of at most 400 digits, got {shown(value)}")
    return int("".join(map(str, digits))), exponent


def _divided(number, by):
    """number / by, rounded half to even, for integers above 0."""
    whole, rest = divmod(number, by)
    return whole + (2 * rest > by or (2 * rest == by and whole & 1))
