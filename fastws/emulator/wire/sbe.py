"""Connections in SBE: which schemas a client may ask for, and replies and events in binary frames.

The packer begins with the result that the JSON API documents, so that both formats show one state. It shares no
code with the decoder of the client, so that one mistake cannot hide another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from ..values.errors import Refusal, refuse
from ..values.limits import Window
from .choice import EVENTS, RESULTS
from .messages import pack_message

__all__ = ["SCHEMAS", "SbeFormat", "SbeSettings", "SchemaStatus"]

SchemaStatus: TypeAlias = Literal["latest", "deprecated", "retired"]

# sbe_schema_lifecycle_prod.json of 2026-07-07.
SCHEMAS: Mapping[str, SchemaStatus] = {
    "3:5": "latest",
    "3:4": "deprecated",
    "3:3": "deprecated",
    "3:2": "deprecated",
    "3:1": "retired",
    "3:0": "retired",
    "2:1": "retired",
    "2:0": "retired",
    "1:0": "retired",
}

_ERROR, _RESPONSE = 100, 50


class SbeSettings:
    """How the exchange treats SBE. All may be changed at any time.

    Attributes:
        enabled: without it, handshakes are refused, and so are the requests of connections in SBE that there are.
        schemas: the status of each schema, by its id and version as in "3:5"; looked up at the handshake. What
            is accepted is encoded in 3:5.
        subscription_ids: events name their subscription; else they carry a null for it.
    """

    def __init__(self, schemas: Mapping[str, SchemaStatus] = SCHEMAS) -> None:
        self.enabled = True
        self.schemas = dict(schemas)
        self.subscription_ids = True

    def open(self, query: Mapping[str, list[str]]) -> SbeFormat:
        """The format of a new connection, by the parameters of its URL.

        Raises:
            Refusal: no valid schema, or a retired one.
        """
        if not self.enabled:
            raise refuse(-1155)
        schema = ":".join(",".join(query.get(name, ())) for name in ("sbeSchemaId", "sbeSchemaVersion"))
        status = self.schemas.get(schema, "retired")
        if status == "retired":
            raise refuse(-1153)
        number, version = map(int, schema.split(":"))
        return SbeFormat(self, status == "deprecated", (number, version))


class SbeFormat:
    """SBE in binary frames. Timestamps are always microseconds.

    Attributes:
        schema: id and version of the schema that the client asked for.
        deprecated: what every reply says of the schema that the client asked for.
    """

    binary = True
    time_divisor = 1

    def __init__(self, settings: SbeSettings, deprecated: bool, schema: tuple[int, int] = (3, 5)) -> None:
        self.schema: tuple[int, int] | None = schema
        self.deprecated = deprecated
        self._settings = settings

    def success(
        self, request_id: str, result: Any, windows: Sequence[Window] | None, now_us: int, method: str
    ) -> bytes:
        """The reply with a result, see JsonFormat."""
        return self._reply(request_id, 200, pack_message(*RESULTS[method](result)), windows, now_us)

    def failure(
        self, request_id: str, refusal: Refusal, windows: Sequence[Window] | None, now_us: int
    ) -> bytes:
        """The reply with an error."""
        error = refusal.body()
        data = refusal.data
        if data is not None and "cancelResult" in data:
            error["replaced"] = data
        return self._reply(request_id, refusal.status, pack_message(_ERROR, error), windows, now_us)

    def event(self, event: dict[str, Any], subscription_id: int | None = None) -> bytes:
        """An event, which is no part of a WebSocketResponse."""
        if subscription_id is not None and self._settings.subscription_ids:
            event = {**event, "subscriptionId": subscription_id}
        return pack_message(EVENTS[event["e"]], event)

    def _reply(
        self,
        request_id: str,
        status: int,
        message: bytes,
        windows: Sequence[Window] | None,
        now_us: int,
    ) -> bytes:
        response = {
            "sbeSchemaIdVersionDeprecated": self.deprecated,
            "status": status,
            "rateLimits": [window.usage(now_us) for window in windows or ()],
            # The id is always a text here: a number becomes its digits, null the empty text.
            "id": "" if request_id == "null" else request_id.strip('"'),
            "result": message,
        }
        return pack_message(_RESPONSE, response)
