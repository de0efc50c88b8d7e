"""``connect()``: where a program begins."""

from __future__ import annotations

from typing import Any

from .client import Client
from .options import Options, taking, untraced

__all__ = ["connect"]


@taking(Options)
@untraced
def connect(*args: Any, **options: Any) -> Client:
    """A client of the exchange; use it in ``async with``, or await it, and ``close()`` it.

    Args:
        endpoint: "prod", "testnet", "demo", or a URL. There is no default: nobody trades for real by omission.
        api_key: the API key, with ``secret`` or ``private_key``.
        secret: of an HMAC key.
        private_key: a path or PEM bytes, of an RSA or Ed25519 key.
        passphrase: of a private key that is encrypted.
        signer: what load_signer() made, instead of these four.
        port: 443, which is the default, or 9443.
        allow_plaintext: accept a ``ws://`` URL of another machine, on a network that is yours: keys and orders go there
            unencrypted.
        sbe: whether the exchange answers in SBE, its binary format; results are the same as in JSON.
        schema: the SBE schema to ask for; by default the newest one that comes with fastws.
        results: "dict", or "view": a read-only Mapping over the received bytes that decodes a field when it is read.
        numbers: decimals as the exchange's exact texts ("str"), as float ("float"), or as decimal.Decimal ("decimal").
        time_unit: unit of the timestamps in results: "ms" or "us".
        rate_limits: whether replies carry the rate limits, which ``client.limits`` shows.
        recv_window: default ``recvWindow`` of signed requests, in milliseconds (the exchange's default is 5000).
        timeout: seconds until a request without a reply ends. The exchange itself answers -1007 after 10 s.
        connect_timeout: seconds until an attempt to connect ends.
        logon: "auto" authorises the connection by ``session.logon`` when the key is Ed25519; "never" signs each
            request.
        read_only: whether trading requests are refused as ReadOnly, and with them what fastws does not know.
        reserve_weight: request weight of each window that reads must leave for other requests: reads that would
            take it are refused as LocallyLimited, as soon as a reply has shown the limit. None keeps nothing.
        sync_every: seconds between measurements of the exchange's time (``sync_time()``) in the background, from the
            opening on; None measures on demand, and once after the exchange refused a timestamp (-1021).
        cork: whether requests of one turn of the event loop, behind the first, leave in one write.
        waf_guard: what happens to a client order id of yours, or another text that you word, which holds an SQL keyword
            that Binance's firewall may take for an attack (fastws.trading.firewall has the list). "warn": it is logged
            as a warning, once for a word; "refuse": the request is refused; "off": it is sent.
        client_order_id_prefix: how the client order ids begin that fastws makes where you give none: up to 23 letters,
            digits, - and _. At least 13 random characters (65 bits) follow, 22 at most.
        max_output: bytes that may wait for the exchange to read them; beyond it requests are refused as not sent, and
            an exchange that pings, and reads nothing, has lost the connection.
        max_message: largest message that is accepted, in bytes.
        ssl_context: for TLS; the default verifies the exchange's certificate.
        proxy: URL of a proxy: http, https, socks4, socks4a, socks5 or socks5h, with user name and password where it
            wants them. The proxy looks up the exchange's name, except with socks4.
        local_addr: the address of this machine to connect from, as "10.0.0.5" or as (address, port); the exchange
            counts weight and connections by address. By default the system chooses.
        on_event: called with (event, subscription id or None), inside the read callback, for each event that no
            Subscription takes: those of the connection itself, such as serverShutdown (id None), those of a
            subscription made by ``request()``, and those of subscriptions that nobody here made.
        on_orphan: called with (request info, outcome) when a request comes to its end after its waiter gave up: its
            result or its error. A timeout is such an error; a reply that comes later is told as well. So is the end
            of a trading request whose Future nobody refers to any more. Without on_orphan, the end of a trading request
            is logged as a warning, with its client order id.

    Raises:
        InvalidRequest: an argument is wrong (InvalidKey: the key).
        NotConnected: no connection could be made: the message says why, and what was waited for.
        ApiError: the exchange refused it (status 4xx or 5xx), or the logon.
        RequestTimeout, ConnectionLost, DecodeError: the logon, or with ``sync_every`` the first measurement, got no
            answer in time, or none that can be read.
    """
    return Client(Options(*args, **options))
