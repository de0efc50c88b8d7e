"""``ClientRequests``: the methods of a Client that send any request, at once, prepared, or in a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from ._core import Session
from ._native.calls import PreparedRequest
from ._native.methods import MethodSpec, method_spec
from ._native.waiters import RequestInfo
from .methods import Methods
from .signing import Signer
from .trading.batch import Batch
from .trading.firewall import Firewall
from .types.common import OnReply, Reply

__all__ = ["ClientRequests"]


class ClientRequests(Methods):
    """Sends requests by name; the wrappers of Methods do the same with a signature of each method."""

    _session: Session
    _firewall: Firewall

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
        """Send any method with any parameters, including methods that fastws does not know.

        When this returns, the request is encoded, signed and handed to the transport. ``await`` the Future, or pass it
        to ``asyncio.ensure_future``. Do not pass it to ``asyncio.create_task``, which accepts only coroutines: it
        raises, but the request is already sent.

        Args:
            method: Binance's name, e.g. "order.place".
            params: parameters by Binance's names; None values are left out.
            on_reply: called as ``on_reply(result, error)`` inside the read callback; there is no Future then.
            timeout: seconds until the request without a reply ends; None for the client's default.
            urgent: whether the request is written at once, after all corked requests. None: only cancels are.
            signer: sign this request with another key (made by load_signer()).

        Returns:
            A Future of the result; its ``info`` is the RequestInfo. With ``on_reply``, the RequestInfo itself.

        Raises:
            InvalidRequest: the name or a parameter is wrong. NotSent, NotConnected: the request cannot be sent now.
        """
        spec: MethodSpec = method_spec(method)
        return self._session.send(
            spec, {} if params is None else dict(params), on_reply, timeout, urgent, signer, False
        )

    def flush(self) -> None:
        """Write the corked requests now, and not at the end of the event loop's turn."""
        self._session.flush()

    def prepare(self, method: str, /, **params: Any) -> PreparedRequest:
        """Encode a request in advance, except for the parameters that change.

        ``quote = client.prepare("order.place", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC")``
        prepares it; each ``quote(price="52000.00", quantity="0.01")`` sends it. The call does the same as
        ``client.order_place(…)`` with all these parameters, in less time. Parameters of the call replace prepared ones.
        ``await`` its Future, or pass it to ``asyncio.ensure_future``; ``asyncio.create_task`` does not accept it.

        Args:
            method: Binance's name. A method that fastws does not know is sent as ``client.request()`` sends it.
            params: the parameters that do not change, by Binance's names; None values are left out. Client order ids
                cannot be prepared: fastws generates a new one for each request, or the call gives it.

        Returns:
            A callable, which takes parameters and the options ``on_reply``, ``timeout``, ``urgent`` and ``signer``.

        Raises:
            InvalidRequest: a name or a value is wrong. The call, not prepare(), raises it for a missing parameter.
        """
        prepared = PreparedRequest(self._session, method, params)
        for name in method_spec(method).free_texts:
            self._firewall.check(method, name, params.get(name))
        return prepared

    def batch(self) -> Batch:
        """``with client.batch():`` writes all requests of the block in one write, at the end of the block.

        If the block raises an exception, nothing is sent: its requests end as NotSent, and the exception goes on. A
        batch within a batch is written together with the outer one. ``urgent`` and ``flush()`` have no effect before
        the end. Requests beyond ``max_output`` bytes are refused as NotSent.

        Raises:
            RuntimeError: the block contained an ``await`` at which other code ran (its requests end as NotSent), or the
                block runs in another thread than the client. NotConnected: the client is not open.
        """
        self._session.check_up()
        return Batch(self._session)
