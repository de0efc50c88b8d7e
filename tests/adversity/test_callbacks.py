"""Callbacks that raise, close, send, cancel and never end; writes that fail, and signers that do more than sign."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable
from typing import Any

import pytest

import fastws
from helpers.offline import Offline
from helpers.support import KEY, ORDER, answer_all, reply, run, serving, talking


def listen() -> list[dict[str, Any]]:
    """What is reported to the running loop's exception handler from now on."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
    return reported


def raising(error: BaseException) -> Callable[..., Any]:
    def callback(*args: Any) -> None:
        raise error

    return callback


def answers(*infos: Any) -> list[dict[str, Any]]:
    return [reply(info.id, info.id) for info in infos]


# ---------------------------------------------------------------------------------------------- that raise

ERRORS = [ZeroDivisionError, asyncio.CancelledError, GeneratorExit, StopIteration]


@pytest.mark.parametrize("kind", ERRORS)
def test_what_a_callback_raises_is_reported_and_harms_nothing_else(kind: type[BaseException]) -> None:
    error = kind()

    async def main() -> None:
        reported = listen()
        offline = Offline(on_event=raising(error), on_orphan=raising(error))
        client = offline.client
        first: Any = client.ping(on_reply=raising(error))
        gone = client.ping()
        last = client.ping()
        client.flush()
        gone.cancel()
        offline.send({"event": {"e": "x"}}, *answers(first, gone.info, last.info))
        assert await last == last.info.id
        assert [context["exception"] for context in reported] == [error] * 3
        assert [context["message"].split()[1] for context in reported] == [
            "on_event",
            "on_reply",
            "on_orphan",
        ]
        assert client.connected
        assert client.stats["replies"] == 3
        offline.lose()

    run(main())


@pytest.mark.parametrize("kind", ERRORS)
def test_a_callback_that_raises_when_the_connection_ends_does_not_keep_others_from_their_end(
    kind: type[BaseException],
) -> None:
    error = kind()

    async def main() -> None:
        reported = listen()
        offline = Offline()
        client = offline.client
        for _ in range(3):
            client.ping(on_reply=raising(error))
        future = client.ping()
        client.flush()
        offline.lose()
        with pytest.raises(fastws.ConnectionLost):
            await future
        assert await client.wait_closed() == "the connection was lost"
        assert [context["exception"] for context in reported] == [error] * 3
        assert client.in_flight == 0

    run(main())


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("where", ["on_reply", "on_event", "on_orphan", "the end", "a timeout"])
def test_what_ends_the_program_does_so_and_no_reply_of_the_same_read_is_lost(
    kind: type[BaseException], where: str
) -> None:
    error = kind()
    loop = asyncio.new_event_loop()
    kept: list[Any] = []

    async def main() -> None:
        offline = Offline(on_event=raising(error), on_orphan=raising(error) if where == "on_orphan" else None)
        client = offline.client
        on_reply = raising(error) if where in ("on_reply", "the end", "a timeout") else None
        timeout = 0.01 if where == "a timeout" else None
        first: Any = client.ping(on_reply=on_reply, timeout=timeout)
        gone = client.ping()
        last = client.ping(timeout=timeout)
        client.flush()
        gone.cancel()
        kept.extend((client, last))
        if where == "the end":
            offline.lose()
        elif where == "on_event":
            offline.send({"event": {"e": "x"}}, *answers(last.info))
        elif where == "on_orphan":
            offline.send(*answers(gone.info, last.info))
        elif where == "on_reply":
            offline.send(*answers(first, last.info))
        else:
            assert where == "a timeout"
        await asyncio.sleep(5)

    task = loop.create_task(main())
    try:
        with pytest.raises(kind):
            loop.run_until_complete(task)
        client, last = kept
        assert last.done(), "what came behind it is lost"
        if where == "the end":
            assert isinstance(last.exception(), fastws.ConnectionLost)
            assert client.close_reason == "the connection was lost"
        elif where == "a timeout":
            assert isinstance(last.exception(), fastws.RequestTimeout)
            again = loop.run_until_complete(_one_more_timeout(client))
            assert isinstance(again, fastws.RequestTimeout), "timeouts go on"
        else:
            assert last.result() == last.info.id
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
    finally:
        loop.close()


async def _one_more_timeout(client: fastws.Client) -> BaseException | None:
    future = client.ping(timeout=0.01)
    await asyncio.wait([future])
    return future.exception()


def test_a_callback_that_returns_a_coroutine_does_nothing_and_the_report_says_so() -> None:
    async def forever(*args: Any) -> None:
        await asyncio.Event().wait()

    def hidden(*args: Any) -> Any:
        return forever(*args)

    async def main() -> None:
        reported = listen()
        for name in ("on_event", "on_orphan"):
            with pytest.raises(fastws.InvalidRequest, match=f"{name}: expected a plain function"):
                Offline(**{name: forever})
        offline = Offline(on_event=hidden, on_orphan=hidden)
        client = offline.client
        first: Any = client.ping(on_reply=forever)
        gone = client.ping()
        client.flush()
        gone.cancel()
        offline.send({"event": {"e": "x"}}, *answers(first, gone.info))
        assert [type(context["exception"]) for context in reported] == [TypeError] * 3
        assert all("await" in str(context["exception"]) for context in reported)
        offline.lose()

    run(main())
    gc.collect()  # a coroutine that was never awaited would warn here


# ------------------------------------------------------------------------------------ that use the client


def test_a_callback_may_send_flush_cancel_and_close() -> None:
    async def main() -> None:
        reported = listen()
        offline = Offline()
        client = offline.client
        others = [client.ping() for _ in range(4)]
        made: list[Any] = []

        def busy(result: Any, error: Any) -> None:
            made.append(client.ping())
            made.append(client.time())
            assert [future.info.sent for future in made] == [True, False]
            client.flush()
            assert made[1].info.sent
            made.append(client.depth(symbol="X"))
            made[2].cancel()
            others[1].cancel()
            client.flush()
            assert client.in_flight == 6, (
                "three others, one cancelled after its write, and two of three new ones"
            )

        info: Any = client.ping(on_reply=busy)
        client.flush()
        offline.send(*answers(info, *(other.info for other in others)))
        assert [future.done() for future in others] == [True] * 4
        assert others[1].cancelled()
        assert client.stats["orphans"] == 1
        offline.send(*answers(made[0].info, made[1].info))
        assert [future.cancelled() for future in made] == [False, False, True]
        assert client.in_flight == 0
        assert [request["method"] for request in offline.requests()] == ["ping"] * 6 + ["time"]
        assert not reported
        offline.lose()

    run(main())


def test_close_may_be_called_in_a_callback_and_what_is_in_flight_is_still_answered() -> None:
    async def main() -> None:
        reported = listen()
        async with serving(answer_all) as url:
            client = await fastws.connect(url)
            closing: list[asyncio.Task[None]] = []
            client.ping(on_reply=lambda result, error: closing.append(asyncio.ensure_future(client.close())))
            future = client.time()
            assert (await future)["method"] == "time"  # type: ignore[typeddict-item]
            await closing[0]
            assert client.close_reason == "the connection was closed by the client"
        assert not reported

    run(main())


def test_the_session_may_be_cut_in_a_callback() -> None:
    async def main() -> None:
        reported = listen()
        async with talking(answer_all) as client:
            ends: list[Any] = []

            def cut(result: Any, error: Any) -> None:
                client._session.route.abort()
                client.ping(on_reply=lambda result, error: ends.append(error))

            client.ping(on_reply=cut)
            assert await client.wait_closed() == "the connection was lost"
            assert [type(error) for error in ends] == [fastws.ConnectionLost]
        assert not reported

    run(main())


def test_a_callback_of_a_lost_connection_cannot_send_on_it() -> None:
    async def main() -> None:
        reported = listen()
        offline = Offline()
        client = offline.client
        seen: list[Any] = []

        def again(result: Any, error: Any) -> None:
            seen.append(error)
            client.flush()
            client.ping(on_reply=again)

        for _ in range(3):
            client.ping(on_reply=again)
        offline.lose()
        assert [type(error) for error in seen] == [fastws.ConnectionLost, *[fastws.NotConnected] * 2]
        assert [type(context["exception"]) for context in reported] == [fastws.NotConnected] * 3
        assert client.in_flight == 0

    run(main())


def test_a_callback_that_breaks_the_connection_in_the_midst_of_timeouts_ends_each_request_once() -> None:
    """The write fails in a callback in the sweep: everything ends there, and the sweep must not end it again."""

    async def main() -> None:
        reported = listen()
        offline = Offline()
        client = offline.client
        ends: dict[str, list[Any]] = {name: [] for name in "abcd"}

        def breaks(result: Any, error: Any) -> None:
            ends["a"].append(error)
            offline.broken = OSError("the cable was cut")
            client.ping(on_reply=lambda result, error: ends["d"].append(error), urgent=True)

        client.ping(on_reply=breaks, timeout=0.01)
        client.ping(on_reply=lambda result, error: ends["b"].append(error), timeout=0.01)
        client.ping(on_reply=lambda result, error: ends["c"].append(error), timeout=9)
        client.flush()
        late = client.ping(timeout=0.001)
        with pytest.raises(fastws.RequestTimeout):
            await late
        await client.wait_closed()
        assert [[type(error) for error in errors] for errors in ends.values()] == [
            [fastws.RequestTimeout],
            *[[fastws.ConnectionLost]] * 3,
        ]
        assert "cable" in str(ends["d"][0])
        assert client.in_flight == 0
        assert not reported
        offline.lose()

    run(main())


@pytest.mark.parametrize("corked", [False, True])
def test_a_write_that_fails_ends_the_connection_and_each_request_once(corked: bool) -> None:
    async def main() -> None:
        reported = listen()
        offline = Offline(**KEY)
        client = offline.client
        ends: list[Any] = []
        first = client.ping()
        await asyncio.sleep(0)
        offline.broken = OSError("no route")
        if corked:
            offline.broken, broken = None, offline.broken
            client.ping(on_reply=lambda result, error: ends.append(error))
            offline.broken = broken
        order = client.order_place(**ORDER)
        await asyncio.sleep(0)
        with pytest.raises(fastws.ExecutionUnknown, match="no route"):
            await order
        with pytest.raises(fastws.ConnectionLost, match="no route"):
            await first
        assert [type(error) for error in ends] == [fastws.ConnectionLost] * corked
        with pytest.raises(fastws.NotConnected, match="no route"):
            client.ping()
        assert client.in_flight == 0
        assert "no route" in await client.wait_closed()
        offline.lose()
        assert not reported

    run(main())


def test_a_reply_whose_future_was_ended_by_somebody_else_is_an_orphan() -> None:
    async def main() -> None:
        orphans: list[Any] = []
        offline = Offline(on_orphan=lambda info, outcome: orphans.append((info, outcome)))
        cancelled, meddled = offline.client.ping(), offline.client.ping()
        offline.client.flush()
        cancelled.cancel()
        meddled.set_result({})
        offline.send(*answers(cancelled.info, meddled.info))
        assert orphans == [(future.info, future.info.id) for future in (cancelled, meddled)]
        offline.lose()

    run(main())


def test_a_cancelled_corked_request_is_not_written_when_16_kilobytes_are() -> None:
    async def main() -> None:
        offline = Offline()
        client = offline.client
        first = client.depth(symbol="first")
        gone = [client.depth(symbol="gone" + "x" * 4000) for _ in range(3)]
        kept = client.depth(symbol="kept")
        for future in gone:
            future.cancel()
        last = client.depth(symbol="x" * 5000)  # beyond 16 kB, with what was taken back
        assert kept.info.sent
        assert last.info.sent
        assert not any(future.info.sent for future in gone)
        assert [request["params"]["symbol"][:5] for request in offline.requests()] == [
            "first",
            "kept",
            "xxxxx",
        ]
        assert client.in_flight == 3
        offline.send(*answers(first.info, kept.info, last.info))
        assert client.in_flight == 0
        offline.lose()

    run(main())


def test_a_signer_that_sends_is_refused_and_nothing_is_mixed_up() -> None:
    class Nested(fastws.Signer):
        client: Any = None
        caught: Any = None

        def sign(self, payload: bytes) -> str:
            if self.client is not None:
                try:
                    self.client.ping()
                except fastws.InvalidRequest as exc:
                    self.caught = exc
            return "s" * 64

    async def main() -> None:
        signer = Nested("k" * 64, "HMAC")
        offline = Offline(signer=signer)
        signer.client = offline.client
        order = offline.client.order_place(**ORDER)
        assert "sign" in str(signer.caught)
        (request,) = offline.requests()
        assert request["method"] == "order.place"
        assert request["id"] == order.info.id
        offline.send(reply(order.info.id, {"orderId": order.info.id}))
        assert await order == {"orderId": order.info.id}
        assert offline.client.in_flight == 0
        offline.lose()

    run(main())


def test_a_signer_that_raises_leaves_nothing_behind() -> None:
    class Locked(fastws.Signer):
        def sign(self, payload: bytes) -> str:
            raise OSError("the token is locked")

    async def main() -> None:
        offline = Offline(signer=Locked("k" * 64, "HMAC"))
        with pytest.raises(OSError, match="locked"):
            offline.client.order_place(**ORDER)
        future = offline.client.ping()
        assert [request["method"] for request in offline.requests()] == ["ping"]
        offline.send(*answers(future.info))
        assert offline.client.in_flight == 0
        offline.lose()

    run(main())
