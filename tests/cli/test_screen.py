"""fastws.cli.screen: columns, colours where they are welcome, a region that is redrawn on terminals only."""

import io

import pytest

from fastws.cli.screen import Screen, cut, fold, narrowed, pad, table, width


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self):
        return True

    def text(self):
        return self.buffer.getvalue().decode(self.encoding)


class File(Terminal):
    def isatty(self):
        return False


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_width_counts_columns():
    assert [width(text) for text in ("", "abc", "币", "e\u0301")] == [0, 3, 2, 1]
    assert pad("币", 4) == "币  "
    assert pad("7", 3, right=True) == "  7"
    assert cut("a币b", 2) == "a"
    assert cut("a币b", 3) == "a币"


def test_table():
    assert table([("这是", "1"), ("abc", "22")], ("name", "n"), right=[1]) == [
        "name   n",
        "这是   1",
        "abc   22",
    ]
    assert table([]) == []
    assert table([], ("a", "b")) == ["a  b"]


def test_styles_take_no_columns():
    assert width("\x1b[1;31mhello\x1b[0m") == 5


def test_lines_are_folded_between_words():
    assert fold("one two three", 7) == ["one two", "three"]
    assert fold("one two three", 3) == ["one", "two", "three"]
    assert fold("", 3) == [""]
    assert fold("一二 三", 4) == ["一二", "三"]
    assert fold("one two three", None) == ["one two three"]


def test_a_narrow_table_drops_the_columns_that_it_can_do_without():
    rows, head = [("1", "22", "333")], ("a", "b", "c")
    assert narrowed(rows, head, ["a"], None, ["b"]) == ["a  b   c", "1  22  333"]
    assert narrowed(rows, head, ["a"], 10, ["b"]) == ["a  b   c", "1  22  333"]
    assert narrowed(rows, head, ["c"], 9, ["b", "a"]) == ["a    c", "1  333"]
    assert narrowed(rows, head, [], 2, ["b", "c"]) == ["a", "1"]


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (60, ["1  place  buy one of them now → done"]),
        (34, ["1  place  buy one of them now", "          → done"]),
        (30, ["1  place", "    buy one of them now → done"]),
        (24, ["1  place", "    buy one of them now", "    → done"]),
    ],
)
def test_an_entry_keeps_its_answer_together(monkeypatch, columns, lines):
    monkeypatch.setenv("COLUMNS", str(columns))
    terminal = Terminal()
    Screen(terminal).entry("1  place", "buy one of them now", "done")
    assert terminal.text().splitlines() == lines
    file = File()
    Screen(file).entry("1  place", "buy one of them now", "done")
    assert file.text() == "1  place  buy one of them now → done\n"


def test_a_paragraph_ends_its_lines_where_the_terminal_does(monkeypatch):
    monkeypatch.setenv("COLUMNS", "8")
    terminal, file = Terminal(), File()
    Screen(terminal).paragraph("one two three")
    Screen(file).paragraph("one two three")
    assert (terminal.text(), file.text()) == ("one two\nthree\n", "one two three\n")


def test_colours_on_a_terminal():
    terminal = Terminal()
    screen = Screen(terminal)
    screen.line("hello", "bold", "red")
    screen.line("plain")
    assert terminal.text() == "\x1b[1;31mhello\x1b[0m\nplain\n"


@pytest.mark.parametrize("reason", ["file", "NO_COLOR", "TERM", "option"])
def test_no_colours(reason, monkeypatch):
    if reason == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    if reason == "TERM":
        monkeypatch.setenv("TERM", "dumb")
    stream = File() if reason == "file" else Terminal()
    screen = Screen(stream, color=reason != "option")
    screen.line("hello", "bold")
    assert stream.text() == "hello\n"
    assert screen.is_terminal == (reason in ("NO_COLOR", "option"))


def test_live_region_is_redrawn(monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setenv("LINES", "5")
    terminal = Terminal()
    screen = Screen(terminal, color=False)
    screen.live(["one", "two and more than fits"])
    screen.live(["three"])
    screen.line("stays")
    screen.line("too")
    assert terminal.text() == "one\ntwo and m\n\x1b[2A\x1b[Jthree\n\x1b[1A\x1b[Jstays\ntoo\n"
    screen.live([str(i) for i in range(20)])
    assert terminal.text().endswith("0\n1\n2\n")


def test_live_region_is_left_out_of_a_file():
    file = File()
    screen = Screen(file)
    screen.live(["progress"])
    screen.lines(["a", "b"])
    assert file.text() == "a\nb\n"


def test_an_encoding_that_cannot_show_everything():
    terminal = Terminal("ascii")
    screen = Screen(terminal)
    assert not screen.unicode
    screen.line("5 µs → ≥ …")
    assert terminal.text() == "5 us -> >= ...\n"
    assert Screen(Terminal()).unicode
