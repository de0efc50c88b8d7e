from typing import final

@final
class SymbolRequests: ...

@final
class Stickiness: ...
