"""``connect()``: makes the client of an exchange."""

from __future__ import annotations

from typing import Any

from .client import Client
from .option_checks import untraced, with_parameters_of
from .options import Options

__all__ = ["connect"]


@with_parameters_of(Options)
@untraced
def connect(*args: Any, **options: Any) -> Client:
    """A client of the exchange. ``async with connect(…) as client`` opens and closes it.

    ``client = await connect(…)`` opens it as well; then call ``await client.close()``.

    Args:
        endpoint: "prod", "testnet", "demo", or a URL. There is no default, so that nobody trades for real by mistake.
        api_key: the API key, together with ``secret`` or ``private_key``.
        secret: the secret of an HMAC key.
        private_key: an RSA or Ed25519 key: the path of a PEM file, or its content as bytes.
        passphrase: the passphrase of the private key, if it is encrypted.
        signer: a signer that load_signer() made, instead of these four arguments.
        port: the TCP port: 443 or 9443. By default both are tried, 443 first.
        ports: the TCP ports to try in turn; by default those of the endpoint, 443 and 9443, or that of the URL.
        allow_plaintext: whether a ``ws://`` URL may name another machine. Keys and orders then travel unencrypted, so
            use it only on a network of your own.
        sbe: whether the exchange answers in SBE, its binary format. Results are the same as with JSON.
        schema: the SBE schema to ask for; by default the newest one that comes with fastws.
        results: "dict", or "view": a read-only Mapping over the received bytes, which decodes a field when you read it.
        numbers: the type of decimals in results: "str" for the exchange's exact texts, "float", or "decimal" for
            decimal.Decimal.
        time_unit: the unit of the timestamps in results: "ms" or "us".
        rate_limits: whether replies carry the rate limits, which ``client.limits`` shows.
        recv_window: the default ``recvWindow`` of signed requests, in milliseconds. The exchange's default is 5000.
        timeout: seconds until a request without a reply ends. The exchange itself answers -1007 after 10 s.
        connect_timeout: seconds until an attempt to connect ends.
        probe_interval: seconds without a frame from the exchange until the client sends a ping. (The exchange pings
            every 20 s.)
        probe_timeout: seconds for the answer to this ping; without it, the connection is lost. TCP_USER_TIMEOUT is set
            to the sum of both, where the system has it.
        stall_after: seconds that a trading request may wait for its reply while nothing is read; then the client sends
            a ping, and the connection is lost if the answer does not come within as many seconds. So with an order in
            flight a dead connection is noticed within 2 s, and not only after ``timeout``. While bytes of a long
            message are still coming, the client waits longer. None: off.
        reconnect: whether the client connects again when its connection is lost, and logs on again when its logon is
            revoked, until ``close()``. With False a lost connection closes the client for good, and a revoked logon
            stays revoked. docs/lifecycle.md says what follows from a loss.
        connect_budget: attempts to connect in 5 minutes that fastws makes by itself, of all clients of this process
            with the same source address and host. The exchange allows 300 for an address. Opening a client is counted,
            but never refused; hosts on this machine are not counted. When it is used up, attempts wait.
        rotate_after: seconds until a connection is replaced by a new one, which is made first, so that no request and
            no event is lost. Up to 5 % less by chance, so that clients do not do it together. (The exchange ends each
            connection after 24 hours.) None: only when the exchange announces the end of the connection
            (serverShutdown), and by ``client.rotate()``. docs/lifecycle.md says what follows.
        drain_timeout: seconds that a connection which was replaced has for its last replies and events. Then it is
            closed, and what is missing ends as with a loss.
        logon: "auto" logs the connection on by ``session.logon`` if the key is Ed25519; "never" signs each request.
        read_only: whether the client refuses trading requests, and methods that fastws does not know, as ReadOnly.
        reserve_weight: the request weight in each window that reads must leave for other requests. The client refuses a
            read that needs more as LocallyLimited, once a reply has shown the limit. None reserves nothing.
        database_lag: the seconds by which the exchange's database may lag behind its engine. ``resolve()`` waits so
            much longer before a missing order means NeverExecuted, and ``recover_gap()`` asks so long after the end of
            the gap. Binance does not document by how much it lags.
        sync_every: seconds between measurements of the exchange's time (``sync_time()``) in the background. The first
            one is made when the client opens. None measures only on demand, and once after the exchange refused a
            timestamp (-1021). "auto" is 60 for a client with a key, else None.
        cork: whether requests of one turn of the event loop, after the first one, are written together.
        waf_guard: what the client does with a text of yours, such as a client order id, that contains an SQL keyword.
            Binance's firewall may block such a request (fastws.trading.firewall lists the keywords). "warn" logs a
            warning, once for each parameter and keyword; "refuse" raises InvalidRequest; "off" sends the request.
        client_order_id_prefix: the prefix of the client order ids that fastws generates where you give none: up to 23
            letters, digits, - and _. After it come 13 to 22 random characters, of 5 bits each.
        max_output: how many bytes may wait until the exchange reads them. Beyond that, requests are refused as NotSent,
            and if the exchange pings but reads nothing, the connection is lost.
        max_message: the largest message that is accepted, in bytes.
        ssl_context: the TLS settings; by default the exchange's certificate is verified.
        proxy: the URL of a proxy: http, https, socks4, socks4a, socks5 or socks5h, with user name and password if it
            needs them. The proxy looks up the exchange's host name, except with socks4.
        local_addr: the address of this machine to connect from, as "10.0.0.5" or as (address, port). The exchange
            counts weight and connections by address. By default the system chooses.
        socket_options: options of each socket that the client opens, by their names in socket(7), ip(7) and tcp(7),
            e.g. ``{"SO_PRIORITY": 6, "IP_TOS": 0x10}``: SO_RCVBUF and SO_SNDBUF (bytes), IP_TOS (with IPv6 the traffic
            class), SO_PRIORITY, SO_MARK, SO_BUSY_POLL (microseconds), SO_PREFER_BUSY_POLL (0 or 1), SO_BUSY_POLL_BUDGET
            (packets), TCP_THIN_LINEAR_TIMEOUTS (0 or 1), TCP_QUICKACK (0 or 1). They are set before the connection is
            made, and TCP_QUICKACK when it is ready, after which Linux may set it back. What the system refuses does not
            end the attempt: ``client.transport_info.refused`` names it. TCP_NODELAY is always set.
        on_event: called with (event, subscription id or None), inside the read callback, for each event that belongs to
            no Subscription: an event of the connection itself, such as serverShutdown (id None), or an event of a
            subscription that ``client.request()`` made, or that this client did not make.
        on_orphan: called with (request info, outcome) when a request ends after its caller stopped waiting. The outcome
            is its result or its error. A request that timed out is reported once for the timeout, and again if its
            reply comes later. A trading request is also reported if nobody refers to its Future any more. Without
            on_orphan, the end of such a trading request is logged as a warning, with its client order id.
        after_gap: what happens to requests that place orders for an account whose user data events were missed, until
            ``recover_gap()`` is complete or ``gap.accept()`` is called. "hold" refuses them as GapOpen; "go" sends
            them.
        on_gap: called with each Gap, inside the read callback, before the next event of its subscription.
        on_state: called with (old, new, reason) at each step of the client: two of "new", "connecting", "waiting",
            "open", "rotating", "draining", "closing", "closed", and a text. Requests made inside ``on_state(…, "open",
            …)``, or after a rotation inside ``on_state(…, "draining", …)``, are the first ones on the new connection.
            It must be a plain function; an exception is reported to the event loop's exception handler.

    Raises:
        InvalidRequest: an argument is wrong (InvalidKey: the key is wrong).
        NotConnected: no connection could be opened. The message says why, and in which step.
        ApiError: the exchange refused the connection or the logon (status 4xx or 5xx).
        LocallyLimited: another client of this process was told of a ban, or that the weight is used up, and until when.
        RequestTimeout, ConnectionLost, DecodeError: the logon, or the first measurement with ``sync_every``, got no
            reply in time, or a reply that cannot be read.
    """
    return Client(Options(*args, **options))
