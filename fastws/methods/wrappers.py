"""The wrappers: one method of Client for each method of the API.

``wrappers.pyi`` has their signatures for editors and type checkers.
"""

from __future__ import annotations

import inspect
from typing import Any

from .parameters import AUTH
from .specs import SPECS
from .table import METHODS, SUBSCRIBING, Method
from .texts import describe


def _make_wrapper(method: Method) -> Any:
    spec = SPECS[method.name]

    # The wrapper names no keyword of its own: CPython would compare each of them with each given one, which costs more
    # than the request itself. The session takes the options out of params.
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
    return call


class Methods:
    """One method of Client for each method of the API: ``order_cancel_replace`` sends ``order.cancelReplace``."""


for _method in METHODS.values():
    setattr(Methods, _method.wrapper, _make_wrapper(_method))
del _method
