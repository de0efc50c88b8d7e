"""The pages in docs/ and beside the code: their links lead somewhere, and code of theirs runs."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

import fastws
from fastws.emulator import Emulator
from helpers.support import run

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for folder in ("docs", "fastws", "bench", "tests", "LICENSES")
    for path in (ROOT / folder).rglob("*.md")
    if "data" not in path.parts
)
PAGES += [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(page: Path) -> set[str]:
    """The names of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / link if link else page
        if "bench/results" in link:  # written by `make bench`
            continue
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}#{anchor}"


def test_each_benchmark_has_its_row() -> None:
    named = re.findall(r"`(test_[\w*]+\.py)`", (ROOT / "bench" / "README.md").read_text(encoding="utf-8"))
    files = sorted(path.name for path in (ROOT / "bench").glob("test_*.py"))
    assert [name for name in files if not any(fnmatch(name, pattern) for pattern in named)] == []
    assert [pattern for pattern in named if not any(fnmatch(name, pattern) for name in files)] == []


def test_each_selection_of_benchmarks_selects_some() -> None:
    tests = [
        f"{path.name}::{name}"
        for path in (ROOT / "bench").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        selections = re.findall(r"""make [\w =.~-]*bench[^`\n]*ARGS="-k '?([\w ]+)""", text)
        selections += re.findall(r"`-k (\w+)`", text)
        for selection in selections:
            words = selection.split(" and ")
            assert any(all(word in test for word in words) for test in tests), f"{page}: -k {selection}"


def run_first_block(page: str) -> dict[str, Any]:
    """Run the first block of Python of a page with a client of the embedded exchange; its names."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    block = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    code = compile(block, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    async def main() -> dict[str, Any]:
        async with Emulator() as exchange:
            key = exchange.add_account("Ed25519")
            async with fastws.connect(
                exchange.url, api_key=key.api_key, private_key=key.private_key, database_lag=0
            ) as client:
                order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
                placed = await client.order_place(**order, price="52000.00", quantity="0.01")
                names = {"client": client, "fastws": fastws, "book_fill": print}
                await eval(code, names)
                return {**names, "placed": placed}

    return run(main())


def test_a_rotation_is_told_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    run_first_block("rotation.md")
    assert capsys.readouterr().out.splitlines() == [
        "a successor is being made: rotate() was called",
        "connection 2 is in use",
        "the old connection is closed",
        "1",
    ]


def test_a_mirror_shows_an_open_order(capsys: pytest.CaptureFixture[str]) -> None:
    names = run_first_block("order_mirror.md")
    order = names["placed"]
    line = f"BTCUSDT {order['orderId']} {order['clientOrderId']} 0.00000000 0.01000000"
    assert capsys.readouterr().out.splitlines() == [line]


def test_each_block_about_market_data_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "market-data.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)

    async def main() -> None:
        async with Emulator(market="live") as exchange:
            names = {"exchange": exchange, "fastws": fastws, "key": exchange.add_account("Ed25519")}
            for block in blocks:
                await eval(
                    compile(block, "market-data.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names
                )

    run(main(), timeout=20)
    trade, quote, sbe = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"(btc|eth)usdt@trade [\d.]+ [\d.]+ \d+", trade)
    assert re.fullmatch(r"[\d.]+ [\d.]+", quote)
    assert re.fullmatch(r"BTCUSDT [\d.]+ [\d.]+ \d+", sbe)
