"""client.batch(): one write, or none; whatever happens inside, and whoever asks meanwhile."""

# ruff: noqa: PT012  # what is raised within a batch is seen at its end

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import KEY, ORDER, answer_all, run, talking

SPANNED = "must not span an await"


def methods(offline: Offline) -> list[str]:
    return [request["method"] for request in offline.requests()]


def logged_on(**options: Any) -> Offline:
    return Offline(**KEY, **options)


def test_what_is_requested_inside_leaves_in_one_write_at_the_end() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            writes = client.stats["writes"]
            with client.batch():
                orders = [client.order_place(**ORDER) for _ in range(10)]
                cancel = client.order_cancel(symbol="BTCUSDT", orderId=1)
                urgent = client.ping(urgent=True)
                client.flush()
                assert not any(reply.info.sent for reply in (*orders, cancel, urgent))
                assert client.stats["writes"] == writes
            assert all(reply.info.sent for reply in (*orders, cancel, urgent))
            assert client.stats["writes"] == writes + 1
            assert len({reply.info.written_at for reply in (*orders, cancel, urgent)}) == 1
            results = await asyncio.gather(*orders, cancel, urgent)
            assert [row["method"] for row in results] == ["order.place"] * 10 + ["order.cancel", "ping"]

    run(main())


@pytest.mark.parametrize("cork", [True, False])
def test_more_than_sixteen_kilobytes_are_still_one_write(cork: bool) -> None:
    async def main() -> None:
        offline = Offline(cork=cork)
        with offline.client.batch():
            replies = [offline.client.depth(symbol="X" * 1000) for _ in range(50)]
            assert offline.writes == 0
        assert offline.writes == 1
        assert len(offline.requests()) == 50
        assert all(reply.info.sent for reply in replies)
        with offline.client.batch():
            pass
        assert offline.writes == 1, "an empty batch writes nothing"
        lone = offline.client.ping()
        assert lone.info.sent is not cork, "the turn goes on: further requests are corked"
        await asyncio.sleep(0)
        assert lone.info.sent
        offline.lose()
        await asyncio.gather(*replies, lone, return_exceptions=True)

    run(main())


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, asyncio.CancelledError])
def test_an_exception_inside_sends_nothing_and_goes_on(error: type[BaseException]) -> None:
    got: list[Any] = []

    async def main() -> None:
        offline = logged_on()
        client = offline.client
        with pytest.raises(error), client.batch():
            reply = client.order_place(**ORDER)
            client.order_place(**ORDER, on_reply=lambda *outcome: got.append(outcome))
            cancelled = client.ping()
            cancelled.cancel()
            raise error
        with pytest.raises(
            fastws.NotSent, match=f"order.place was not sent: .* left by {error.__name__}"
        ) as c:
            await reply
        assert type(c.value) is fastws.NotSent, "an order that was never sent is not of unknown outcome"
        ((result, failure),) = got
        assert result is None
        assert type(failure) is fastws.NotSent
        await asyncio.sleep(0)
        assert (offline.writes, client.in_flight) == (0, 0)
        assert client.stats["orphans"] == 0
        after = client.ping()
        assert methods(offline) == ["ping"]
        offline.send({"id": after.info.id, "status": 200, "result": {}})
        assert await after == {}

    run(main())


def test_replies_of_a_batch_that_was_given_up_need_not_be_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        offline = logged_on()
        reports: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context))
        with pytest.raises(ZeroDivisionError), offline.client.batch():
            offline.client.order_place(**ORDER)
            1 / 0  # noqa: B018
        assert reports == []

    run(main())
    assert caplog.text == ""


def test_a_request_that_is_refused_gives_up_the_batch() -> None:
    async def main() -> None:
        offline = logged_on()
        with pytest.raises(fastws.InvalidRequest, match="price"), offline.client.batch():
            good = offline.client.order_place(**ORDER)
            offline.client.order_place(**{**ORDER, "price": 0.1})
        with pytest.raises(fastws.NotSent, match="InvalidRequest"):
            await good
        assert offline.writes == 0

    run(main())


def test_what_was_corked_before_the_batch_is_not_of_it() -> None:
    async def main() -> None:
        offline = logged_on()
        client = offline.client
        first, corked = client.ping(), client.time()
        with pytest.raises(ValueError, match="x"), client.batch():
            inside = client.order_place(**ORDER)
            raise ValueError("x")
        assert (first.info.sent, corked.info.sent, inside.info.sent) == (True, False, False)
        with client.batch():
            client.depth(symbol="X")
        assert methods(offline) == ["ping", "time", "depth"], "order is kept"
        assert offline.writes == 2
        assert isinstance(inside.exception(), fastws.NotSent)
        offline.lose()
        await asyncio.gather(first, corked, return_exceptions=True)

    run(main())


def test_nested_batches_join_the_outer_one() -> None:
    async def main() -> None:
        offline = logged_on()
        client = offline.client
        with client.batch():
            client.ping()
            with client.batch():
                client.time()
                with client.batch():
                    client.avg_price(symbol="X")
            assert offline.writes == 0
            with pytest.raises(ValueError, match="inner"), client.batch():
                given_up = client.order_place(**ORDER)
                with client.batch():
                    also = client.order_place(**ORDER)
                raise ValueError("inner")
            client.depth(symbol="X")
        assert offline.writes == 1
        assert methods(offline) == ["ping", "time", "avgPrice", "depth"]
        for reply in (given_up, also):
            assert isinstance(reply.exception(), fastws.NotSent)
        with pytest.raises(ValueError, match="outer"), client.batch():
            with client.batch():
                client.ping()
            raise ValueError("outer")
        assert offline.writes == 1

    run(main())


def test_an_await_inside_is_noticed() -> None:
    async def main() -> None:
        offline = logged_on()
        client = offline.client
        with pytest.raises(RuntimeError, match=SPANNED), client.batch():
            before = client.order_place(**ORDER)
            await asyncio.sleep(0)
            assert isinstance(before.exception(), fastws.NotSent)
        with pytest.raises(RuntimeError, match=SPANNED), client.batch():
            await asyncio.sleep(0)
            client.order_place(**ORDER)
        with pytest.raises(RuntimeError, match=SPANNED), client.batch(), client.batch():
            await asyncio.sleep(0.01)
        with client.batch():
            await asyncio.wait_for(done(), None)  # does not leave the block: nothing else runs
            fine = client.ping()
        assert fine.info.sent
        assert methods(offline) == ["ping"]
        assert (await asyncio.gather(before, return_exceptions=True))[0].args[0].endswith("spanned an await")
        offline.lose()
        await asyncio.gather(fine, return_exceptions=True)

    async def done() -> None:
        pass

    run(main())


def test_what_others_request_while_a_batch_awaits_is_not_of_the_batch() -> None:
    async def main() -> None:
        offline = logged_on()
        client = offline.client
        got: list[Any] = []

        async def other() -> None:
            got.append(client.time())
            with client.batch():
                got.append(client.avg_price(symbol="X"))
            client.flush()

        async def bad() -> None:
            with client.batch():
                got.append(client.order_place(**ORDER))
                await asyncio.gather(asyncio.ensure_future(other()))

        task = asyncio.ensure_future(bad())
        with pytest.raises(RuntimeError, match=SPANNED):
            await task
        assert methods(offline) == ["time", "avgPrice"]
        assert isinstance(got[0].exception(), fastws.NotSent)
        fine = client.ping(urgent=True)
        assert fine.info.sent
        offline.lose()
        await asyncio.gather(*got, fine, return_exceptions=True)

    run(main())


def test_a_reply_that_is_read_while_a_batch_awaits_breaks_it() -> None:
    async def main() -> None:
        async with talking(answer_all, **KEY) as client:
            first = client.ping()
            with pytest.raises(RuntimeError, match=SPANNED), client.batch():
                reply = client.order_place(**ORDER)
                await first
            assert isinstance(reply.exception(), fastws.NotSent)
            assert (await client.order_place(**ORDER))["method"] == "order.place"

    run(main())


def test_closing_inside_of_a_batch_gives_it_up() -> None:
    async def main() -> None:
        offline = logged_on()
        with pytest.raises(RuntimeError, match=SPANNED), offline.client.batch():
            reply = offline.client.order_place(**ORDER)
            offline.connection.close()
        assert isinstance(reply.exception(), fastws.NotSent)
        assert [opcode for opcode, _ in offline.frames()] == [8]
        offline.lose()

    run(main())


def test_the_connection_is_lost_inside() -> None:
    async def main() -> None:
        offline = logged_on()
        with offline.client.batch():
            reply = offline.client.order_place(**ORDER)
            offline.lose()
            with pytest.raises(fastws.NotConnected):
                offline.client.ping()
        with pytest.raises(fastws.NotConnected, match="was not sent"):
            await reply
        with pytest.raises(fastws.NotConnected, match="not sent: the connection was lost"):
            offline.client.batch()
        other = logged_on()
        other.broken = OSError("no")
        with other.client.batch():
            lost = other.client.order_place(**ORDER)
        with pytest.raises(fastws.ExecutionUnknown):
            await lost

    run(main())


def test_a_batch_in_a_callback_and_a_callback_that_requests_when_the_batch_ends() -> None:
    async def main() -> None:
        offline = logged_on()
        client = offline.client
        later: list[Any] = []

        def on_reply(result: Any, error: Any) -> None:
            with client.batch():
                client.order_place(**ORDER, on_reply=later.append)
                client.order_cancel(symbol="X", orderId=1, on_reply=later.append)

        info: Any = client.ping(on_reply=on_reply)
        offline.written.clear()
        offline.writes = 0
        offline.send({"id": info.id, "status": 200, "result": {}})
        assert offline.writes == 1
        assert methods(offline) == ["order.place", "order.cancel"]

        def again(result: Any, error: Any) -> None:
            later.append(error)
            client.time(on_reply=lambda *outcome: None)

        with pytest.raises(ValueError, match="x"), client.batch():
            client.order_place(**ORDER, on_reply=again)
            raise ValueError("x")
        assert isinstance(later[-1], fastws.NotSent)
        await asyncio.sleep(0)
        assert methods(offline) == ["time"], "what a callback requests then is not of the batch"
        with client.batch():
            with pytest.raises(ValueError, match="x"), client.batch():
                client.order_place(**ORDER, on_reply=again)
                raise ValueError("x")
            assert offline.requests() == []
        assert methods(offline) == ["time"]
        offline.lose()

    run(main())


def test_a_callback_that_leaves_its_batch_open_harms_nobody_else() -> None:
    async def main() -> None:
        offline = logged_on()
        client = offline.client
        batch = client.batch()

        def on_reply(result: Any, error: Any) -> None:
            batch.__enter__()
            client.time(on_reply=lambda *outcome: None)

        info: Any = client.ping(on_reply=on_reply)
        offline.written.clear()
        asyncio.get_running_loop().call_soon(offline.send, {"id": info.id, "status": 200, "result": {}})
        await asyncio.sleep(0)
        assert methods(offline) == []
        fine = client.avg_price(symbol="X")
        assert methods(offline) == ["avgPrice"]
        with pytest.raises(RuntimeError, match=SPANNED):
            batch.__exit__(None, None, None)
        offline.lose()
        await asyncio.gather(fine, return_exceptions=True)

    run(main())


def test_misuse_is_told() -> None:
    async def main() -> None:
        offline = logged_on(max_output=5000)
        client = offline.client
        batch = client.batch()
        with batch:
            pass
        with pytest.raises(RuntimeError, match="one `with` block"), batch:
            pass
        outer, inner = client.batch(), client.batch()
        outer.__enter__()
        inner.__enter__()
        reply = client.ping()
        for wrong in (outer, inner):
            with pytest.raises(RuntimeError, match=SPANNED):
                wrong.__exit__(None, None, None)
        assert isinstance(reply.exception(), fastws.NotSent)
        with pytest.raises(fastws.NotSent, match="batch holds more than 5000 bytes"), client.batch():
            for _ in range(100):
                client.depth(symbol="X" * 100)
        assert offline.writes == 0
        raised: list[BaseException] = []

        def elsewhere() -> None:
            try:
                with client.batch():
                    pass
            except RuntimeError as error:
                raised.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert "another thread" in str(raised[0])
        with pytest.raises(fastws.NotConnected), fastws.connect("testnet").batch():
            pass

    run(main())


def test_cancelled_replies_leave_the_batch() -> None:
    async def main() -> None:
        offline = logged_on()
        with offline.client.batch():
            replies = [offline.client.depth(symbol=str(i)) for i in range(6)]
            for reply in replies[::2]:
                reply.cancel()
        assert [request["params"]["symbol"] for request in offline.requests()] == ["1", "3", "5"]
        assert offline.client.in_flight == 3
        offline.lose()
        await asyncio.gather(*replies, return_exceptions=True)

    run(main())
