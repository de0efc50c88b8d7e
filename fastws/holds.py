"""Holds: reasons to refuse requests before they are made, such as a halt. The rate limiter asks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ._native.methods import ROLES, MethodSpec
from .errors import NotSent

__all__ = ["Hold", "PlacementHold", "may_place"]

_CREATE = ROLES["CREATE"]


class Hold(Protocol):
    """What ``RateLimiter.hold()`` takes. Requests are refused by it until ``RateLimiter.release()``."""

    def refuses(self, spec: MethodSpec, params: Mapping[str, Any], account: str | None) -> bool:
        """Whether a request must not be sent.

        Args:
            spec: its method.
            params: its parameters, without those that fastws adds.
            account: the API key of its account; None for that of the client's own key.
        """

    def error(self, method: str) -> NotSent:
        """The exception for a refused request of this method."""


class PlacementHold:
    """Refuses the requests that may place orders.

    Args:
        error: makes the exception from the name of the method.
        holds: whether the orders of an account are refused: its API key, None for the client's own. By default those of
            all accounts are.
    """

    def __init__(
        self, error: Callable[[str], NotSent], holds: Callable[[str | None], bool] | None = None
    ) -> None:
        self.error = error
        self._holds = holds

    def refuses(self, spec: MethodSpec, params: Mapping[str, Any], account: str | None) -> bool:
        """See Hold."""
        return may_place(spec) and (self._holds is None or self._holds(account))


def may_place(spec: MethodSpec) -> bool:
    """Whether a request of this method may place orders; fastws does not know whether an unknown method does."""
    return spec.role == _CREATE or not spec.known
