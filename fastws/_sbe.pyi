from typing import Any, final

from ._plans import Plans

@final
class Reader:
    def __new__(
        cls, plans: Plans, numbers: str = "str", time_unit: str = "us", native: bool = False
    ) -> Reader: ...
    @property
    def plans(self) -> Plans: ...
    def __call__(self, data: bytes) -> Any: ...
