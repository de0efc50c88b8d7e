"""A listener in Cython, built with nothing of fastws but fastws/market.pxd: docs/cython.md as it stands there."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

import fastws
from fastws import market as market_face
from fastws.errors import InvalidRequest
from helpers.feeding import exchanging, marketing, next_of
from helpers.losing import until
from helpers.support import in_loop

ROOT = Path(__file__).parents[2]
PXD = Path(fastws.__file__).with_name("market.pxd")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("Cython") is None, reason="needs Cython"),
    pytest.mark.skipif(sys.platform == "win32", reason="needs a C compiler that is called as gcc is"),
]


def build(folder: Path, name: str, source: str, pxd: str):
    """Compile a module against a copy of market.pxd alone; return it imported."""
    (folder / "fastws").mkdir(exist_ok=True)
    (folder / "fastws" / "__init__.pxd").write_text("")
    (folder / "fastws" / "market.pxd").write_text(pxd)
    (folder / f"{name}.pyx").write_text(source)
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    target = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    for command in (
        [sys.executable, "-m", "cython", "-3", "-I", str(folder), f"{name}.pyx"],
        [
            compiler,
            "-shared",
            "-fPIC",
            "-O1",
            f"-I{sysconfig.get_path('include')}",
            f"{name}.c",
            "-o",
            str(target),
        ]
        + (["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []),
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    spec = importlib.util.spec_from_file_location(name, target)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def example() -> str:
    text = (ROOT / "docs" / "cython.md").read_text(encoding="utf-8")
    return re.search(r"```cython\n(.*?)```", text, re.DOTALL)[1]


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    return build(tmp_path_factory.mktemp("spread"), "spread", example(), PXD.read_text())


def test_the_interface_cimports_libc_only():
    sources = re.findall(r"^\s*(?:from (\S+) )?cimport", PXD.read_text(), re.MULTILINE)
    assert set(sources) == {"libc.stdint", "libc.string"}


@pytest.mark.parametrize("sbe", [False, True])
@in_loop
async def test_a_listener_gets_trades_tops_and_diffs(spread, sbe):
    names = (
        ("btcusdt@bestBidAsk", "btcusdt@trade", "btcusdt@depth")
        if sbe
        else ("btcusdt@bookTicker", "btcusdt@trade", "btcusdt@depth@100ms")
    )
    async with exchanging() as exchange:
        url = exchange.emulator.sbe_stream_url if sbe else exchange.emulator.stream_url
        key = exchange.api_key if sbe else None
        async with fastws.market_data(url, sbe=sbe, api_key=key) as market:
            listener = spread.Spread()
            listening = await market.listen(listener, *names)
            assert listening.streams == names
            trades = await market.trades("BTCUSDT")
            await exchange.buy()
            trade = await next_of(trades)
            assert listener.volume == float(trade["q"])
            await until(lambda: listener.widest and listener.offered)
            assert listener.gaps == 0
            await listening.stop()
            volume = listener.volume
            await exchange.buy()
            await next_of(trades)
            assert listener.volume == volume


@in_loop
async def test_what_has_no_values_in_c_and_what_is_no_listener_is_refused(spread):
    async with marketing() as (_, market):
        with pytest.raises(InvalidRequest, match="no values in C"):
            await market.listen(spread.Spread(), "btcusdt@kline_1m")
        with pytest.raises(InvalidRequest, match="listener: expected"):
            await market.listen(object(), "btcusdt@trade")


def test_an_extension_of_another_release_is_an_import_error(tmp_path):
    older = PXD.read_text().replace("MARKET_ABI = 1", "MARKET_ABI = 0")
    with pytest.raises(
        ImportError, match=r"built against release 0 of fastws.market, and release 1 is installed"
    ):
        build(tmp_path, "older", example(), older)


def test_a_module_that_does_not_check_is_refused(tmp_path):
    source = (
        textwrap.dedent(example()).replace("import_market(__name__)\n", "").replace("import_market, ", "")
    )
    module = build(tmp_path, "careless", source, PXD.read_text())
    with pytest.raises(ImportError, match=r"careless must call import_market\(__name__\)"):
        market_face.ListenerSink(module.Spread())
