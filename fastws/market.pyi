from typing import Any

from typing_extensions import disjoint_base

from ._native.market_sink import MarketSink

@disjoint_base
class MarketListener: ...

@disjoint_base
class ListenerSink(MarketSink):
    def __new__(cls, listener: MarketListener) -> ListenerSink: ...

def check_extension(module: str, abi: int, top: int, trade: int, depth: int) -> None: ...

__test__: dict[str, Any]
