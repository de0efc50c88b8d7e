"""Connections in SBE: the schemas that a client can request, and replies and events in binary frames.

The packer packs the results of the JSON API, so both formats show the same state. It shares no code with the client's
decoder, so that a mistake in one cannot hide a mistake in the other.
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
    """The settings of SBE. All can be changed at any time.

    Attributes:
        enabled: whether SBE is served; if not, handshakes are refused, and so are requests of open SBE connections.
        schemas: the status of each schema, by id and version as in "3:5"; used at the handshake. Messages are
            always encoded in 3:5.
        subscription_ids: whether events have the id of their subscription; else they have a null.
    """

    def __init__(self, schemas: Mapping[str, SchemaStatus] = SCHEMAS) -> None:
        self.enabled = True
        self.schemas = dict(schemas)
        self.subscription_ids = True

    def open(self, query: Mapping[str, list[str]]) -> SbeFormat:
        """Make the format of a new connection, from the parameters of its URL.

        Raises:
            Refusal: the schema is missing, malformed, unknown or retired, or SBE is not enabled.
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
        schema: the id and version of the schema that the client requested.
        deprecated: whether the schema is deprecated, which every reply says.
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
        """Encode a reply with a result; see Format."""
        return self._reply(request_id, 200, pack_message(*RESULTS[method](result)), windows, now_us)

    def failure(
        self, request_id: str, refusal: Refusal, windows: Sequence[Window] | None, now_us: int
    ) -> bytes:
        """Encode a reply with an error."""
        error = refusal.body()
        data = refusal.data
        if data is not None and "cancelResult" in data:
            error["replaced"] = data
        return self._reply(request_id, refusal.status, pack_message(_ERROR, error), windows, now_us)

    def event(self, event: dict[str, Any], subscription_id: int | None = None) -> bytes:
        """Encode an event, which is not wrapped in a WebSocketResponse."""
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
            # In SBE, the id is always a text: the digits of a number, or the empty text for null.
            "id": "" if request_id == "null" else request_id.strip('"'),
            "result": message,
        }
        return pack_message(_RESPONSE, response)
