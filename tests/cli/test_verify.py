"""python -m fastws verify: a whole run, an exchange that lies, ends half-way, and what it leaves behind: nothing."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import pytest

from fastws.cli import verify_orders
from fastws.cli.verify import _check_allowed, kind_of
from fastws.cli.verify_run import PLACED, TOPICS
from fastws.emulator import EmulatorThread, Limits
from fastws.emulator.methods.readings import READINGS, observations
from fastws.lifecycle.endpoints import resolve_endpoint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def verify(command, monkeypatch, tmp_path):
    """Runs the command against an exchange with options and script lines: its outcome, the file, and the exchange."""

    monkeypatch.setattr(verify_orders, "_SURELY_EXECUTED", 0.5)

    def run(
        *arguments, key_type="Ed25519", lines="", permissions=("TRADE", "USER_DATA", "USER_STREAM"), **options
    ):
        options = {"ping_interval": 0.02, "market": "quiet", **options}
        with EmulatorThread(**options) as exchange:
            key = exchange.add_account(key_type, permissions=permissions)
            key_of(monkeypatch, tmp_path, key)
            exchange.script(lines)
            out = tmp_path / "found.json"
            outcome = command("verify", "--url", exchange.url, "--quiet", "0.06", "--out", out, *arguments)
            exchange.script("clear")
            open_orders = exchange.call(lambda e: open_at(e))
            placed = exchange.journal.find(method="order.place")
            for secret in (key.api_key, key.secret, str(key.private_key)):
                assert not secret or secret not in outcome.out + outcome.err
        found = json.loads(out.read_text(encoding="utf-8")) if out.exists() else None
        if found is not None:
            assert key.api_key not in out.read_text(encoding="utf-8")
        return outcome, found, open_orders, placed

    return run


def key_of(monkeypatch, folder, key):
    """Give a key to the commands, by the environment."""
    monkeypatch.setenv("FASTWS_API_KEY", key.api_key)
    if key.secret is not None:
        monkeypatch.setenv("FASTWS_SECRET", key.secret)
    else:
        path = folder / "key.pem"
        path.write_bytes(key.private_key)
        monkeypatch.setenv("FASTWS_PRIVATE_KEY", str(path))


def open_at(exchange):
    """The client order ids of all open orders of users."""
    return [
        order.client_id
        for book in exchange.core.engine.books.values()
        for order in book.orders.values()
        if order.is_open and not exchange.core.is_internal(order.account)
    ]


def verdicts(found):
    return {row["topic"]: row["verdict"] for row in found["readings"]}


UNCLEAR = {"end after serverShutdown"}


@pytest.mark.parametrize("key_type", ["Ed25519", "HMAC"])
def test_a_whole_run(verify, key_type):
    outcome, found, open_orders, placed = verify(key_type=key_type)
    assert (outcome.code, outcome.err) == (0, ""), outcome.out
    assert verdicts(found) == {topic: "unclear" if topic in UNCLEAR else "observed" for topic in TOPICS}
    lines = outcome.out.splitlines()
    assert "small orders of BTCUSDT, far below the market, are placed and canceled" in lines[0]
    assert lines[1].split() == ["reading", "until", "now", "verdict", "what", "was", "observed"]
    for line, topic in zip(lines[2:], TOPICS, strict=False):
        assert line.startswith(topic), lines
    assert lines[-1].startswith("Written to ")
    assert (found["endpoint"], found["symbol"]) == ("other", "BTCUSDT")
    assert found["build"].startswith("fastws ")
    assert open_orders == []
    assert len(placed) == PLACED - 1, "one of them is placed by order.cancelReplace"
    assert all(float(each.params["price"]) * float(each.params["quantity"]) < 30 for each in placed)


def test_what_it_found_is_shown_with_the_readings(verify, command, tmp_path):
    verify("--wait", "0.01", differing_fields=["W"])
    outcome = command("emulator", "--readings", tmp_path / "found.json")
    assert outcome.code == 0
    (line,) = (line for line in outcome.out.splitlines() if line.startswith("events on two connections"))
    assert "refuted (20" in line
    assert "another endpoint)" in line
    assert line.endswith("; but W differ; 14 events were compared")


LIES = {
    "account_subscriptions": (
        {"limits": Limits(account_subscriptions=1)},
        "",
        {"subscriptions of two connections"},
    ),
    "fields": ({"differing_fields": ["u", "W"]}, "", {"events on two connections"}),
    "E": ({"differing_fields": ["E"]}, "", set()),
    "termination": ({"termination_overtakes": True, "event_delay": 0.03}, "", {"eventStreamTerminated"}),
    "no termination": ({}, "drop_event@eventStreamTerminated times=2", {"eventStreamTerminated"}),
    "types": (
        {"types_overtake": True, "event_delay": (0.0, 0.03)},
        "",
        {"order of events on two connections"},
    ),
    "a lost event": (
        {},
        "drop_event@executionReport connection=newest after=1",
        {"events on two connections"},
    ),
    "lost events": (
        {},
        "drop_event@executionReport connection=newest times=0 after=8 chance=0.5",
        {"events of a subscription"},
    ),
    "parameters": ({}, "error@order.test status=400 code=-1100", {"unknown parameters"}),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_exchange_that_lies_is_refuted(verify, lie):
    options, lines, refuted = LIES[lie]
    outcome, found, open_orders, _ = verify(lines=lines, **options)
    assert {topic for topic, verdict in verdicts(found).items() if verdict == "refuted"} == refuted, found
    assert outcome.code == (1 if refuted else 0)
    if refuted:
        assert outcome.err == f"fastws: refuted: {', '.join(refuted)}\n"
    assert open_orders == []


def test_what_cannot_be_tested_stays_unclear(verify):
    _, found, _, _ = verify(limits=Limits(account_subscriptions=1))
    unclear = {topic for topic, verdict in verdicts(found).items() if verdict == "unclear"}
    assert unclear == {
        "events on two connections",
        "order of events on two connections",
        "eventStreamTerminated",
        "events of a subscription",
        *UNCLEAR,
    }


@pytest.mark.parametrize(("seconds", "verdict"), [("0.1", "observed"), (None, "unclear")])
def test_a_shutdown_that_comes_is_noted(verify, seconds, verdict):
    """If it ends a connection, that is while the run waits at its end."""
    lines = f"shutdown_new connection=2 delay=2 seconds={seconds}" if seconds else "shutdown_new connection=2"
    outcome, found, _, _ = verify(*(["--wait", "20"] if seconds else []), lines=lines)
    (row,) = (row for row in found["readings"] if row["topic"] == "end after serverShutdown")
    assert row["verdict"] == verdict, outcome.out
    assert row["observed"].startswith(
        "it ended 0.1 s after serverShutdown, with 1001"
        if seconds
        else "serverShutdown came; the connection was"
    )


def test_a_shutdown_in_the_middle_ends_the_run_and_is_noted(verify):
    outcome, found, open_orders, _ = verify(lines="shutdown@order.amend.keepPriority seconds=0")
    assert outcome.code == 1
    assert "was lost: the exchange closed it with 1001" in outcome.err
    assert verdicts(found)["end after serverShutdown"] == "observed"
    assert open_orders == []


ENDS = {
    "banned": (
        "ban@order.amend.keepPriority",
        "this address is banned: order.amend.keepPriority was answered with 418",
    ),
    "limited": (
        "rate_limit@order.cancel after=2",
        "a rate limit is reached: order.cancel was answered with -1003",
    ),
    "lost": ("cut_after@order.place after=3", "connection A was lost: it ended without a close frame"),
    "lost before": ("cut_before@order.cancelReplace", "connection A was lost"),
    "lost in the replacement": ("cut_after@order.cancelReplace", "connection A was lost"),
    "no reply": ("drop_reply@order.place after=1", "order.place got no reply in 0.4 s on connection A"),
    "no effect": ("error@order.place after=2 status=400 code=-2010", "order.place was refused with -2010"),
    "unknown": ("unknown@order.place after=2", "order.place was refused with -1007"),
    "no permission": ("error@order.cancel status=401 code=-2015", "order.cancel was refused with -2015"),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_half_way_is_explained_and_leaves_no_order(verify, end):
    line, said = ENDS[end]
    outcome, found, open_orders, _ = verify("--timeout", "0.4", lines=line)
    assert outcome.code == 1
    assert said in outcome.err
    assert verdicts(found)["subscriptions of two connections"] == "observed", "what was found before is kept"
    if end == "banned":
        assert len(open_orders) == 1
        assert (
            "these orders may be open; cancel them:\n  python -m fastws call order.cancel symbol="
            in outcome.err
        )
    else:
        assert open_orders == []
        assert outcome.err.count("\n") == 1, outcome.err


@pytest.mark.parametrize(
    ("permissions", "said"),
    [
        (("TRADE", "USER_DATA"), "userDataStream.subscribe was refused with -2015 (Invalid API-key"),
        (("USER_DATA", "USER_STREAM"), "order.place was refused with -2015 (Invalid API-key"),
    ],
)
def test_a_key_without_a_permission(verify, permissions, said):
    outcome, _, open_orders, _ = verify(permissions=permissions)
    assert outcome.code == 1
    assert said in outcome.err
    assert "permission" in outcome.err.splitlines()[-1].replace(said, "")
    assert open_orders == []


def test_only_a_key_without_a_permission_is_said_to_need_one(verify):
    lines = "error@userDataStream.subscribe.signature status=401 code=-2014"
    outcome, _, open_orders, _ = verify(key_type="HMAC", lines=lines)
    assert (outcome.code, open_orders) == (1, [])
    assert "userDataStream.subscribe was refused with -2014" in outcome.err
    assert "permission" not in outcome.err


def test_a_symbol_that_is_none(verify):
    outcome, found, _, _ = verify("--symbol", "NOSUCH")
    assert (outcome.code, "exchangeInfo was refused with -1121" in outcome.err) == (1, True)
    assert found is None, "nothing was found, so nothing is written"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ban seconds=60", "it refused the connection with HTTP 418: this address is banned"),
        ("refuse status=429", "it refused the connection with HTTP 429: too many connections"),
        ("refuse status=503", "it refused the connection with HTTP 503"),
        ("reset", "cannot connect to ws://127.0.0.1:"),
        ("garbage", "cannot connect to ws://127.0.0.1:"),
        ("error@session.logon status=401 code=-2015", "session.logon was refused with -2015"),
    ],
)
def test_an_exchange_that_lets_nobody_in(verify, line, said):
    outcome, found, _, _ = verify(lines=line)
    assert outcome.code == 1
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
    assert found is None


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")
@pytest.mark.parametrize(
    "method",
    ["order.place", "order.amend.keepPriority", pytest.param("order.cancelReplace", marks=pytest.mark.slow)],
)
def test_ctrl_c_leaves_no_order_and_keeps_what_was_found(start, monkeypatch, tmp_path, method):
    with EmulatorThread(ping_interval=0.02) as exchange:
        key_of(monkeypatch, tmp_path, exchange.add_account())
        exchange.script(f"hold@{method} seconds=0.3")
        out = tmp_path / "found.json"
        process = start("verify", exchange.url, "--out", out)
        exchange.journal.wait_for(method=method, outcome="accepted")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (130, "")
        assert exchange.call(open_at) == []
        assert (
            verdicts(json.loads(out.read_text(encoding="utf-8")))["subscriptions of two connections"]
            == "observed"
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no endpoint: give --endpoint"),
        (["testnet"], "verify needs a key: set FASTWS_API_KEY"),
        (["prod"], "at ws-api.binance.com, money may be real"),
        (["wss://ws-api.binance.com:9443"], "money may be real"),
        (["wss://exchange.example"], "at exchange.example, money may be real"),
        (["testnet", "--url", "ws://127.0.0.1:1"], "give the endpoint once: testnet, or --endpoint or --url"),
        (["testnet", "--symbol", "BTC/USDT"], "'BTC/USDT' is not a symbol, such as BTCUSDT"),
        (["testnet", "--wait", "-1"], "'-1' is not a number of seconds above 0"),
        (["nowhere"], "endpoint 'nowhere' is unknown"),
    ],
)
def test_wrong_usage(command, arguments, said):
    outcome = command("verify", *arguments)
    assert outcome.code == 2
    assert said in outcome.err


def test_production_only_by_request():
    for text in (
        "testnet",
        "demo",
        "ws://127.0.0.1:8765",
        "wss://localhost",
        "wss://ws-api.testnet.binance.vision",
    ):
        _check_allowed(resolve_endpoint(text), False)
    for text in ("prod", "wss://exchange.example"):
        _check_allowed(resolve_endpoint(text), True)


def test_the_kind_of_an_endpoint_is_that_of_its_host():
    kinds = {
        "testnet": "testnet",
        "wss://ws-api.testnet.binance.vision:9443/ws-api/v3": "testnet",
        "prod": "prod",
        "demo": "demo",
        "ws://127.0.0.1:1": "other",
    }
    assert {text: kind_of(resolve_endpoint(text)) for text in kinds} == kinds


def test_nobody_listens(command, monkeypatch, tmp_path):
    with EmulatorThread() as exchange:
        key_of(monkeypatch, tmp_path, exchange.add_account())
        url = exchange.url
    began = time.monotonic()
    outcome = command("verify", "--url", url, "--out", tmp_path / "found.json")
    assert outcome.code == 1
    assert outcome.err.startswith(f"fastws: cannot connect to {url}: ")
    assert not (tmp_path / "found.json").exists()
    assert time.monotonic() - began < 5


def test_each_topic_is_a_reading_and_stands_in_the_docs_with_its_status():
    page = (ROOT / "docs" / "readings.md").read_text(encoding="utf-8")
    lines = (
        page.partition("<!-- verified:begin -->")[2].partition("<!-- verified:end -->")[0].splitlines()[3:]
    )
    rows = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in lines]
    observed = observations()
    statuses = {reading.topic: str(observed.get(reading.topic, reading.status)) for reading in READINGS}
    assert rows == [(topic, statuses[topic]) for topic in TOPICS]
