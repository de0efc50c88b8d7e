from typing import Any, final

from ..signing import Signer
from .buffer import Buffer

@final
class Auth:
    @property
    def signer(self) -> Signer: ...

@final
class Encoder:
    @property
    def out(self) -> Buffer: ...

def encode(
    method: str,
    params: dict[str, Any],
    id: int,
    signer: Signer | None = None,
    timestamp: int = 0,
    *,
    recv_window: Any = None,
    strict: bool = False,
) -> bytes: ...
def make_client_order_id(prefix: str = "") -> str: ...
def random_length(prefix: str) -> int: ...
def check_prefix(prefix: str) -> bytes: ...
def check_recv_window(value: object) -> None: ...
