from typing import final

@final
class LevelMemory: ...

@final
class LevelView:
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class BookSide:
    def __new__(cls, bids: bool) -> BookSide: ...
