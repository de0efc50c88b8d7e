from typing import Final, final

UNKNOWN: Final[object]

@final
class Evidence: ...
