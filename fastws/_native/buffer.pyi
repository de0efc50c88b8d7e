from typing import final

@final
class Buffer:
    def __new__(cls, capacity: int = 4096) -> Buffer: ...
