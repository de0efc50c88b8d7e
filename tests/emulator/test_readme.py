"""The page about the emulator: its code runs, its commands are understood, and its tables are those of the code."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from pathlib import Path

import pytest

import fastws
from fastws.cli.commands import _parser as command_parser
from fastws.emulator import Emulator
from fastws.emulator.arguments import parser
from fastws.emulator.testing.record import _parser as record_parser
from fastws.emulator.testing.replay import _parser as replay_parser
from helpers.emulator.wire import Wire, limit_order, run, signed, wire

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "fastws" / "emulator" / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_its_tables_are_those_of_the_code():
    spec = importlib.util.spec_from_file_location("emulator_readme", ROOT / "tools" / "emulator_readme.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.update(PAGE) == PAGE, "run: python tools/emulator_readme.py"


@pytest.mark.parametrize("command", [line for text in blocks("sh") for line in text.splitlines()])
def test_its_commands_are_understood(command):
    words = shlex.split(command)
    if words[2] == "fastws":
        command_parser().parse_args(words[3:])
        return
    assert words[:3] == ["python", "-m", "fastws.emulator"]
    parsers = {"record": record_parser, "replay": replay_parser}
    if words[3] in parsers:
        parsers[words[3]]().parse_args(words[4:])
    else:
        parser().parse_args(words[3:])


def test_its_scripts_are_scripts():
    async def main():
        async with Emulator() as exchange:
            for text in blocks("text"):
                exchange.script(text)
                assert len(exchange.faults) == 4

    run(main)


@pytest.mark.parametrize("code", [text for text in blocks("python") if "fastws_exchange" not in text])
def test_its_code_runs(code):
    compiled = compile(code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def main():
        from websockets.asyncio.client import connect

        async with Emulator() as exchange, connect(exchange.url) as socket:
            await Wire(socket).call("order.place", signed(exchange.add_account("HMAC"), **limit_order()))
            names = {"Emulator": Emulator, "fastws": fastws, "exchange": exchange}
            done = eval(compiled, names)
            if done is not None:
                await done

    run(main)


UNIFIED = PAGE.partition("<!-- ccxt:begin -->")[2].partition("<!-- ccxt:end -->")[0].splitlines()[3:]


@pytest.mark.parametrize(
    "name", [name for row in UNIFIED for name in re.findall(r"`(\w+)`", row.split("|")[1])]
)
def test_what_it_calls_unified_parameters_is_unknown_to_the_exchange(name):
    async def main():
        async with Emulator() as exchange, wire(exchange) as client:
            key = exchange.add_account("HMAC")
            order = signed(key, **limit_order(**{name: "1"}))
            status, code, message = await client.error("order.place", order)
            assert (status, code) == (400, -1104)
            assert message == "Not all sent parameters were read; read '9' parameter(s) but was sent '10'."

    run(main)


def test_its_fixture_runs(pytester):
    (code,) = (text for text in blocks("python") if "fastws_exchange" in text)
    conftest, test = code.split("# test_bot.py\n")
    bot = """
def run_bot(url, key, secret):
    import asyncio, fastws
    async def main():
        async with fastws.connect(url, api_key=key, secret=secret) as client:
            try:
                await client.order_place(symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100")
            except fastws.ExecutionUnknown:
                pass
    asyncio.run(main())
"""
    pytester.makeconftest(conftest)
    pytester.makepyfile(bot + test)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
