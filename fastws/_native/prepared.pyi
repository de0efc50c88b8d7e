from collections.abc import Callable
from typing import Any, final, overload

from ..signing import Signer
from ..types import OnReply, Reply
from .methods import MethodSpec
from .waiters import RequestInfo

@final
class ReadyBytes: ...

@final
class Template:
    def __new__(cls, method: str, fixed: dict[str, Any]) -> Template: ...
    @property
    def spec(self) -> MethodSpec: ...
    @property
    def fixed(self) -> dict[str, Any]: ...

@final
class PreparedRequest:
    def __new__(
        cls, send: Callable[[Template, dict[str, Any]], Any], method: str, fixed: dict[str, Any]
    ) -> PreparedRequest: ...
    @overload
    def __call__(self, *, on_reply: None = None, **changes: Any) -> Reply[Any]: ...
    @overload
    def __call__(self, *, on_reply: OnReply, **changes: Any) -> RequestInfo: ...
    @property
    def method(self) -> str: ...
    @property
    def params(self) -> dict[str, Any]: ...

def encode_prepared(
    prepared: PreparedRequest,
    params: dict[str, Any],
    id: int,
    signer: Signer | None = None,
    timestamp: int = 0,
    *,
    recv_window: Any = None,
) -> bytes: ...
