import asyncio
from typing import final

@final
class Home:
    def __new__(cls, loop: asyncio.AbstractEventLoop) -> Home: ...
    def check(self, what: str, instead: str = "loop.call_soon_threadsafe") -> int: ...
