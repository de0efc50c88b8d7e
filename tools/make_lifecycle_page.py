"""Write the tables of docs/lifecycle.md from those in fastws/lifecycle/table.py and answers.py.

`python tools/make_lifecycle_page.py`; with --check, compare.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fastws.lifecycle.answers import ANSWERS
from fastws.lifecycle.table import EVENTS, ROWS, STATES

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "lifecycle.md"


def states() -> str:
    lines = ["| state | meaning |", "| --- | --- |"]
    lines += [f"| {state} | {meaning} |" for state, meaning in STATES.items()]
    lines += ["", "| event | meaning |", "| --- | --- |"]
    lines += [f"| {event} | {meaning} |" for event, meaning in EVENTS.items()]
    lines += ["", "| state | event | next | then |", "| --- | --- | --- | --- |"]
    for row in ROWS:
        # an event that changes no state has one line for all its states
        states = [each.state for each in ROWS if each == row._replace(state=each.state, next=each.state)]
        if row.next != row.state or len(states) == 1:
            lines.append(f"| {row.state} | {row.event} | {row.next} | {row.says} |")
        elif row.state == states[0]:
            lines.append(f"| {', '.join(states)} | {row.event} | the same | {row.says} |")
    return "\n".join(lines)


def answers() -> str:
    lines = ["| answer to an attempt | event | then |", "| --- | --- | --- |"]
    lines += [f"| {row.answer} | {row.event} | {row.then} |" for row in ANSWERS]
    return "\n".join(lines)


def page(text: str) -> str:
    for name, made in (("states", states()), ("answers", answers())):
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        head, _, rest = text.partition(begin)
        tail = rest.partition(end)[2]
        text = f"{head}{begin}\n{made}\n{end}{tail}"
    return text


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
