"""``Requester``: the interface of a client for its own parts, which send requests by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, overload

from ._native.waiters import RequestInfo
from .signing import Signer
from .types.common import OnReply, Reply

__all__ = ["Requester"]


class Requester(Protocol):
    """A Client, as far as its parts use it. ``Client.request()`` documents ``request()``."""

    @property
    def connected(self) -> bool:
        """Whether requests can be sent."""

    @overload
    def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        on_reply: None = None,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> Reply[Any]: ...
    @overload
    def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        on_reply: OnReply,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> RequestInfo: ...
