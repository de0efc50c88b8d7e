"""``market_data()``: makes a session of market data streams."""

from __future__ import annotations

from typing import Any

from ..option_checks import untraced, with_parameters_of
from .market import MarketData
from .options import MarketOptions

__all__ = ["market_data"]


@with_parameters_of(MarketOptions)
@untraced
def market_data(*args: Any, **options: Any) -> MarketData:
    """A session of market data streams. ``async with market_data(…) as market`` opens and closes it.

    ``market = await market_data(…)`` opens it as well; then call ``await market.close()``. It needs no client: it may
    run in another event loop and thread than the orders.

    Args:
        endpoint: "prod", "testnet", "demo", "market_data_only" (public market data of production, JSON only), or a URL
            whose path is ``/stream`` or none, such as ``exchange.stream_url`` of the embedded exchange.
        sbe: whether events come in SBE, Binance's binary format. Events are shown as in JSON; SBE has the streams
            ``<symbol>@trade``, ``@bestBidAsk``, ``@depth`` and ``@depth20``.
        api_key: the API key of an Ed25519 key, which SBE needs; the handshake carries it in the field X-MBX-APIKEY. It
            signs nothing and needs no permission; use one that cannot trade. JSON needs none, and does not send it.
        signer: a signer that load_signer() made, whose API key is taken; in place of ``api_key``.
        connections: how many connections bring the same streams, 1 to 8. Each event is delivered once, by the first
            that brings it. They are spread over the ports and the addresses of the host, and replaced at different
            times; the loss of one is no gap.
        numbers: the type of decimals in events: "str" for the exchange's exact texts, "float", or "decimal" for
            decimal.Decimal.
        results: "dict", or "view": a read-only Mapping over the received bytes, which decodes a field when you read it.
        time_unit: the unit of the times in events: "ms" or "us".
        port: the TCP port: 443 or 9443.
        ports: the TCP ports to try in turn; by default those of the endpoint, or that of the URL.
        allow_plaintext: whether a ``ws://`` URL may name another machine.
        timeout: seconds until a control request (SUBSCRIBE, UNSUBSCRIBE) without a reply ends.
        connect_timeout: seconds until an attempt to connect ends.
        probe_interval: seconds without a frame from the exchange until the session sends a ping. (The exchange pings
            every 20 s.)
        probe_timeout: seconds for the answer to this ping; without it, the connection is lost. TCP_USER_TIMEOUT is set
            to the sum of both, where the system has it.
        reconnect: whether the session connects again when a connection is lost, and subscribes to all streams again,
            until ``close()``. With False, it is closed for good when no connection is left that brings some stream.
        connect_budget: attempts to connect in 5 minutes that fastws makes by itself, of all sessions and clients of
            this process with the same source address and host. The exchange allows 300 for an address.
        rotate_after: seconds until a connection is replaced by a new one, which is opened and subscribed first: both
            deliver for a second, each event once, and there is no gap. Up to 5 % less by chance. (The exchange ends
            each connection after 24 hours.) None: only when the exchange announces the end of the connection
            (serverShutdown), and by ``market.rotate()``.
        max_message: bytes of the longest message that is accepted.
        ssl_context: settings of TLS; by default those of ``ssl.create_default_context()``.
        proxy: as of connect(): the URL of an HTTP or SOCKS proxy.
        local_addr: as of connect(): the address of this machine to connect from, or (address, port).
        socket_options: as of connect(): options of the socket by name.
        snapshots: where ``market.book()`` asks for snapshots: a client, or the endpoint of a WebSocket API. None: a
            client without a key, to the endpoint of the same name, opened when it is needed.
        on_gap: called with a StreamGap when no connection brings some streams any more; subscriptions get an EventGap
            in that place.
        on_state: called with (old state, new state, reason) at each step of the session.

    Raises:
        InvalidRequest: an argument is wrong (InvalidKey: the key is wrong).
        NotConnected: no connection could be opened. The message says why, and in which step.
        ApiError: the exchange refused the connection (status 4xx or 5xx).
        LocallyLimited: another session or client of this process was told of a ban, and until when.
    """
    return MarketData(MarketOptions(*args, **options))
