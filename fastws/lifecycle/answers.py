"""What follows from an attempt to connect that did not succeed."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import ApiError, Banned, FastwsError, InvalidRequest, LocallyLimited, NotConnected, RateLimited

__all__ = ["Answer", "judge"]


class Answer(NamedTuple):
    """``refused``: to ask again soon is of no use. ``limited``: the exchange says when it may be asked again."""

    refused: bool
    limited: bool


def judge(error: FastwsError) -> Answer:
    """What to make of the error of an attempt."""
    if isinstance(error, (Banned, RateLimited, LocallyLimited)):
        return Answer(False, True)
    if isinstance(error, ApiError):
        return Answer(400 <= error.status < 500, False)
    if isinstance(error, NotConnected):
        return Answer(error._refusal, False)
    return Answer(isinstance(error, InvalidRequest), False)
