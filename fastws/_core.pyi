import asyncio
from typing import Any, final

from ._frames import Connection
from ._methods import MethodSpec

@final
class Session(Connection):
    def __new__(
        cls,
        owner: Any,
        loop: asyncio.AbstractEventLoop,
        *,
        numbers: str = "str",
        signer: Any = None,
        timeout: float = 15.0,
        recv_window: Any = None,
        cork: bool = True,
        max_message: int = ...,
        max_output: int = ...,
        serial: int = 0,
    ) -> Session: ...
    @property
    def logged_on(self) -> bool: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def seq(self) -> int: ...
    @property
    def requests(self) -> int: ...
    @property
    def replies(self) -> int: ...
    @property
    def writes(self) -> int: ...
    @property
    def events(self) -> int: ...
    @property
    def stale(self) -> int: ...
    @property
    def unknown(self) -> int: ...
    @property
    def unreadable(self) -> int: ...
    @property
    def orphans(self) -> int: ...
    def send(
        self,
        spec: MethodSpec,
        params: dict[str, Any],
        on_reply: Any,
        timeout: Any,
        urgent: Any,
        signer: Any,
        strict: bool,
    ) -> Any: ...
    def end_revoked(self, ids: list[int], cause: Any) -> None: ...
    def flush(self) -> None: ...
    def drain(self) -> asyncio.Future[None] | None: ...
    def limits(self) -> list[tuple[str, str, int, int, int]]: ...
