"""fastws.lifecycle.endpoints: the addresses of the documentation, the URL parameters, and what is refused."""

import re

import pytest

import fastws
from fastws.errors import InvalidRequest
from fastws.lifecycle.endpoints import Endpoint, resolve_endpoint

LOCAL = "ws://127.0.0.1:8080/ws-api/v3"


@pytest.mark.parametrize(
    ("name", "url", "ports"),
    [
        ("prod", "wss://ws-api.binance.com/ws-api/v3", (443, 9443)),
        ("testnet", "wss://ws-api.testnet.binance.vision/ws-api/v3", (443, 9443)),
        ("demo", "wss://demo-ws-api.binance.com/ws-api/v3", (443,)),
    ],
)
def test_named_endpoints(name, url, ports):
    """SEMANTICS 1; the port of demo mode is documented without the alternative."""
    endpoint = resolve_endpoint(name)
    assert endpoint == Endpoint(name, url, url.split("/")[2], 443, ports, True)
    assert resolve_endpoint(name, port=443) == endpoint


def test_ports_of_named_endpoints():
    other = resolve_endpoint("prod", port=9443)
    assert other.url == "wss://ws-api.binance.com:9443/ws-api/v3"
    assert (other.port, other.ports) == (9443, (443, 9443))
    assert resolve_endpoint("prod", time_unit="us").at_port(9443) == resolve_endpoint(
        "prod", port=9443, time_unit="us"
    )
    assert other.at_port(443) == resolve_endpoint("prod")
    for name, port in [("prod", 80), ("testnet", 8443), ("demo", 9443)]:
        with pytest.raises(InvalidRequest, match=f'port of "{name}" must be 443.*not {port}'):
            resolve_endpoint(name, port=port)
    with pytest.raises(InvalidRequest, match="none of 443 or 9443"):
        other.at_port(80)


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ({}, ""),
        ({"time_unit": "us"}, "?timeUnit=MICROSECOND"),
        ({"rate_limits": False}, "?returnRateLimits=false"),
        ({"time_unit": "us", "rate_limits": False}, "?timeUnit=MICROSECOND&returnRateLimits=false"),
    ],
)
def test_url_parameters(options, query):
    """SEMANTICS 25 and 27."""
    assert (
        resolve_endpoint("testnet", **options).url == f"wss://ws-api.testnet.binance.vision/ws-api/v3{query}"
    )
    assert resolve_endpoint(LOCAL, **options).url == LOCAL + query


@pytest.mark.parametrize(
    ("given", "url", "host", "port"),
    [
        (LOCAL, LOCAL, "127.0.0.1", 8080),
        ("ws://127.0.0.1:8080", LOCAL, "127.0.0.1", 8080),
        ("ws://localhost/", "ws://localhost/ws-api/v3", "localhost", 80),
        ("ws://[::1]:9000/x", "ws://[::1]:9000/x", "::1", 9000),
        ("WSS://Example.COM:443/own/path", "wss://example.com/own/path", "example.com", 443),
        ("wss://10.0.0.8:9443", "wss://10.0.0.8:9443/ws-api/v3", "10.0.0.8", 9443),
        ("wss://example.com/?a=1&b=%20", "wss://example.com/ws-api/v3?a=1&b=%20", "example.com", 443),
    ],
)
def test_urls(given, url, host, port):
    endpoint = resolve_endpoint(given)
    assert endpoint == Endpoint("url", url, host, port, (port,), url.startswith("wss"))
    assert resolve_endpoint(endpoint.url) == endpoint


def test_url_keeps_its_query():
    endpoint = resolve_endpoint("wss://example.com/ws?x=1&returnRateLimits=true&y=", time_unit="us")
    assert endpoint.url == "wss://example.com/ws?x=1&returnRateLimits=true&y=&timeUnit=MICROSECOND"
    same = "wss://example.com/ws?timeUnit=microsecond&returnRateLimits=false&responseFormat=json"
    assert resolve_endpoint(same, time_unit="us", rate_limits=False).url == same


def test_port_of_a_url():
    assert resolve_endpoint("ws://localhost/ws", port=9000).url == "ws://localhost:9000/ws"
    assert resolve_endpoint(LOCAL, port=8080).url == LOCAL
    with pytest.raises(InvalidRequest, match="says port 8080, but port is 9000"):
        resolve_endpoint(LOCAL, port=9000)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("production", '"prod"'),
        ("PROD", '"prod"'),
        (" prod", '"prod"'),
        ("pord", '"prod"'),
        ("mainnet", '"prod"'),
        ("test", '"testnet"'),
        ("tesnet", '"testnet"'),
        ("paper", '"demo"'),
        ("ws-api.binance.com", "needs its scheme"),
    ],
)
def test_unknown_name_is_met_with_a_hint(wrong, hint):
    with pytest.raises(InvalidRequest) as caught:
        resolve_endpoint(wrong)
    said = str(caught.value)
    assert hint in said.split("It is")[0]
    assert '"prod", "testnet", "demo" or a URL' in said


@pytest.mark.parametrize("wrong", ["", None, 443, b"prod", "zzzzzz"])
def test_no_endpoint_names_the_choices(wrong):
    with pytest.raises(InvalidRequest, match='"prod", "testnet", "demo" or a URL') as caught:
        resolve_endpoint(wrong)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "[::1]", "localhost", "exchange.localhost"])
def test_plaintext_to_this_machine(host):
    assert not resolve_endpoint(f"ws://{host}:80/x").tls


@pytest.mark.parametrize("host", ["example.com", "10.0.0.8", "[fe80::1]", "localhost.example.com", "0.0.0.0"])
def test_plaintext_to_another_machine_is_refused(host):
    with pytest.raises(InvalidRequest, match="unencrypted") as caught:
        resolve_endpoint(f"ws://{host}/x")
    assert host.strip("[]") in str(caught.value)
    assert not resolve_endpoint(f"ws://{host}/x", allow_plaintext=True).tls


def test_the_option_that_lets_plaintext_through_is_one_of_connect():
    with pytest.raises(InvalidRequest, match="allow_plaintext=True"):
        fastws.connect("ws://10.0.0.8/x")
    assert "ws://10.0.0.8/x" in repr(fastws.connect("ws://10.0.0.8/x", allow_plaintext=True))
    with pytest.raises(InvalidRequest, match="allow_plaintext: expected True or False, got 'yes'"):
        fastws.connect("ws://10.0.0.8/x", allow_plaintext="yes")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://ws-api.binance.com/ws-api/v3", "did you mean wss://"),
        ("http://127.0.0.1", "did you mean ws://"),
        ("ftp://127.0.0.1", "begins with wss://"),
        ("wss://", "no valid host"),
        ("wss:///ws-api/v3", "no valid host"),
        ("wss://exa$mple.com", "no valid host"),
        ("wss://[::1", "malformed"),
        ("wss://[v1.x]/", "no valid host"),
        ("wss://[fe80::1%25eth0]/", "no valid host"),
        ("wss://example.com:port/", "malformed"),
        ("wss://example.com:70000/", "malformed"),
        ("wss://example.com:0/", "port 0"),
        ("wss://example.com/#part", "fragment"),
        ("wss://example.com/#", "fragment"),
        ("wss://example.com/a b", r"U\+0020"),
        ("wss://example.com/\r\nX: y", r"U\+000D"),
        ("wss://börse.example", r"U\+00F6"),
        ("wss://user:hunter2@example.com/", "user name"),
        ("wss://example.com/?timeUnit=MICROSECOND", 'time_unit is "ms"'),
        ("wss://example.com/?timeUnit=SECOND", "not 'SECOND'"),
        ("wss://example.com/?timeUnit=MILLISECOND&timeUnit=MICROSECOND", "more than once"),
        ("wss://example.com/?returnRateLimits=false", "rate_limits is True"),
        ("wss://example.com/?returnRateLimits=no", "not 'no'"),
        ("wss://example.com/?responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=5", "SBE"),
        ("wss://example.com/?sbeSchemaId=3", "SBE"),
    ],
)
def test_refused_urls(url, said):
    with pytest.raises(InvalidRequest, match=said) as caught:
        resolve_endpoint(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"time_unit": "MICROSECOND"}, "time_unit must be"),
        ({"rate_limits": "false"}, "rate_limits must be"),
        ({"port": 0}, "port must be an int"),
        ({"port": 65536}, "port must be an int"),
        ({"port": True}, "port must be an int"),
        ({"port": "443"}, "port must be an int"),
    ],
)
def test_refused_options(options, said):
    with pytest.raises(InvalidRequest, match=re.escape(said)):
        resolve_endpoint("prod", **options)
