from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastws.emulator.matching.book import BookSide
from helpers.emulator.bare_engine import Market, new_order


class Stub:
    """The attributes of an order that a side of the book uses."""

    def __init__(self, number, price, visible):
        self.id, self.price, self.visible = number, price, visible


@pytest.mark.parametrize("bids", [True, False])
@given(data=st.data())
def test_a_side_is_sorted_and_counts_what_is_on_it(bids, data):
    side, model = BookSide(bids=bids), {}
    steps = data.draw(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9), st.booleans()), max_size=40))
    for number, (price, quantity, remove) in enumerate(steps):
        if remove and model:
            order = model.pop(next(iter(model)))
            side.remove(order)
        else:
            order = model[number] = Stub(number, price, quantity)
            side.add(order)
        expected = {}
        for order in model.values():
            expected[order.price] = expected.get(order.price, 0) + order.visible
        assert [(level.price, level.quantity) for level in side] == sorted(expected.items(), reverse=bids)
        best = side.best()
        assert (best.price if best else None) == (next(iter(side)).price if model else None)
        assert len(side) == len(expected)


def test_orders_at_a_price_keep_their_sequence():
    side = BookSide(bids=True)
    orders = [Stub(n, 7, 1) for n in range(4)]
    for order in orders:
        side.add(order)
    side.remove(orders[1])
    side.add(orders[1])
    assert list(side.best().orders) == [0, 2, 3, 1]


def test_crossing():
    market = Market()
    book = market.book
    order = market.place(0, new_order("SELL"))
    assert book.crosses(True, order.price)
    assert book.crosses(True, order.price + 1)
    assert not book.crosses(True, order.price - 1)
    assert not book.crosses(False, order.price)
