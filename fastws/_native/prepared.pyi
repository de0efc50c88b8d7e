from typing import Any, final

from .methods import MethodSpec

@final
class ReadyBytes: ...

@final
class Template:
    def __new__(cls, method: str, fixed: dict[str, Any]) -> Template: ...
    @property
    def spec(self) -> MethodSpec: ...
    @property
    def fixed(self) -> dict[str, Any]: ...
