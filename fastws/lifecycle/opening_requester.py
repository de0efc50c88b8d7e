"""``OpeningRequester``: sends fastws' own requests on a connection that is opening, before those of the user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from .._core import Session
from .._native.connection import Connection
from .._native.methods import method_spec
from .._native.waiters import RequestInfo
from ..signing import Signer
from ..types.common import OnReply, Reply

__all__ = ["OpeningRequester"]


class OpeningRequester:
    """A Requester of one connection. ``timeout``: seconds until a request without a reply ends."""

    def __init__(self, session: Session, connection: Connection, timeout: float) -> None:
        self._session = session
        self._connection = connection
        self._timeout = timeout

    @property
    def connected(self) -> bool:
        """Whether requests can be sent."""
        return self._connection.is_open

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
    def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        on_reply: OnReply | None = None,
        timeout: float | None = None,
        urgent: bool | None = None,
        signer: Signer | None = None,
    ) -> Reply[Any] | RequestInfo:
        """As Client.request()."""
        return self._session.send_to(
            self._connection,
            method_spec(method),
            {} if params is None else dict(params),
            on_reply,
            self._timeout if timeout is None else timeout,
            urgent,
            signer,
        )
