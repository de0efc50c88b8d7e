from typing import Final, final

KINDS_OF: Final[dict[str, tuple[int, ...]]]

@final
class Latencies:
    def summary(self, *kinds: int) -> tuple[int, int, int, int, int, int]: ...
