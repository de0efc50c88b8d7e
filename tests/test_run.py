"""fastws.run: the loop that was asked for, results and errors passed on, Ctrl-C as asyncio.run has it.

What signals leave behind on the exchange: test_run_signals.py.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest

from fastws.run import run
from helpers.support import ALL_LOOPS, needs_uvloop, uvloop, way

STANDARD_LOOP = asyncio.ProactorEventLoop if sys.platform == "win32" else asyncio.SelectorEventLoop


async def running_loop():
    return asyncio.get_running_loop()


@pytest.fixture
def no_uvloop(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)


def test_asyncio():
    loop = run(running_loop(), loop="asyncio")
    assert type(loop).__module__.startswith("asyncio.")
    assert isinstance(loop, STANDARD_LOOP)
    assert loop.is_closed()


@needs_uvloop
def test_uvloop_and_auto():
    assert isinstance(run(running_loop(), loop="uvloop"), uvloop.Loop)
    assert isinstance(run(running_loop()), uvloop.Loop)


@needs_uvloop
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="event loop policies are deprecated")
def test_asyncio_whatever_policy_is_set():
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        assert isinstance(run(running_loop(), loop="asyncio"), STANDARD_LOOP)
    finally:
        asyncio.set_event_loop_policy(None)


def test_without_uvloop(no_uvloop):
    assert isinstance(run(running_loop()), STANDARD_LOOP)
    with pytest.raises(ImportError, match=r"pip install.*fastws\[uvloop\]"):
        run(running_loop(), loop="uvloop")


def test_windows_has_no_uvloop(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ImportError, match="Windows"):
        run(running_loop(), loop="uvloop")


@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_result_error_and_debug(loop):
    async def answer(value):
        await asyncio.sleep(0)
        if isinstance(value, Exception):
            raise value
        return value, asyncio.get_running_loop().get_debug()

    assert run(answer(1), **way(loop), debug=True) == (1, True)
    assert run(answer(2), **way(loop), debug=False) == (2, False)
    with pytest.raises(KeyError, match="mine"):
        run(answer(KeyError("mine")), **way(loop))


def test_wrong_arguments():
    async def main():
        raise AssertionError("never runs")

    with pytest.raises(ValueError, match='"auto", "uvloop" or "asyncio", not \'trio\''):
        run(main(), loop="trio")
    with pytest.raises(TypeError, match=r"not function: call it, run\(main\(\)\)"):
        run(main)
    with pytest.raises(TypeError, match=r"not int$"):
        run(5)


def test_inside_of_a_running_loop():
    async def inner():
        raise AssertionError("never runs")

    async def outer():
        with pytest.raises(RuntimeError, match="while an event loop runs"):
            run(inner())

    run(outer())


@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_what_is_left_is_ended(loop):
    """Tasks are cancelled, async generators closed, errors of the clean-up reported, the loop closed."""
    log = []

    async def left_over(name):
        try:
            await asyncio.Event().wait()
        finally:
            log.append(name)
            if name == "bad":
                raise ValueError("in the clean-up")

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            log.append("generator")

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: log.append(repr(context["exception"])))
        tasks = [asyncio.ensure_future(left_over(name)) for name in ("good", "bad")]
        generator = numbers()
        await anext(generator)
        await loop.run_in_executor(None, log.append, "executor")
        return loop, tasks, generator

    used, tasks, _generator = run(main(), **way(loop))
    assert used.is_closed()
    assert all(task.done() for task in tasks)
    assert sorted(log) == ["ValueError('in the clean-up')", "bad", "executor", "generator", "good"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")
@pytest.mark.parametrize("at", ["rest", "work"])
@pytest.mark.parametrize("loop", ALL_LOOPS)
def test_ctrl_c_cancels_main_and_raises_keyboard_interrupt(loop, at):
    """Also when it comes in the midst of a callback, which swallows exceptions: none is raised there."""
    program = """
        import asyncio, json, sys
        from fastws import run

        def work():
            try:
                for _ in range(20_000):
                    pass
            except BaseException as error:
                print("raised in a callback:", repr(error), flush=True)
            asyncio.get_running_loop().call_soon(work)

        async def main(at):
            if at == "work":
                work()
            print("ready", flush=True)
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                print("cleaned up", flush=True)

        way, at = sys.argv[1:]
        try:
            run(main(at), **json.loads(way))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.exit(130)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), json.dumps(way(loop)), at],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (out, err, process.returncode) == ("cleaned up\ninterrupted\n", "", 130)


@pytest.mark.parametrize("loop", ALL_LOOPS)
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_handler_of_the_callers_and_another_thread_are_left_alone(name, loop):
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip("this system has no such signal")
    before = signal.signal(number, signal.SIG_IGN)
    try:
        assert isinstance(run(running_loop(), **way(loop)), asyncio.AbstractEventLoop)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(lambda: run(running_loop(), **way(loop))).result(10)
        assert isinstance(result, asyncio.AbstractEventLoop)
    assert signal.getsignal(number) is before
