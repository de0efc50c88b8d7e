from typing import Any, final

from ..signing import Signer
from .clock import Clock

LIMIT_KINDS: dict[str, str]
LIMIT_INTERVALS: dict[str, str]

@final
class LimitRows: ...

@final
class RateLimiter:
    def __new__(
        cls,
        clock: Clock,
        own_key: str | None,
        *,
        read_only: bool = False,
        reserve: int = 0,
        weigh: Any = None,
    ) -> RateLimiter: ...
    @property
    def read_only(self) -> bool: ...
    @property
    def halted(self) -> bool: ...
    def halt(self, halted: bool) -> None: ...
    def close_gate(
        self, which: str, microseconds: int, until_us: int, why: str, account: str | None = None
    ) -> None: ...
    def own_account(self, signer: Signer | None, params: dict[str, Any] | None) -> str | None: ...
    def used_symbols(self) -> set[tuple[Signer | None, str]]: ...
    def unreachable_symbols(self) -> set[str]: ...
    def rows(self, account: str | None = None) -> list[tuple[str, str, int, int, int, int | None]]: ...
