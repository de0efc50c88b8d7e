"""Write the tables of docs/lifecycle.md from the table of states in fastws/lifecycle/table.py.

`python tools/make_lifecycle_page.py`; with --check, compare.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fastws.lifecycle.table import EVENTS, ROWS, STATES

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "lifecycle.md"
BEGIN, END = "<!-- states:begin -->", "<!-- states:end -->"


def tables() -> str:
    lines = ["| state | meaning |", "| --- | --- |"]
    lines += [f"| {state} | {meaning} |" for state, meaning in STATES.items()]
    lines += ["", "| event | meaning |", "| --- | --- |"]
    lines += [f"| {event} | {meaning} |" for event, meaning in EVENTS.items()]
    lines += ["", "| state | event | next | then |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.state} | {row.event} | {row.next} | {row.says} |" for row in ROWS]
    return "\n".join(lines)


def page(text: str) -> str:
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    return f"{head}{BEGIN}\n{tables()}\n{END}{tail}"


def main() -> int:
    text = PAGE.read_text(encoding="utf-8")
    wanted = page(text)
    if "--check" in sys.argv[1:]:
        if text != wanted:
            print(f"{PAGE.name} is not what the table says: run python tools/make_lifecycle_page.py")
        return int(text != wanted)
    PAGE.write_text(wanted, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
