from typing import final

@final
class LevelMemory: ...

@final
class LevelView: ...

@final
class BookSide:
    def __new__(cls, bids: bool) -> BookSide: ...
