"""What a person sees: lines that stay, a region below them that is redrawn, colours where welcome."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def width(text: str) -> int:
    """The columns that a text takes on a terminal: wide characters count twice, combining ones and styles not."""
    text = _ESCAPES.sub("", text)
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def pad(text: str, columns: int, right: bool = False) -> str:
    """``text`` filled with spaces to ``columns``, on its left when it is to stand at the right."""
    space = " " * (columns - width(text))
    return space + text if right else text + space


def table(
    rows: Iterable[Sequence[str]], head: Sequence[str] | None = None, right: Sequence[int] = ()
) -> list[str]:
    """Lines of aligned columns; the columns whose numbers are in ``right`` stand at the right."""
    lines = [list(head), *map(list, rows)] if head is not None else [list(row) for row in rows]
    if not lines:
        return []
    widths = [max(width(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(pad(cell, widths[i], i in right) for i, cell in enumerate(line)).rstrip() for line in lines
    ]


def narrowed(
    rows: Sequence[Sequence[str]],
    head: Sequence[str],
    right: Sequence[str],
    columns: int | None,
    drop: Sequence[str],
) -> list[str]:
    """The lines of a table without as many of the columns ``drop``, in that order, as make it fit."""
    shown = list(head)
    for name in ("", *drop):
        if name in shown[1:]:
            shown.remove(name)
        kept = [head.index(each) for each in shown]
        at_right = [i for i, each in enumerate(shown) if each in right]
        lines = table([[row[i] for i in kept] for row in rows], shown, at_right)
        if columns is None or max(map(width, lines)) <= columns:
            break
    return lines


def cut(text: str, columns: int) -> str:
    """As much of ``text`` as fits into ``columns``."""
    while width(text) > columns:
        text = text[:-1]
    return text


def fold(text: str, columns: int | None) -> list[str]:
    """``text`` in lines of at most ``columns``, broken between words; a longer word has a line of its own."""
    if columns is None:
        return [text]
    lines: list[str] = []
    for word in text.split(" "):
        if lines and width(lines[-1]) + 1 + width(word) <= columns:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


class Screen:
    """A terminal, or a file in its place: the same lines, without colours and without the redrawn region.

    Colours are left out for NO_COLOR (no-color.org), TERM=dumb, anything that is no terminal, and on request.
    """

    def __init__(self, stream: TextIO | None = None, color: bool = True) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self.is_terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._color = color and self.is_terminal and not os.environ.get("NO_COLOR")
        self.unicode = can_show(self._stream, "█▏µ→≥…✓")
        self._live = 0
        if self.is_terminal and sys.platform == "win32":
            os.system("")  # lets the console of Windows understand escape sequences

    @property
    def columns(self) -> int | None:
        """How many columns there are; None for a file, whose lines may be as long as they are."""
        return shutil.get_terminal_size().columns if self.is_terminal else None

    @property
    def room(self) -> int | None:
        """How many of them are left behind an indentation of two."""
        return None if self.columns is None else self.columns - 2

    def style(self, text: str, *names: str) -> str:
        """``text`` in colours, where they are welcome."""
        if not self._color or not names:
            return text
        return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"

    def line(self, text: str = "", *styles: str) -> None:
        """Print a line that stays, above the redrawn region, which goes."""
        self._write(self._erase() + self.style(text, *styles) + "\n")

    def lines(self, texts: Iterable[str], *styles: str) -> None:
        for text in texts:
            self.line(text, *styles)

    def paragraph(self, text: str) -> None:
        """Print a text, broken between words where the terminal ends."""
        self.lines(fold(text, self.columns))

    def entry(self, head: str, text: str, answer: str = "") -> None:
        """Print ``head  text → answer``; what does not fit stands below, under the text."""
        indent = width(head) + 2
        room = None
        if self.columns is not None:
            indent = indent if self.columns - indent >= 24 else 4
            room = max(self.columns - indent, 1)
        lines = fold(text, room)
        if indent == 4:
            lines.insert(0, "")
        if answer:
            answer = f"→ {answer}"
            if room is None or width(lines[-1]) + 1 + width(answer) <= room:
                lines[-1] += " " + answer
            else:
                lines += fold(answer, room)
        self.line(f"{head}  {lines[0]}".rstrip())
        self.lines(" " * indent + line for line in lines[1:])

    def live(self, texts: Sequence[str], *styles: str) -> None:
        """Redraw the region below the lines. On anything but a terminal, nothing is shown."""
        if not self.is_terminal:
            return
        columns, rows = shutil.get_terminal_size()
        shown = [self.style(cut(text, columns - 1), *styles) for text in texts[: rows - 2]]
        self._write(self._erase() + "".join(f"{text}\n" for text in shown))
        self._live = len(shown)

    def _erase(self) -> str:
        count, self._live = self._live, 0
        return f"\x1b[{count}A\x1b[J" if count else ""

    def _write(self, text: str) -> None:
        if not self.unicode:
            text = text.translate(_PLAIN)
        self._stream.write(text)
        self._stream.flush()


_PLAIN = str.maketrans({"µ": "u", "→": "->", "≥": ">=", "…": "...", "✓": "*"})


def can_show(stream: TextIO, text: str) -> bool:
    """Whether the encoding of ``stream`` has all characters of ``text``."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
