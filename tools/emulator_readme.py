"""The tables of fastws/emulator/README.md that come from the code: `python tools/emulator_readme.py` writes them."""

from __future__ import annotations

from pathlib import Path

from fastws.emulator.methods import readings
from fastws.emulator.testing.script import ACTIONS
from fastws.emulator.values.faults import KINDS

PAGE = Path(__file__).resolve().parents[1] / "fastws" / "emulator" / "README.md"


def faults() -> str:
    """All kinds of faults."""
    rows = [f"| `{name}` | {kind.summary} |" for name, kind in KINDS.items()]
    return "\n".join(["| kind | what goes wrong |", "| --- | --- |", *rows])


def actions() -> str:
    """All actions of a script."""
    rows = [f"| `{name}` | {summary} |" for name, (summary, _) in ACTIONS.items()]
    return "\n".join(["| action | what it does |", "| --- | --- |", *rows])


TABLES = {"faults": faults, "actions": actions, "readings": readings.markdown}


def update(page: str) -> str:
    """The page with its tables as they should be."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n{table()}\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(update(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
