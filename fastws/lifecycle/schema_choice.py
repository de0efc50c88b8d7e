"""Chooses the SBE schema of a connection, and finds other versions if the exchange refuses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from .._common.shown import short, shown
from ..errors import ApiError, BadRequest, InvalidRequest, NotConnected

if TYPE_CHECKING:
    from ..sbe import Schema

__all__ = ["choose_schema", "refused_schema"]

# In seconds: the timeout of an attempt that only finds out whether the exchange accepts a version.
_PROBE_TIMEOUT = 2.0


def choose_schema(sbe: bool, schema: Schema | None, results: str) -> Schema | None:
    """The schema to ask for; None for JSON.

    Raises:
        InvalidRequest: an argument is wrong, or they contradict each other.
    """
    from ..sbe import Schema

    if not isinstance(sbe, bool):
        raise InvalidRequest(f"sbe: expected True or False, got {shown(sbe)}")
    if results not in ("dict", "view"):
        raise InvalidRequest(f"results: expected one of 'dict', 'view', got {shown(results)}")
    if schema is not None and not isinstance(schema, Schema):
        raise InvalidRequest(f"schema: expected a fastws.sbe.Schema, got {shown(schema)}")
    if schema is not None and not sbe:
        raise InvalidRequest("schema is given, but sbe is False: give sbe=True as well")
    return schema or (Schema.bundled("spot") if sbe else None)


async def refused_schema(
    schema: Schema, error: ApiError, serves: Callable[[int, int], Awaitable[bool]]
) -> BadRequest:
    """The error for a handshake that was refused with HTTP 400. It names the versions that the exchange accepts.

    Args:
        schema: the refused schema.
        error: the exchange's error.
        serves: called with (schema id, version); returns whether the exchange accepts it.
    """
    from ..sbe import Schema

    known = {schema.version}
    bundled = Schema.bundled("spot").model
    for model in (schema.model, bundled):
        if model.id == schema.id:
            known.update(range(model.oldest, model.version + 1))
    working = []
    for version in sorted(known - {schema.version}, reverse=True):
        try:
            if await asyncio.wait_for(serves(schema.id, version), _PROBE_TIMEOUT):
                working.append(f"{schema.id}:{version}")
        except (NotConnected, asyncio.TimeoutError):
            break
    if working:
        advice = f"it takes {', '.join(working)}: connect with schema=Schema.bundled('spot', version=…)"
    else:
        advice = (
            "it takes no other version that fastws knows: use JSON (sbe=False), or a newer schema"
            " (schema=Schema.from_xml(…))"
        )
    return BadRequest(
        error.status,
        error.code,
        f"the exchange refused the SBE schema {schema.id}:{schema.version} ({short(error.msg)}); {advice}",
        error.data,
        "connect",
    )
