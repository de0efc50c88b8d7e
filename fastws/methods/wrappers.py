"""The wrappers: one method of Client for each method of the API; compiled, but a Python function to look at.

``wrappers.pyi`` has their signatures for editors and type checkers.
"""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import Any

from .._native.calls import Wrapper
from .parameters import AUTH
from .specs import SPECS
from .table import METHODS, SUBSCRIBING, Method


def _make_function(method: Method) -> FunctionType:
    """The Python function that a Wrapper stands for, with its docstring and its signature."""
    import inspect

    from .texts import describe

    spec = SPECS[method.name]

    # It names no keyword of its own: the session takes the options out of params.
    def call(self: Any, /, **params: Any) -> Any:
        return self._session.call(spec, params)

    def subscribe(self: Any, /, **params: Any) -> Any:
        return self._user_data.subscribe(spec, params)

    if method.subscribes:
        call = subscribe
    keyword = inspect.Parameter.KEYWORD_ONLY
    names = dict.fromkeys(
        (*method.required, *method.params, *(AUTH if method.signed else ()), "returnRateLimits")
    )
    call.__name__ = method.wrapper
    call.__qualname__ = f"Methods.{method.wrapper}"
    call.__doc__ = describe(method)
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *(
                inspect.Parameter(name, keyword, default=default)
                for name, default in (SUBSCRIBING.items() if method.subscribes else ())
            ),
            *(
                inspect.Parameter(
                    name, keyword, default=inspect.Parameter.empty if name in method.required else None
                )
                for name in names
            ),
            *(
                inspect.Parameter(name, keyword, default=None)
                for name in ("on_reply", "timeout", "urgent", "signer")
            ),
        ]
    )
    return call  # type: ignore[return-value]


class Methods:
    """One method of Client for each method of the API: ``order_cancel_replace`` sends ``order.cancelReplace``."""


for _method in METHODS.values():
    setattr(
        Methods,
        _method.wrapper,
        # a method that makes a subscription is sent by the Python function, which makes the Subscription as well
        Wrapper(partial(_make_function, _method), None if _method.subscribes else SPECS[_method.name]),
    )
del _method
