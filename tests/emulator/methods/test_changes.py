from __future__ import annotations

import pytest

from fastws.emulator import Emulator, Limits, ManualClock
from helpers.emulator.quiet_market import CANCELED, FULL, FUNDS, QUIET, balances, order, quiet, reference
from helpers.emulator.wire import logged_on, run, signed, wire


def test_a_cancel_renames_the_order():
    """SEMANTICS 74, 76"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            placed = await client.result("order.place", order(newClientOrderId="old"))
            assert (await balances(client))["XYZ"] == ("99900.00000000", "100.00000000")
            canceled = await client.result(
                "order.cancel", reference(origClientOrderId="old", newClientOrderId="new")
            )
            assert list(canceled) == CANCELED
            assert (canceled["origClientOrderId"], canceled["clientOrderId"]) == ("old", "new")
            assert (canceled["orderId"], canceled["status"]) == (placed["orderId"], "CANCELED")
            assert (await balances(client))["XYZ"] == ("100000.00000000", "0.00000000")
            gone = (400, -2013, "Order does not exist.")
            assert await client.error("order.status", reference(origClientOrderId="old")) == gone
            for by in ({"origClientOrderId": "new"}, {"orderId": placed["orderId"]}):
                assert (await client.result("order.status", reference(**by)))["status"] == "CANCELED"
            again = await client.result("order.place", order(newClientOrderId="old"))
            random = await client.result("order.cancel", reference(orderId=again["orderId"]))
            assert random["clientOrderId"] not in ("old", "new")
            (record,) = exchange.journal.find(method="order.cancel", order_id=again["orderId"])
            assert record.client_order_id == random["clientOrderId"]

    run(main)


def test_orders_that_cannot_be_canceled():
    """SEMANTICS 76"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            unknown = (400, -2011, "Unknown order sent.")
            neither = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
            assert await client.error("order.cancel", reference()) == (400, -1102, neither)
            assert await client.error("order.status", reference()) == (400, -1102, neither)
            assert await client.error("order.cancel", reference(orderId=77)) == unknown
            assert await client.error("order.cancel", reference(origClientOrderId="no")) == unknown
            assert await client.error("order.cancel", reference(symbol="NOPE", orderId=1)) == (
                400,
                -1121,
                "Invalid symbol.",
            )
            one = await client.result("order.place", order(newClientOrderId="one"))
            await client.result("order.place", order(newClientOrderId="two"))
            both = reference(orderId=one["orderId"], origClientOrderId="two")
            mismatch = (400, -2039, "Client order ID is not correct for this order ID.")
            assert await client.error("order.cancel", both) == mismatch
            assert await client.error("order.status", both) == mismatch
            taken = reference(orderId=one["orderId"], newClientOrderId="two")
            assert await client.error("order.cancel", taken) == (400, -2011, "Duplicate order sent.")
            async with logged_on(exchange) as stranger:
                assert await stranger.error("order.cancel", reference(orderId=one["orderId"])) == unknown
                assert (await stranger.error("order.status", reference(orderId=one["orderId"])))[1] == -2013
            right = reference(orderId=one["orderId"], origClientOrderId="one")
            assert (await client.result("order.cancel", right))["status"] == "CANCELED"
            assert await client.error("order.cancel", reference(orderId=one["orderId"])) == unknown

    run(main)


def test_cancel_restrictions():
    """SEMANTICS 78"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            placed = await client.result("order.place", order(quantity="2"))
            unmet = (400, -2011, "Order was not canceled due to cancel restrictions.")
            cancel = reference(orderId=placed["orderId"])
            assert (
                await client.error("order.cancel", cancel, cancelRestrictions="ONLY_PARTIALLY_FILLED")
                == unmet
            )
            assert (await client.error("order.cancel", cancel, cancelRestrictions="NO"))[1] == -1145
            await client.result("order.place", order(side="SELL"))
            assert await client.error("order.cancel", cancel, cancelRestrictions="ONLY_NEW") == unmet
            done = await client.result("order.cancel", cancel, cancelRestrictions="ONLY_PARTIALLY_FILLED")
            assert (done["status"], done["executedQty"]) == ("CANCELED", "1.00000000")

    run(main)


def test_cancel_all():
    """SEMANTICS 74, 86"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            for name in ("a", "b"):
                await client.result("order.place", order(newClientOrderId=name))
            rows = await client.result("openOrders.cancelAll", reference())
            assert [row["origClientOrderId"] for row in rows] == ["a", "b"]
            assert all(list(row) == CANCELED and row["status"] == "CANCELED" for row in rows)
            assert (await balances(client))["XYZ"] == ("100000.00000000", "0.00000000")
            assert await client.error("openOrders.cancelAll", reference()) == (
                400,
                -2011,
                "Unknown order sent.",
            )

    run(main)


def test_amend_keeps_the_place_in_the_queue():
    """SEMANTICS 82"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            first = await client.result("order.place", order(quantity="5.5", newClientOrderId="first"))
            await client.result("order.place", order(quantity="4", newClientOrderId="second"))
            amended = await client.result(
                "order.amend.keepPriority", reference(orderId=first["orderId"], newQty="5")
            )
            assert list(amended) == ["transactTime", "executionId", "amendedOrder"]
            assert list(amended["amendedOrder"]) == [
                "symbol",
                "orderId",
                "orderListId",
                "origClientOrderId",
                "clientOrderId",
                "price",
                "qty",
                "executedQty",
                "preventedQty",
                "quoteOrderQty",
                "cumulativeQuoteQty",
                "status",
                "timeInForce",
                "type",
                "side",
                "workingTime",
                "selfTradePreventionMode",
            ]
            row = amended["amendedOrder"]
            assert (row["qty"], row["origClientOrderId"], row["status"]) == ("5.00000000", "first", "NEW")
            assert row["clientOrderId"] != "first"
            assert (await balances(client))["XYZ"][1] == "900.00000000"
            assert (await client.result("depth", symbol="ABCXYZ"))["bids"] == [["100.00000000", "9.00000000"]]
            async with logged_on(exchange, balances=FUNDS) as seller:
                await seller.result("order.place", order(side="SELL", quantity="4"))
            shown = await client.result("order.status", reference(orderId=first["orderId"]))
            assert (shown["executedQty"], shown["status"]) == ("4.00000000", "PARTIALLY_FILLED")

    run(main)


def test_amendments_that_are_refused():
    """SEMANTICS 82"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            placed = await client.result("order.place", order(quantity="5", newClientOrderId="one"))
            await client.result("order.place", order(newClientOrderId="two"))

            async def refused(**params):
                return await client.error(
                    "order.amend.keepPriority", reference(**{"orderId": placed["orderId"], **params})
                )

            increase = "Order amend (quantity increase) is not supported."
            no_change = "The requested action would change no state; rejecting"
            assert await refused(newQty="6") == (400, -2038, increase)
            assert await refused(newQty="5") == (400, -2038, no_change)
            assert await refused(newQty="4", newClientOrderId="two") == (400, -2038, "Duplicate order sent.")
            assert await refused(newQty="4", orderId=77) == (400, -2038, "Unknown order sent.")
            assert await refused(newQty="0") == (400, -1013, "Filter failure: LOT_SIZE")
            assert await refused(newQty="0.001") == (400, -1013, "Filter failure: NOTIONAL")
            assert (await refused())[1] == -1102
            keep = {"orderId": placed["orderId"], "newClientOrderId": "one"}
            for quantity in ("4", "3"):
                same = await client.result("order.amend.keepPriority", reference(**keep, newQty=quantity))
                assert same["amendedOrder"]["clientOrderId"] == "one"
            too_many = (400, -2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
            assert await refused(newQty="2") == too_many
            await client.result("order.cancel", reference(orderId=placed["orderId"]))
            assert (await refused(newQty="1"))[1] == -2038

    run(main)


def test_an_amendment_below_what_was_filled_ends_the_order():
    """SEMANTICS 94"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            placed = await client.result("order.place", order(quantity="3"))
            await client.result("order.place", order(side="SELL", quantity="1"))
            before = (await client.call("ping"))["rateLimits"][0]["count"]
            reply = await client.call(
                "order.amend.keepPriority", reference(orderId=placed["orderId"], newQty="1")
            )
            assert reply["rateLimits"][0]["count"] == before
            row = reply["result"]["amendedOrder"]
            assert (row["status"], row["qty"], row["executedQty"]) == ("EXPIRED", "1.00000000", "1.00000000")
            assert all(locked == "0.00000000" for _, locked in (await balances(client)).values())

    run(main)


SUCCESS, FAILURE, NOT_ATTEMPTED = "SUCCESS", "FAILURE", "NOT_ATTEMPTED"
UNKNOWN = {"code": -2011, "msg": "Unknown order sent."}
NO_FUNDS = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
LIMITED = {"code": -1015, "msg": "Too many new orders; current limit is 2 orders per 10 SECOND."}


@pytest.mark.parametrize(
    ("mode", "cancel_works", "new_works", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", True, True, 200, None, (SUCCESS, SUCCESS)),
        ("STOP_ON_FAILURE", False, True, 400, -2022, (FAILURE, NOT_ATTEMPTED)),
        ("STOP_ON_FAILURE", True, False, 409, -2021, (SUCCESS, FAILURE)),
        ("ALLOW_FAILURE", True, True, 200, None, (SUCCESS, SUCCESS)),
        ("ALLOW_FAILURE", False, True, 409, -2021, (FAILURE, SUCCESS)),
        ("ALLOW_FAILURE", True, False, 409, -2021, (SUCCESS, FAILURE)),
        ("ALLOW_FAILURE", False, False, 400, -2022, (FAILURE, FAILURE)),
    ],
)
def test_cancel_replace_within_the_limits(mode, cancel_works, new_works, status, code, results):
    """SEMANTICS 79, 81"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            old = await client.result("order.place", order(newClientOrderId="old"))
            reply = await client.call(
                "order.cancelReplace",
                order(
                    cancelReplaceMode=mode,
                    cancelOrderId=old["orderId"] if cancel_works else 77,
                    cancelNewClientOrderId="canceled",
                    newClientOrderId="old" if cancel_works else "new",
                    price="99.00",
                    quantity="1" if new_works else "1100",
                ),
            )
            assert reply["status"] == status
            if code is None:
                data = reply["result"]
            else:
                message = {
                    -2021: "Order cancel-replace partially failed.",
                    -2022: "Order cancel-replace failed.",
                }
                assert (reply["error"]["code"], reply["error"]["msg"]) == (code, message[code])
                data = reply["error"]["data"]
            assert list(data) == ["cancelResult", "newOrderResult", "cancelResponse", "newOrderResponse"]
            assert (data["cancelResult"], data["newOrderResult"]) == results
            if cancel_works:
                assert list(data["cancelResponse"]) == CANCELED
                assert data["cancelResponse"]["clientOrderId"] == "canceled"
            else:
                assert data["cancelResponse"] == UNKNOWN
            if results[1] == SUCCESS:
                assert list(data["newOrderResponse"]) == FULL
            else:
                assert data["newOrderResponse"] == (None if results[1] == NOT_ATTEMPTED else NO_FUNDS)
            counts = [row["count"] for row in reply["rateLimits"]]
            assert counts[:2] == [2, 2], "also what is not attempted counts"
            (record,) = exchange.journal.find(method="order.cancelReplace")
            assert record.executed == (SUCCESS in results)

    run(main)


@pytest.mark.parametrize(
    ("mode", "exceeded", "cancel_works", "status", "results"),
    [
        ("STOP_ON_FAILURE", "DO_NOTHING", True, 429, None),
        ("ALLOW_FAILURE", None, True, 429, None),
        ("STOP_ON_FAILURE", "CANCEL_ONLY", True, 409, (SUCCESS, FAILURE)),
        ("ALLOW_FAILURE", "CANCEL_ONLY", True, 409, (SUCCESS, FAILURE)),
        ("STOP_ON_FAILURE", "CANCEL_ONLY", False, 429, (FAILURE, NOT_ATTEMPTED)),
        ("ALLOW_FAILURE", "CANCEL_ONLY", False, 400, (FAILURE, FAILURE)),
    ],
)
def test_cancel_replace_over_the_order_limit(mode, exceeded, cancel_works, status, results):
    """SEMANTICS 80"""

    async def main():
        limits = Limits(orders_10s=2)
        # Both orders, and the replacement, are to fall into the same ten seconds.
        clock = ManualClock()
        async with (
            Emulator(symbols=[QUIET], limits=limits, clock=clock) as exchange,
            wire(exchange) as client,
        ):
            key = exchange.add_account("HMAC", balances=FUNDS)
            stamp = {"timestamp": clock.now_us() // 1000}
            for _ in range(2):
                old = await client.result("order.place", signed(key, **order(**stamp)))
            more = {} if exceeded is None else {"orderRateLimitExceededMode": exceeded}
            params = order(
                **stamp,
                cancelReplaceMode=mode,
                cancelOrderId=old["orderId"] if cancel_works else 77,
                **more,
            )
            reply = await client.call("order.cancelReplace", signed(key, **params))
            assert reply["status"] == status
            open_orders = await client.result("openOrders.status", signed(key, **stamp))
            if results is None:
                assert reply["error"] == LIMITED
                assert len(open_orders) == 2
            else:
                data = reply["error"]["data"]
                assert (data["cancelResult"], data["newOrderResult"]) == results
                if results[1] == FAILURE:
                    assert data["newOrderResponse"] == LIMITED
                assert len(open_orders) == (1 if cancel_works else 2)
            assert [row["count"] for row in reply["rateLimits"][:2]] == [2, 2]

    run(main)


def test_filters_are_looked_at_before_anything_is_canceled():
    """SEMANTICS 81"""

    async def main():
        async with quiet() as exchange, logged_on(exchange, balances=FUNDS) as client:
            old = await client.result("order.place", order())
            params = order(cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=old["orderId"], price="99.999")
            failure = (400, -1013, "Filter failure: PRICE_FILTER")
            assert await client.error("order.cancelReplace", params) == failure
            shown = await client.result("order.status", reference(orderId=old["orderId"]))
            assert shown["status"] == "NEW"
            neither = await client.error("order.cancelReplace", order(cancelReplaceMode="ALLOW_FAILURE"))
            assert neither == (
                400,
                -1102,
                "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were empty/null!",
            )

    run(main)


def test_orders_of_one_connection_are_executed_in_order():
    """SEMANTICS 103"""

    async def main():
        async with (
            Emulator(engine_delay=0.01, symbols=[QUIET]) as exchange,
            logged_on(exchange, balances=FUNDS) as client,
        ):
            for n in range(5):
                await client.send("order.place", order(newClientOrderId=f"n{n}"))
                await client.send("order.cancel", reference(origClientOrderId=f"n{n}"))
            replies = [await client.receive() for _ in range(10)]
            assert all(reply["status"] == 200 for reply in replies)
            assert [reply["id"] for reply in replies] == sorted(reply["id"] for reply in replies)

    run(main)
