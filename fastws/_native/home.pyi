import asyncio
import weakref
from typing import final

homes: weakref.WeakSet[Home]

@final
class Home:
    def __new__(cls, loop: asyncio.AbstractEventLoop) -> Home: ...
    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...
    @property
    def forked(self) -> bool: ...
    def check(self, what: str, instead: str = "loop.call_soon_threadsafe") -> int: ...
