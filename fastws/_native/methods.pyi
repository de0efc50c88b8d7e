from collections.abc import Mapping, Sequence

from typing_extensions import disjoint_base

KINDS: dict[str, int]
EFFECTS: dict[str, int]
ROLES: dict[str, int]
SHAPES: dict[str, int]

@disjoint_base
class ParamSpec:
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> int: ...

@disjoint_base
class MethodSpec:
    @property
    def name(self) -> str: ...
    @property
    def timestamped(self) -> bool: ...
    @property
    def authorised(self) -> bool: ...
    @property
    def always_signed(self) -> bool: ...
    @property
    def trading(self) -> bool: ...
    @property
    def urgent(self) -> bool: ...
    @property
    def names_orders(self) -> bool: ...
    @property
    def shape(self) -> int: ...
    @property
    def effect(self) -> int: ...
    @property
    def role(self) -> int: ...
    @property
    def error_is_result(self) -> bool: ...
    @property
    def known(self) -> bool: ...
    @property
    def own_ids(self) -> tuple[str, ...]: ...
    @property
    def free_texts(self) -> tuple[str, ...]: ...
    @property
    def own_id(self) -> str | None: ...
    @property
    def params(self) -> dict[str, ParamSpec]: ...
    @property
    def required(self) -> tuple[str, ...]: ...
    @property
    def groups(self) -> tuple[tuple[str, ...], ...]: ...

def register_params(kinds: Mapping[str, str]) -> None: ...
def register_method(
    name: str,
    *,
    params: Sequence[str] = (),
    required: Sequence[str] = (),
    groups: Sequence[tuple[str, ...]] = (),
    timestamped: bool = False,
    authorised: bool = False,
    always_signed: bool = False,
    trading: bool = False,
    urgent: bool = False,
    names_orders: bool = False,
    shape: int = 0,
    effect: int = ...,
    role: int = ...,
    own_ids: Sequence[str] = (),
    own_id: str | None = None,
    free_texts: Sequence[str] = (),
    error_is_result: bool = False,
) -> MethodSpec: ...
def method_spec(name: str) -> MethodSpec: ...
