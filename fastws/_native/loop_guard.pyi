import asyncio
import weakref
from typing import final

loop_guards: weakref.WeakSet[LoopGuard]

@final
class LoopGuard:
    def __new__(cls, loop: asyncio.AbstractEventLoop) -> LoopGuard: ...
    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...
    @property
    def forked(self) -> bool: ...
    def check(self, what: str, instead: str = "loop.call_soon_threadsafe") -> int: ...
