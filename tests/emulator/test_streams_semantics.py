"""The map from the statements of tests/data/STREAMS.md to the tests and readings that show them.

A test names the numbers of the statements that it shows in its docstring, as in ``STREAMS 41, 44``. Statements that are
inferred or reported are in the table of readings as well: READINGS_OF says under which topic. What only a client can
show is shown by the tests of CLIENTS, which name no numbers. The tests here fail if a statement has neither.
``PYTHONPATH=tests python -m emulator.test_streams_semantics`` prints the map.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from fastws.emulator.methods.readings import READINGS
from helpers import facts

TESTS = Path(__file__).parents[1]
STATEMENTS = range(1, 103)

READINGS_OF = {
    14: "time unit of streams",
    16: "length of a stream's URL",
    18: "SBE streams with another key",
    19: "SBE streams without a key",
    25: "combined in SBE",
    28: "more than 5 messages in a second",
    30: "more than 1024 streams",
    31: "size of a control request",
    32: "too many attempts to connect to streams",
    38: "serverShutdown of streams",
    46: "form of errors of control requests",
    49: "names of no stream",
    51: "case of stream names",
    52: "reply to SUBSCRIBE",
    56: "types of rolling window tickers",
    64: "bestBidAsk that is culled",
    73: "trades in one SBE message",
    95: "diffs on two connections",
    96: "ids of streams in JSON and SBE",
}

# Tests of the client that show a statement, by file and name.
CLIENTS = {
    70: "feeds/test_market_sbe.py::test_symbols_beyond_the_kept_ones_are_told_apart",
    72: "feeds/test_market_sbe.py::test_what_a_newer_version_adds_is_skipped",
    78: "feeds/test_books.py::test_books_equal_depth_at_every_limit",
    79: "_native/test_book.py::test_79_a_snapshot_older_than_the_first_diff_is_refused",
    81: "_native/test_book.py::test_81_the_first_diff_spans_the_snapshot_or_follows_it",
    87: "_native/test_book.py::test_87_levels_beyond_the_snapshot_are_unknown",
    89: "_native/test_book.py::test_89_a_book_that_is_not_live_is_read_only_if_that_is_wanted",
    90: "_native/test_book.py::test_90_exponents_are_one_price",
    91: "_native/test_book.py::test_91_a_crossed_book_is_stale_and_counted",
    93: "_native/test_market_router.py::test_the_first_connection_that_brings_an_event_wins",
    94: "_native/test_market_router.py::test_an_sbe_message_may_be_partly_new",
    97: "_native/test_market_router.py::test_a_diff_that_one_connection_lacks_is_waited_for_on_the_other",
    98: "_native/test_market_router.py::test_a_connection_that_was_first_gets_the_time_by_which_it_was",
}

# Statements that no test shows, and the reason.
WITHOUT = {
    9: "the addresses of the test network are those of statements 3 and 6",
    11: "what has gone from the documentation is served by neither side",
    99: "connections of a feed have different ages at their first rotation: first_share of lifecycle/rotation.py",
}


def shown_by() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "STREAMS " not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            is_test = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith(
                "test_"
            )
            if is_test:
                for numbers in re.findall(r"STREAMS ([0-9, ]+)", ast.get_docstring(node) or ""):
                    for number in re.findall(r"[0-9]+", numbers):
                        found.setdefault(int(number), []).append(f"{path.relative_to(TESTS)}::{node.name}")
    for number, test in CLIENTS.items():
        found.setdefault(number, []).append(test)
    return found


def test_each_statement_has_a_test_or_a_reading():
    found = shown_by()
    without = set(STATEMENTS) - found.keys() - READINGS_OF.keys() - WITHOUT.keys()
    assert not without, f"no test and no reading names {sorted(without)}"
    assert not WITHOUT.keys() & found.keys(), f"no longer without: {sorted(WITHOUT.keys() & found.keys())}"
    assert found.keys() <= set(STATEMENTS)


def test_the_readings_exist():
    assert set(READINGS_OF.values()) <= {reading.topic for reading in READINGS}


def test_what_is_inferred_or_reported_is_a_reading_or_shown():
    statements = dict(re.findall(r"^([0-9]+)\. (.*)$", facts.text("STREAMS.md"), re.MULTILINE))
    marked = {int(number) for number, text in statements.items() if re.search(r"\[(I|R)[\]:, ]", text)}
    assert marked <= shown_by().keys() | READINGS_OF.keys() | WITHOUT.keys()


def test_the_tests_of_clients_exist():
    for test in CLIENTS.values():
        path, _, name = test.partition("::")
        text = (TESTS / path).read_text(encoding="utf-8")
        assert re.search(rf"def {name}\(", text), f"there is no test {test}"


def test_the_statements_are_those_of_the_list():
    text = facts.text("STREAMS.md")
    assert [int(number) for number in re.findall(r"^([0-9]+)\. ", text, re.MULTILINE)] == list(STATEMENTS)


if __name__ == "__main__":
    for number, tests in sorted(shown_by().items()):
        print(number, *tests, sep="\n    ")
