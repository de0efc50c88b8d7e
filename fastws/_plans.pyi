from collections.abc import Callable
from typing import final

from .sbe.plan import BlockPlan

@final
class Plan:
    def __init__(self, block: BlockPlan) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def event(self) -> str | None: ...

@final
class Plans:
    def __init__(
        self, schema_id: int, version: int, compile: Callable[[int, int], BlockPlan | None]
    ) -> None: ...
    @property
    def schema_id(self) -> int: ...
    @property
    def version(self) -> int: ...
