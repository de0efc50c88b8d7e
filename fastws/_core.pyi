import asyncio
from typing import Any, final

from typing_extensions import disjoint_base

from ._native.clock import Clock
from ._native.connection import Connection, SessionBase
from ._native.json_views import Entries
from ._native.limiter import RateLimiter
from ._native.methods import MethodSpec
from ._native.prepared import Template
from ._native.sbe import ResponseReader
from ._native.streams import Stream
from ._native.waiters import RequestInfo
from .holds import Hold
from .owner import SessionOwner
from .signing import Signer
from .types import Reply

@disjoint_base
class SessionWrites(SessionBase):
    route: Connection | None
    down_reason: str
    def check_up(self) -> None: ...
    @property
    def connections(self) -> list[Connection]: ...
    def open_batch(self, batch: Any) -> None: ...
    def close_batch(self, batch: Any, left_by: BaseException | None) -> None: ...
    def give_up_held(self, hold: Hold) -> None: ...

@disjoint_base
class SessionProbes(SessionWrites):
    def set_probes(self, interval: float, timeout: float, stall_after: float | None) -> None: ...
    def probe(self, within: float) -> None: ...

@disjoint_base
class SessionConnections(SessionProbes):
    keep_streams: bool
    def counters(self) -> dict[str, int]: ...
    @property
    def detached(self) -> list[Stream]: ...
    def bind(self, loop: asyncio.AbstractEventLoop) -> None: ...
    def new_connection(self, responses: ResponseReader | None = None) -> Connection: ...
    def flush(self) -> None: ...
    def drain(self) -> asyncio.Future[None] | None: ...
    def settled(self) -> asyncio.Future[None]: ...
    def placements(self) -> list[RequestInfo]: ...
    def trading_in_flight(self) -> list[RequestInfo]: ...
    def watch(self, since: int | None) -> None: ...
    def tell_evidence(self, wanted: bool) -> None: ...
    def take_evidence(self) -> list[tuple[Any, Any, int]]: ...

@final
class Session(SessionConnections):
    records: Any
    def __new__(
        cls,
        owner: SessionOwner,
        limiter: RateLimiter,
        clock: Clock,
        *,
        numbers: str = "str",
        signer: Any = None,
        timeout: float = 15.0,
        recv_window: Any = None,
        cork: bool = True,
        max_message: int = ...,
        max_output: int = ...,
        serial: int = 0,
        views: bool = False,
        search_texts: bool = False,
        id_prefix: str = "",
    ) -> Session: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def close_reason(self) -> str | None: ...
    @property
    def in_flight_count(self) -> int: ...
    def set_signer(self, signer: Signer) -> None: ...
    def send_prepared(self, template: Template, changes: dict[str, Any]) -> Any: ...
    def call(self, spec: MethodSpec, params: dict[str, Any]) -> Any: ...
    def send(
        self,
        spec: MethodSpec,
        params: dict[str, Any],
        on_reply: Any,
        timeout: Any,
        urgent: Any,
        signer: Any,
        strict: bool,
    ) -> Reply[Any] | RequestInfo: ...
    def send_to(
        self,
        connection: Connection,
        spec: MethodSpec,
        params: dict[str, Any],
        on_reply: Any,
        timeout: Any,
        urgent: Any,
        signer: Any,
    ) -> Reply[Any] | RequestInfo: ...
    def open_entries(self, entries: Entries, info: RequestInfo) -> None: ...
    def ask_entries(self, spec: MethodSpec, params: dict[str, Any], name: str) -> Reply[Any]: ...
    def subscribe(self, spec: MethodSpec, params: dict[str, Any], subscription: Any) -> Any: ...
