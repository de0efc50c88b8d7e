"""The contract of import-linter that holds the Python modules to the table of rooms (`make lint`)."""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, output
from rooms import PACKAGE, PAGE, Import, Rooms, circles


class RoomsContract(Contract):
    """Every module stands in a room, imports what its room may import, and no modules import in a circle."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        rooms = Rooms(PAGE.read_text(encoding="utf-8"))
        packages = {name for name in graph.modules if graph.find_children(name)} | {PACKAGE}
        imports = [
            Import(importer, imported, f"line {details['line_number']}")
            for importer in graph.modules
            for imported in graph.find_modules_directly_imported_by(importer)
            for details in graph.get_import_details(importer=importer, imported=imported)
        ]
        faults = [
            *rooms.faults,
            *rooms.homeless(graph.modules, packages),
            *rooms.wrong_way(imports, packages),
            *circles(imports),
        ]
        return ContractCheck(kept=not faults, metadata={"faults": faults})

    def render_broken_contract(self, check: Any) -> None:
        for fault in check.metadata["faults"]:
            output.print_error(fault)
