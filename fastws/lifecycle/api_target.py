"""``ApiTarget``: the connections of a client, which go to the WebSocket API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .._core import Session
from .._native.connection import Connection
from ..errors import BadRequest
from ..options import Options, make_endpoint, make_reader, make_schema
from .handshake import Headers
from .opening_requester import OpeningRequester
from .schema_choice import refused_schema

__all__ = ["ApiTarget"]


class ApiTarget:
    """Makes the connections of a Session; see Target."""

    def __init__(self, options: Options, session: Session) -> None:
        self._options = options
        self._session = session
        self.endpoint = make_endpoint(options)
        self.headers = Headers()
        signer = options.signer
        self.logs_on = options.logon == "auto" and signer is not None and signer.can_logon

    def new_connection(self) -> Connection:
        """A new connection of the session, which is not open yet."""
        return self._session.new_connection(make_reader(self._options))

    def requester(self, connection: Connection, timeout: float) -> OpeningRequester:
        """Sends fastws' own requests on this connection."""
        return OpeningRequester(self._session, connection, timeout)

    async def explain(self, refusal: BadRequest, serves: Callable[[str], Awaitable[bool]]) -> BadRequest:
        """The error for a handshake that was refused: it names the SBE schemas that the exchange accepts."""
        schema = make_schema(self._options)
        if schema is None:
            return refusal
        version = f"sbeSchemaVersion={schema.version}"

        async def serves_version(schema_id: int, other: int) -> bool:
            return await serves(self.endpoint.url.replace(version, f"sbeSchemaVersion={other}"))

        return await refused_schema(schema, refusal, serves_version)
