from collections.abc import Callable
from types import FunctionType
from typing import Any, final, overload

from ..signing import Signer
from ..types import OnReply, Reply
from .connection import SessionBase
from .methods import MethodSpec
from .waiters import RequestInfo

@final
class Wrapper:
    def __new__(cls, make: Callable[[], FunctionType], spec: MethodSpec | None = None) -> Wrapper: ...
    def __get__(self, instance: Any, owner: type | None = None, /) -> Any: ...

@final
class PreparedRequest:
    def __new__(cls, session: SessionBase, method: str, fixed: dict[str, Any]) -> PreparedRequest: ...
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
