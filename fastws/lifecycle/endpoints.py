"""The addresses of the exchange: production, testnet, demo mode, or a URL.

There is no default endpoint, so that nobody trades for real by mistake. Sources of the addresses: web-socket-api.md
("General API Information"), testnet/general-info.md and demo-mode/general-info.md of Binance's documentation.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from .._common.shown import near, short, shown
from ..errors import InvalidRequest

__all__ = ["Endpoint", "Hosts", "check_ports", "is_loopback", "locate", "resolve_endpoint", "time_unit_of"]

PATH = "/ws-api/v3"

# Other words for the same endpoints: they are not accepted, and only serve for the hint in an error.
_OTHER_WORDS = {
    "production": "prod",
    "mainnet": "prod",
    "live": "prod",
    "real": "prod",
    "test": "testnet",
    "sandbox": "testnet",
    "vision": "testnet",
    "paper": "demo",
}
_DEFAULT_PORTS = {"wss": 443, "ws": 80}
_TIME_UNITS = {"MICROSECOND": "us", "microsecond": "us", "MILLISECOND": "ms", "millisecond": "ms"}
_SBE_PARAMETERS = ("responseFormat", "sbeSchemaId", "sbeSchemaVersion")
_HOST = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Hosts:
    """The named endpoints of a service.

    Attributes:
        named: the host of each, and its ports as Binance documents them, the usual one first.
        path: of a URL that has none.
        keys_by: who takes API keys, for the text of an error.
        carries: what travels there that others must not read or change.
    """

    named: Mapping[str, tuple[str, tuple[int, ...]]]
    path: str
    keys_by: str
    carries: str

    @property
    def choices(self) -> str:
        """What an endpoint may be."""
        return ", ".join(f'"{name}"' for name in self.named) + " or a URL (wss://…)"


_API = Hosts(
    {
        "prod": ("ws-api.binance.com", (443, 9443)),
        "testnet": ("ws-api.testnet.binance.vision", (443, 9443)),
        "demo": ("demo-ws-api.binance.com", (443,)),
    },
    PATH,
    "connect()",
    "keys and orders",
)


@dataclass(frozen=True)
class Endpoint:
    """An address of the exchange.

    Attributes:
        name: "prod", "testnet", "demo", or "url" for a URL of the caller.
        url: the whole URL, query included.
        host: the name or address; an IPv6 address without its brackets.
        port: the TCP port.
        ports: all ports of the host; ``port`` is one of them.
        tls: whether the connection is encrypted (``wss``).
        turn: the ports that are tried, in this order.
    """

    name: str
    url: str
    host: str
    port: int
    ports: tuple[int, ...]
    tls: bool
    turn: tuple[int, ...] = field(default=(), compare=False)

    def at_port(self, port: int) -> Endpoint:
        """The same endpoint on another of its ``ports``."""
        if port not in self.ports:
            raise InvalidRequest(f"port {port} is none of {_listed(self.ports)}")
        parts = urlsplit(self.url)
        return replace(self, port=port, url=_joined(parts, self.host, port, parts.path, parts.query))


def resolve_endpoint(
    endpoint: str,
    *,
    port: int | None = None,
    ports: Sequence[int] | None = None,
    time_unit: str = "ms",
    rate_limits: bool = True,
    schema: tuple[int, int] | None = None,
    allow_plaintext: bool = False,
) -> Endpoint:
    """The address of an endpoint, with the URL parameters that follow from the options.

    Args:
        endpoint: "prod", "testnet", "demo" or a URL. A URL keeps its own path and query; without a path it
            gets ``/ws-api/v3``.
        port: the port: 443 or 9443 for "prod" and "testnet"; None for the usual one.
        ports: the ports to try in turn; by default ``port`` or that of the URL, or all ports of a named endpoint.
        time_unit: "us" adds ``timeUnit=MICROSECOND``: the times in replies are in microseconds.
        rate_limits: False adds ``returnRateLimits=false``: replies have no ``rateLimits``.
        schema: (id, version) of an SBE schema; adds ``responseFormat=sbe``, ``sbeSchemaId`` and ``sbeSchemaVersion``.
            SBE always has microseconds, so ``timeUnit`` is not added.
        allow_plaintext: accept ``ws://`` for a host that is not this machine. Without encryption, others on the network
            can read API keys and change orders.

    Raises:
        InvalidRequest: the endpoint is unknown, it does not have the port, the URL is malformed, or its query
            contradicts an option.
    """
    if time_unit not in ("ms", "us"):
        raise InvalidRequest(f'time_unit must be "ms" or "us", not {shown(time_unit)}')
    if not isinstance(rate_limits, bool):
        raise InvalidRequest(f"rate_limits must be True or False, not {shown(rate_limits)}")
    return locate(
        _API,
        endpoint,
        port,
        ports,
        lambda query: _query(query, time_unit, rate_limits, schema),
        allow_plaintext=allow_plaintext,
    )


def locate(
    hosts: Hosts,
    endpoint: str,
    port: int | None,
    ports: Sequence[int] | None,
    query: Callable[[str], str],
    *,
    allow_plaintext: bool,
) -> Endpoint:
    """The address of an endpoint of a service.

    Args:
        query: makes the query of the URL that is used from that of the caller's URL.

    Raises:
        InvalidRequest: as resolve_endpoint().
    """
    if not isinstance(endpoint, str) or not endpoint:
        raise InvalidRequest(f"endpoint must be {hosts.choices}, not {shown(endpoint)}")
    if port is not None and (isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536):
        raise InvalidRequest(f"port must be an int from 1 to 65535, not {shown(port)}")
    in_turn = None if ports is None else check_ports(ports)
    if in_turn is not None and port is not None and in_turn != (port,):
        raise InvalidRequest(f"ports: port is {port}, so ports cannot be {in_turn}: give one of them")
    if "://" in endpoint:
        return _from_url(hosts, endpoint, port, in_turn, query, allow_plaintext)
    if endpoint not in hosts.named:
        raise InvalidRequest(
            f"endpoint {shown(endpoint)} is unknown{_hint(hosts, endpoint)} It is {hosts.choices}"
        )
    host, known = hosts.named[endpoint]
    if in_turn is None:
        in_turn = known if port is None else (port,)
    for number in in_turn:
        if number not in known:
            raise InvalidRequest(f'port of "{endpoint}" must be {_listed(known)}, not {number}')
    url = _joined(urlsplit("wss://"), host, in_turn[0], hosts.path, query(""))
    return Endpoint(endpoint, url, host, in_turn[0], known, True, in_turn)


def check_ports(ports: object) -> tuple[int, ...]:
    """The ports to try in turn.

    Raises:
        InvalidRequest: they are no ports, or one of them comes twice.
    """
    if isinstance(ports, Sequence) and not isinstance(ports, (str, bytes)):
        given = tuple(ports)
        good = all(type(port) is int and 0 < port < 65536 for port in given)
        if given and good and len(set(given)) == len(given):
            return given
    raise InvalidRequest(f"ports: expected a list of different numbers from 1 to 65535, got {shown(ports)}")


def _from_url(
    hosts: Hosts,
    url: str,
    port: int | None,
    in_turn: tuple[int, ...] | None,
    make_query: Callable[[str], str],
    allow_plaintext: bool,
) -> Endpoint:
    bad = re.search(r"[^\x21-\x7e]", url)
    if bad is not None:
        raise InvalidRequest(
            f"the URL has the character U+{ord(bad.group()):04X}: percent-encode it (a host name: IDNA)"
        )
    try:
        parts = urlsplit(url)
        own_port = parts.port
    except ValueError as error:
        raise InvalidRequest(f"the URL is malformed: {short(str(error))}") from None
    if "@" in parts.netloc:
        # The message does not repeat the URL, which may contain a password.
        raise InvalidRequest(f"the URL holds a user name or password; API keys are given to {hosts.keys_by}")
    if parts.scheme not in _DEFAULT_PORTS:
        right = {"https": "wss", "http": "ws"}.get(parts.scheme)
        hint = f"; did you mean {right}://?" if right else ""
        raise InvalidRequest(
            f"a URL begins with wss:// (or ws:// on this machine), not {short(parts.scheme)}://{hint}"
        )
    host = parts.hostname or ""
    if not (_is_ipv6(host) if "[" in parts.netloc else _HOST.fullmatch(host)):
        raise InvalidRequest(f"the URL names no valid host: {short(url)}")
    if parts.fragment or url.endswith("#"):
        raise InvalidRequest(f"a WebSocket URL has no fragment (#…): {short(url)}")
    if own_port == 0:
        raise InvalidRequest(f"port 0 is no port to connect to: {short(url)}")
    if port is not None and own_port is not None and port != own_port:
        raise InvalidRequest(f"the URL says port {own_port}, but port is {port}: give one of them")
    tls = parts.scheme == "wss"
    if not tls and not allow_plaintext and not is_loopback(host):
        raise InvalidRequest(
            f"ws:// sends {hosts.carries} unencrypted, so it is for this machine only, not for {short(host)}:"
            " use wss:// (or allow_plaintext=True on a network that is yours)"
        )
    if in_turn is not None and own_port is not None and own_port not in in_turn:
        raise InvalidRequest(f"the URL says port {own_port}, but ports are {_listed(in_turn)}")
    if in_turn is None:
        in_turn = (port or own_port or _DEFAULT_PORTS[parts.scheme],)
    number = in_turn[0]
    path = hosts.path if parts.path in ("", "/") else parts.path
    query = make_query(parts.query)
    return Endpoint("url", _joined(parts, host, number, path, query), host, number, in_turn, tls, in_turn)


def _query(query: str, time_unit: str, rate_limits: bool, schema: tuple[int, int] | None) -> str:
    """``query`` with the parameters that the options add. It may repeat an option, but not contradict it."""
    given = parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in given]
    for name in ("timeUnit", "returnRateLimits", *_SBE_PARAMETERS):
        if names.count(name) > 1:
            raise InvalidRequest(f"the URL has {name} more than once")
    own = dict(given)
    added = []
    if "timeUnit" in own:
        unit = time_unit_of(own["timeUnit"])
        if unit != time_unit:
            raise InvalidRequest(f'the URL says timeUnit={own["timeUnit"]}, but time_unit is "{time_unit}"')
    elif time_unit == "us" and schema is None:
        added.append("timeUnit=MICROSECOND")
    if "returnRateLimits" in own:
        if own["returnRateLimits"] not in ("true", "false"):
            raise InvalidRequest(f"returnRateLimits is true or false, not {shown(own['returnRateLimits'])}")
        if (own["returnRateLimits"] == "true") != rate_limits:
            raise InvalidRequest(
                f"the URL says returnRateLimits={own['returnRateLimits']}, but rate_limits is {rate_limits}"
            )
    elif not rate_limits:
        added.append("returnRateLimits=false")
    if schema is None:
        for name in _SBE_PARAMETERS:
            if name in own and (name, own[name]) != ("responseFormat", "json"):
                raise InvalidRequest(f"{name} in the URL asks for SBE replies; this is a JSON connection")
        return "&".join([*([query] if query else []), *added])
    for name, wanted in zip(_SBE_PARAMETERS, ("sbe", *map(str, schema)), strict=True):
        if name not in own:
            added.append(f"{name}={wanted}")
        elif own[name] != wanted:
            raise InvalidRequest(
                f"the URL says {name}={short(own[name])}, but this connection asks for {wanted}"
            )
    return "&".join([*([query] if query else []), *added])


def time_unit_of(text: str) -> str:
    """The ``time_unit`` that a URL's ``timeUnit`` stands for."""
    unit = _TIME_UNITS.get(text)
    if unit is None:
        raise InvalidRequest(f"timeUnit is MICROSECOND or MILLISECOND, not {shown(text)}")
    return unit


def _joined(parts: SplitResult, host: str, port: int, path: str, query: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    if port != _DEFAULT_PORTS[parts.scheme]:
        shown += f":{port}"
    return urlunsplit((parts.scheme, shown, path, query, ""))


def _is_ipv6(host: str) -> bool:
    try:
        return "%" not in host and ipaddress.IPv6Address(host).version == 6
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hint(hosts: Hosts, endpoint: str) -> str:
    word = endpoint.strip().lower()
    if "." in word:
        return ": a host needs its scheme, wss://…."
    if word in _OTHER_WORDS:
        return f'; did you mean "{_OTHER_WORDS[word]}"?'
    meant = near(word, [*hosts.named, *_OTHER_WORDS])
    return "." if meant is None else f'; did you mean "{_OTHER_WORDS.get(meant, meant)}"?'


def _listed(ports: tuple[int, ...]) -> str:
    return " or ".join(str(port) for port in ports)
