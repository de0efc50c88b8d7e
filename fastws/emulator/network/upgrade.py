"""The check of a request for a WebSocket connection (RFC 6455, 4.2.1), and the answer to a wrong one."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener

__all__ = ["not_an_upgrade"]

_LONGEST = 200  # characters of a header that an answer quotes


def not_an_upgrade(upgrade: WSUpgradeRequest) -> WSUpgradeResponseWithListener | None:
    """The refusal of a request that is not a correct upgrade to WebSocket; None if it is correct.

    picows checks these headers later and knows only one spelling of each; so this sets them to that spelling.
    """
    headers = upgrade.headers
    for name, wanted in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
        given = headers.getall(name, [])
        elements = [element.strip(" \t").lower() for element in ",".join(given).split(",")]
        if wanted.lower() not in elements:
            return _refuse(400, f"expected '{name}: {wanted}', got {_said(given)}")
        headers[name] = wanted
    versions = headers.getall("Sec-WebSocket-Version", [])
    if versions != ["13"]:
        return _refuse(
            426,
            f"expected 'Sec-WebSocket-Version: 13', got {_said(versions)}",
            {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
        )
    return None


def _refuse(
    status: int, text: str, fields: Mapping[str, str] = MappingProxyType({})
) -> WSUpgradeResponseWithListener:
    headers = {"Content-Type": "text/plain; charset=utf-8", **fields}
    response = WSUpgradeResponse.create_error_response(HTTPStatus(status), text.encode(), headers)
    return WSUpgradeResponseWithListener(response, None)


def _said(given: list[str]) -> str:
    text = ", ".join(given)
    cut = f"... ({len(text)} characters)" if len(text) > _LONGEST else ""
    return f"{text[:_LONGEST]!r}{cut}" if given else "none"
