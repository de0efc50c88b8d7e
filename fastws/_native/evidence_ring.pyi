from typing import Final, final

UNKNOWN_ACCOUNT: Final[object]

@final
class EvidenceRing: ...
