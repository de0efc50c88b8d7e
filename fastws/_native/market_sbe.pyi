from typing_extensions import disjoint_base

@disjoint_base
class SbeEvents:
    def __new__(cls, numbers: str = "str", time_unit: str = "ms", views: bool = False) -> SbeEvents: ...
