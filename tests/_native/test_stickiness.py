"""_native/stickiness.pyx: which requests stay on a connection that is being left."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

import fastws
from helpers.leaving import AMEND, OCO, REPLACE, SOR, Leaving, where
from helpers.support import refusal, reply, run


def over() -> Leaving:
    """A client whose old connection has an unanswered order "a" of BTCUSDT; the time of all requests is over."""
    both = Leaving()
    both.place(newClientOrderId="a")
    both.switch(sticky_for=0.0)
    return both


def test_a_request_that_names_an_unanswered_order_stays_when_the_time_is_over() -> None:
    async def main() -> None:
        both = over()
        client = both.client
        assert where(both.place(), client.order_cancel(symbol="BTCUSDT", orderId=5)) == "nn"
        assert where(client.order_cancel(symbol="ETHUSDT", origClientOrderId="a")) == "n"
        assert (
            where(client.order_amend_keep_priority(**AMEND, origClientOrderId="a", newClientOrderId="b"))
            == "o"
        )
        assert (
            where(client.order_cancel_replace(**REPLACE, cancelOrigClientOrderId="b", newClientOrderId="c"))
            == "o"
        )
        assert where(client.order_cancel(symbol="BTCUSDT", origClientOrderId="c")) == "o"
        assert where(client.prepare("order.cancel", symbol="BTCUSDT", origClientOrderId="c")()) == "o"
        assert where(client.prepare("order.cancel", origClientOrderId="c")(symbol="BTCUSDT")) == "o"
        assert (
            where(client.request("v3/order.cancel", {"symbol": "BTCUSDT", "origClientOrderId": "c"})) == "o"
        )
        assert where(client.sor_order_place(**SOR), client.order_list_place_oco(**OCO)) == "nn"
        both.lose_both()

    run(main())


def test_an_id_that_fastws_made_names_its_order() -> None:
    async def main() -> None:
        both = Leaving()
        orders = [both.client.sor_order_place(**SOR), both.client.order_list_place_oco(**OCO)]
        made = [
            text
            for order in orders
            for name, text in order.info.params.items()
            if name.endswith("ClientOrderId")
        ]
        assert len(made) == 4
        both.switch(sticky_for=0.0)
        for text in made:
            assert where(both.client.order_cancel(symbol="BTCUSDT", origClientOrderId=text)) == "o"
            assert where(both.client.order_list_cancel(symbol="BTCUSDT", listClientOrderId=text)) == "o"
        both.lose_both()

    run(main())


def test_numbers_name_orders_and_lists_each_of_its_own_kind() -> None:
    async def main() -> None:
        both = Leaving()
        client = both.client
        client.order_amend_keep_priority(**AMEND, orderId=7)
        client.order_list_cancel(symbol="BTCUSDT", orderListId=8)
        both.switch(sticky_for=0.0)
        assert where(client.order_cancel(symbol="BTCUSDT", orderId=7)) == "o"
        assert where(client.order_cancel_replace(**REPLACE, cancelOrderId=7)) == "o"
        assert where(client.order_cancel(symbol="BTCUSDT", orderId=8)) == "n"
        assert where(client.order_list_cancel(symbol="BTCUSDT", orderListId=8)) == "o"
        assert where(client.order_list_cancel(symbol="BTCUSDT", orderListId=7)) == "n"
        assert where(client.order_cancel(symbol="BTCUSDT", origClientOrderId="7")) == "n"
        both.lose_both()

    run(main())


@pytest.mark.parametrize("refused", [False, True])
def test_an_answered_request_holds_nothing(refused: bool) -> None:
    async def main() -> None:
        both = over()
        cancel = both.client.order_cancel(symbol="BTCUSDT", origClientOrderId="a", on_reply=lambda *_: None)
        assert where(cancel) == "o"
        (order, _) = both.requests()
        for id_ in (order["id"], cancel.id):
            both.send(refusal(id_, 400, -2010) if refused else reply(id_))
        assert where(both.client.order_cancel(symbol="BTCUSDT", origClientOrderId="a")) == "n"
        both.lose_both()

    run(main())


def test_placements_stay_behind_an_unanswered_cancel_all() -> None:
    async def main() -> None:
        both = Leaving()
        client = both.client
        cancel = client.open_orders_cancel_all(symbol="BTCUSDT")
        both.switch(sticky_for=0.0)
        placed = [both.place(), client.sor_order_place(**SOR), client.order_list_place_oco(**OCO)]
        placed.append(client.order_cancel_replace(**REPLACE, cancelOrderId=1))
        placed.append(client.prepare("order.place", **SOR)())
        assert where(*placed) == "ooooo"
        assert where(both.place("ETHUSDT"), client.open_orders_cancel_all(symbol="BTCUSDT")) == "nn"
        assert where(client.order_cancel(symbol="BTCUSDT", orderId=2)) == "n"
        both.answer(cancel)
        assert where(both.place()) == "n"
        both.lose_both()

    run(main())


def test_a_request_that_timed_out_holds_nothing() -> None:
    async def main() -> None:
        both = Leaving()
        order = both.place(timeout=1e-9, newClientOrderId="a")
        both.switch()
        with pytest.raises(fastws.ExecutionUnknown):
            await order
        assert where(both.place(), both.client.order_cancel(symbol="BTCUSDT", origClientOrderId="a")) == "nn"
        assert both.left == []  # a late reply may come
        both.answer(order)
        await asyncio.sleep(0)
        assert both.left == [both.connection]
        both.lose_both()

    run(main())


def test_a_reply_that_nobody_awaits_still_holds_the_requests_of_its_symbol() -> None:
    async def main() -> None:
        both = Leaving()
        order = both.place()
        order.cancel()
        both.switch()
        assert where(both.place()) == "o"
        both.lose_both()

    run(main())


def test_the_time_is_over_for_good_once_an_unanswered_request_is_old() -> None:
    async def main() -> None:
        both = Leaving()
        slow = both.place("ETHUSDT")
        await asyncio.sleep(0.26)
        fresh = both.place()
        both.switch()
        assert where(both.place()) == "n"  # the oldest of all symbols counts
        both.answer(slow)
        assert where(both.place()) == "n"
        assert (
            where(both.client.order_cancel(symbol="BTCUSDT", origClientOrderId=fresh.info.client_order_id))
            == "o"
        )
        both.lose_both()

    run(main())


def test_only_unanswered_requests_grow_old() -> None:
    async def main() -> None:
        both = Leaving()
        slow = both.place("ETHUSDT")
        both.client.exchange_info()
        await asyncio.sleep(0.26)
        both.answer(slow)
        both.place()
        both.switch()
        assert where(both.place()) == "o"
        both.lose_both()

    run(main())


def test_the_time_passes() -> None:
    async def main() -> None:
        both = Leaving()
        both.place()
        both.switch(sticky_for=0.05)
        assert where(both.place()) == "o"
        await asyncio.sleep(0.06)
        assert where(both.place()) == "n"
        both.lose_both()

    run(main())


def test_reads_and_requests_of_no_symbol_go_to_the_successor() -> None:
    class Text(str):
        pass

    async def main() -> None:
        both = Leaving()
        both.place()
        both.switch()
        client = both.client
        assert (
            where(client.order_status(symbol="BTCUSDT", orderId=1), client.order_test(**SOR), client.ping())
            == "nnn"
        )
        assert where(both.place(Text("BTCUSDT"))) == "o"
        assert where(client.request("order.cancel", {"orderId": 1})) == "n"
        for wrong in (["BTCUSDT"], 5, None):
            with pytest.raises(fastws.InvalidRequest, match="symbol"):
                both.place(wrong)  # type: ignore[arg-type]
        both.lose_both()

    run(main())


def test_what_it_remembers_goes_with_the_old_connection() -> None:
    async def main() -> None:
        both = Leaving()
        orders = [both.place() for _ in range(50)]
        both.switch(sticky_for=0.0)
        name = orders[7].info.client_order_id
        assert where(both.client.order_cancel(symbol="BTCUSDT", origClientOrderId=name)) == "o"
        infos = [weakref.ref(order.info) for order in orders]
        both.answer(*orders)
        await asyncio.wait(orders)
        del orders
        gc.collect()
        assert any(info() for info in infos)
        both.lose()
        gc.collect()
        assert not any(info() for info in infos)
        both.lose_both()

    run(main())
