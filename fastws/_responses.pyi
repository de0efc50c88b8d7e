from typing import Any, final

from ._sbe import Reader

@final
class ResponseReader:
    def __init__(self, reader: Reader, layout: dict[str, Any], views: bool) -> None: ...
    @property
    def deprecated(self) -> bool: ...
    def read(self, data: bytes) -> tuple[int | None, int, Any]: ...
