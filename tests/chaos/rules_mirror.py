"""Rule 13: in the end the mirror of the account shows what the exchange has."""

from __future__ import annotations

from collections.abc import Iterator

from .history import ClientHistory, ExchangeHistory

__all__ = ["mirror_equals_exchange"]


def mirror_equals_exchange(client: ClientHistory, exchange: ExchangeHistory) -> Iterator[str]:
    mirror = client.mirror
    if mirror is None:
        return
    if mirror.stale:
        yield f"in the end the mirror is stale: {mirror.text}"
    for what, truth in exchange.shown.items():
        shown = mirror.shown.get(what, {})
        for key in sorted({*truth, *shown}, key=str):
            if truth.get(key) != shown.get(key):
                yield f"the mirror has {what} {key} as {shown.get(key)}; it is {truth.get(key)}"
    requests = {request.id: request for request in client.requests if request.id is not None}
    for number in mirror.unknown:
        request = requests.get(number)
        if request is None:
            yield f"the mirror calls request {number} unknown, which the user never made"
        elif not request.placing or not any("ExecutionUnknown" in end.kinds for end in request.ends):
            yield f"the mirror calls it unknown, and it is none: {request}"
        elif any(said.final for said in request.resolved):
            yield f"the mirror calls it unknown, and it was resolved: {request}"
