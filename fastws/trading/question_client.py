"""A client, as its parts use it to ask the exchange about orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .._native.clock import Clock
from ..requester import Requester
from ..signing import Signer
from ..types.common import Reply

__all__ = ["QuestionClient"]


@dataclass(frozen=True)
class QuestionClient:
    """A client, as ``resolve()`` and ``halt()`` use it to ask the exchange about orders.

    Attributes:
        requester: sends the requests.
        clock: the exchange's time, as the client knows it.
        signer_for: maps the key of an account to the ``signer`` of a request for that account. None stands for the
            client's own key.
        wait_open: waits until requests can be sent; raises NotConnected if they never can be again.
        reply_timeout: how long the client waits for a reply, in seconds.
        client_order_id_prefix: the prefix of the client order ids that the client generates.
        database_lag: the seconds by which the exchange's database may lag behind the engine.
    """

    requester: Requester
    clock: Clock
    signer_for: Callable[[Signer | None], Signer | None]
    wait_open: Callable[[], Awaitable[None]]
    reply_timeout: float
    client_order_id_prefix: str
    database_lag: float

    def ask(self, method: str, params: dict[str, Any], signer: Signer | None, timeout: float) -> Reply[Any]:
        """Send a request for the account of the key ``signer``; None stands for the client's own key.

        ``timeout`` is in seconds.
        """
        return self.requester.request(method, params, signer=self.signer_for(signer), timeout=timeout)
