"""fastws.cli.call and options: one request, its reply in two forms, and every way in which it can fail."""

import json
import shlex
import subprocess
import sys

import pytest

from fastws.cli.call import as_json, as_table

ORDER = ("symbol=BTCUSDT", "side=BUY", "type=LIMIT", "timeInForce=GTC", "price=52000", "quantity=0.01")
PASSPHRASE = "open sesame"


@pytest.fixture
def at(exchange, monkeypatch):
    monkeypatch.setenv("FASTWS_ENDPOINT", exchange.url)
    return exchange


@pytest.fixture
def logged_on(at, monkeypatch):
    monkeypatch.setenv("FASTWS_API_KEY", at.ed25519.api_key)
    monkeypatch.setenv("FASTWS_PRIVATE_KEY", at.ed25519.private_key.decode())
    return at


def failed(outcome, code, said):
    """The command failed with ``code``, and said so in one sentence."""
    assert outcome.code == code, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("fastws: ")
    assert outcome.err.count("\n") == 1
    assert said in outcome.err


def test_json(command, at):
    outcome = command("call", "time")
    assert (outcome.code, outcome.err) == (0, "")
    assert list(json.loads(outcome.out)) == ["serverTime"]
    assert command("call", "ping", "--json").out == "{}\n"
    assert command("call", "v3/ping").out == "{}\n"


def test_endpoint_by_option(command, exchange):
    for option in ("--endpoint", "--url"):
        assert command("call", "ping", option, exchange.url).code == 0
    host = exchange.url.split("/ws-api")[0]
    assert command("call", "ping", "--url", host).code == 0


def test_non_ascii_is_kept(command, at):
    outcome = command("call", "ticker.price", "symbols=BTCUSDT,这是测试币456")
    assert [ticker["symbol"] for ticker in json.loads(outcome.out)] == ["BTCUSDT", "这是测试币456"]
    assert "这是测试币456" in outcome.out
    assert "这是测试币456" in command("call", "ticker.price", "symbol=这是测试币456", "--table").out


def test_options_may_stand_between_parameters(command, exchange):
    for arguments in (
        ("--endpoint", exchange.url, "depth", "symbol=BTCUSDT", "limit=2"),
        ("depth", "--endpoint", exchange.url, "symbol=BTCUSDT", "limit=2"),
        ("depth", "symbol=BTCUSDT", "--endpoint", exchange.url, "limit=2"),
    ):
        assert len(json.loads(command("call", *arguments).out)["bids"]) == 2
    outcome = command("call", "depth", "--endpoint", exchange.url, "symbol=BTCUSDT", "--limit", "2")
    assert outcome.code == 2
    assert "unrecognized arguments: " in outcome.err
    assert "--limit" in outcome.err


def test_typed_values(command, at):
    outcome = command("call", "depth", "symbol=BTCUSDT", "limit=2")
    assert len(json.loads(outcome.out)["bids"]) == 2


def test_table(command, at):
    lines = command("call", "depth", "symbol=BTCUSDT", "limit=2", "--table").out.splitlines()
    assert lines[0].startswith("lastUpdateId  ")
    assert lines[2] == "bids (2)"
    assert len(lines) == 9


def test_order_with_an_ed25519_key(command, logged_on):
    placed = json.loads(command("call", "order.place", *ORDER).out)
    assert placed["status"] == "NEW"
    outcome = command("call", "order.cancel", "symbol=BTCUSDT", f"orderId={placed['orderId']}")
    assert json.loads(outcome.out)["status"] == "CANCELED"


def test_key_files(command, at, tmp_path, monkeypatch):
    api_key, secret = tmp_path / "api-key", tmp_path / "secret"
    api_key.write_text(at.hmac.api_key + "\n")
    secret.write_text(at.hmac.secret + "\n")
    outcome = command("call", "account.status", "--api-key", api_key, "--secret", secret)
    assert json.loads(outcome.out)["accountType"] == "SPOT"
    # Options win over the environment.
    monkeypatch.setenv("FASTWS_PRIVATE_KEY", "/nowhere.pem")
    monkeypatch.setenv("FASTWS_API_KEY", "other")
    assert command("call", "account.status", "--api-key", api_key, "--secret", secret).code == 0


def test_encrypted_key(command, at, tmp_path, monkeypatch):
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(at.ed25519.private_key, None)
    lock = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))
    monkeypatch.setenv("FASTWS_API_KEY", at.ed25519.api_key)
    arguments = ("call", "session.status", "--private-key", file)

    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    failed(command(*arguments), 2, "needs its passphrase")
    monkeypatch.setenv("FASTWS_PASSPHRASE", PASSPHRASE)
    assert json.loads(command(*arguments).out)["apiKey"] == at.ed25519.api_key
    monkeypatch.setenv("FASTWS_PASSPHRASE", "wrong")
    failed(command(*arguments), 2, "passphrase is wrong")
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    assert command(*arguments, "--passphrase", tmp_path / "passphrase").code == 0

    monkeypatch.delenv("FASTWS_PASSPHRASE")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSPHRASE)
    assert command(*arguments).code == 0


def test_a_public_request_needs_no_key(command, at, monkeypatch):
    monkeypatch.setenv("FASTWS_API_KEY", at.ed25519.api_key)
    monkeypatch.setenv("FASTWS_PRIVATE_KEY", "/nowhere.pem")
    assert command("call", "time").code == 0
    failed(command("call", "account.status"), 2, "/nowhere.pem")


def test_the_exchange_refuses(command, logged_on):
    failed(command("call", "ticker.price", "symbol=NOPE"), 1, "ticker.price: Invalid symbol. (code -1121")
    failed(command("call", "order.status", "symbol=BTCUSDT", "orderId=1"), 1, "code -2013")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tiem"], "fastws knows no method tiem; did you mean time?"),
        (["Order.Plaice"], "did you mean order.place?"),
        (["xyzzy"], "fastws knows no method xyzzy\n"),
        (["depth", "ssymbol=BTCUSDT"], "depth takes no parameter ssymbol; did you mean symbol?"),
        (["depth", "SYMBOL=BTCUSDT"], "did you mean symbol?"),
        (["depth"], "depth needs 'symbol'"),
        (["ticker", "type=MINI"], "ticker needs 'symbol' or 'symbols'"),
        (["order.place", "stopPrize=1", *ORDER], "takes no parameter stopPrize; did you mean stopPrice?"),
        (
            ["order.place", "symbol=这是测试币456", "side=byu", "type=LIMIT"],
            "side must be one of BUY, SELL, not 'byu'; did you",
        ),
        (["order.place", "symbol=X", "side=BUY", "type=STOP"], "type must be one of LIMIT, "),
        (["order.place", "symbol=X", "side=BUY"], "order.place needs 'type'"),
        (["order.place", *ORDER[:-1], "quantity=1e3"], "quantity: expected a decimal number"),
        (["klines", "symbol=X", "interval=1H"], "did you mean 1h?"),
        (["ping", "symbol=X"], "ping takes no parameter symbol"),
        (["time", "timestamp=1"], "time takes no parameter timestamp"),
    ],
)
def test_what_the_table_does_not_have_is_refused_before_anything_is_sent(command, arguments, said):
    outcome = command("call", *arguments, "--url", "ws://127.0.0.1:1")
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert said in outcome.err


def test_unchecked_is_sent_as_it_is(command, at):
    failed(command("call", "tiem", "--unchecked"), 1, "code -")
    failed(command("call", "depth", "--unchecked"), 1, "code -1102")
    failed(command("call", "depth", "symbol=BTCUSDT", "shiny=1", "--unchecked"), 1, "code -110")
    assert command("call", "v3/ping", "--unchecked").code == 0


def test_sbe_says_the_same(command, logged_on):
    for arguments in (
        ("depth", "symbol=这是测试币456", "limit=3"),
        ("ticker.price", "symbols=BTCUSDT,这是测试币456"),
        ("account.status", "omitZeroBalances=true"),
    ):
        binary, text = (command("call", *arguments, *more) for more in (["--sbe"], []))
        assert (binary.code, binary.err) == (0, "")
        if arguments[0] == "account.status":
            assert json.loads(binary.out).items() <= json.loads(text.out).items()
        else:
            assert len(json.loads(binary.out)) == len(json.loads(text.out))
    assert "这是测试币456" in command("call", "ticker.price", "symbol=这是测试币456", "--sbe", "--table").out
    failed(command("call", "ticker.price", "symbol=币", "--sbe"), 1, "code -1121 BAD_SYMBOL")


def test_an_open_outcome(command, logged_on):
    logged_on.do(lambda: logged_on.emulator.faults.add("cut_after", method="order.place"))
    failed(command("call", "order.place", *ORDER), 1, "outcome is unknown")


def asked(error):
    """What the command asks that an error prints, as words behind "fastws call"."""
    words = shlex.split(error.partition("query it with ")[2].partition(" (if it answers")[0])
    assert words[:4] == ["python", "-m", "fastws", "call"]
    return words[4:]


def test_an_open_outcome_comes_with_the_command_that_finds_it_out(command, logged_on, tmp_path):
    key = tmp_path / "the key.pem"
    key.write_bytes(logged_on.ed25519.private_key)
    options = ("--url", logged_on.url, "--private-key", str(key))

    def lost(method, *params):
        logged_on.do(lambda: logged_on.emulator.faults.add("cut_after", method=method))
        outcome = command("call", method, *params, *options)
        failed(outcome, 1, "outcome is unknown")
        assert "resolve()" not in outcome.err
        words = asked(outcome.err)
        assert words[-4:] == list(options)
        return words[:-4], json.loads(command("call", *words).out)

    words, order = lost("order.place", *ORDER)
    assert words[:2] == ["order.status", "symbol=BTCUSDT"]
    assert words[2].startswith("origClientOrderId=")
    assert order["status"] == "NEW"
    by_id = f"orderId={order['orderId']}"
    words, order = lost("order.amend.keepPriority", "symbol=BTCUSDT", by_id, "newQty=0.005")
    assert (words[2], order["origQty"]) == (by_id, "0.00500000")
    words, cancelled = lost("order.cancel", "symbol=BTCUSDT", f"origClientOrderId={order['clientOrderId']}")
    assert cancelled["status"] == "CANCELED"
    assert words[2] == f"origClientOrderId={cancelled['clientOrderId']}"
    command("call", "order.place", *ORDER, *options)
    assert lost("openOrders.cancelAll", "symbol=BTCUSDT") == (["openOrders.status", "symbol=BTCUSDT"], [])
    legs = ("aboveType=LIMIT_MAKER", "abovePrice=90000", "belowType=STOP_LOSS", "belowStopPrice=20000")
    oco = ("symbol=BTCUSDT", "side=SELL", "quantity=0.01", *legs)
    words, placed = lost("orderList.place.oco", *oco)
    assert words[0] == "orderList.status"
    assert placed["listStatusType"] == "EXEC_STARTED"
    by_id = f"orderListId={placed['orderListId']}"
    words, ended = lost("orderList.cancel", "symbol=BTCUSDT", by_id)
    assert (words, ended["listStatusType"]) == (["orderList.status", by_id], "ALL_DONE")


@pytest.mark.parametrize("name", ["ticker_price", "v3/ticker_price", "v3/ticker.price", "ticker.price"])
def test_a_method_by_the_name_that_its_wrapper_has(command, at, name):
    assert json.loads(command("call", name, "symbol=BTCUSDT").out)["symbol"] == "BTCUSDT"


def test_no_reply(command, at):
    at.do(lambda: at.emulator.faults.add("drop_reply", method="time"))
    failed(command("call", "time", "--timeout", "0.2"), 1, "fastws: ")


def test_no_exchange(command):
    failed(command("call", "time", "--url", "ws://127.0.0.1:1"), 1, "cannot connect to ws://127.0.0.1:1/")


def test_own_authority(command, exchange, tmp_path):
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    failed(command("call", "time", "--url", exchange.url, "--ca", wrong), 2, "--ca")
    failed(command("call", "time", "--url", exchange.url, "--ca", tmp_path / "none"), 2, "No such file")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["time"], "no endpoint: give"),
        (["time", "--endpoint", "prd"], 'did you mean "prod"?'),
        (["time", "--url", "http://127.0.0.1"], "did you mean ws://?"),
        (["time", "--endpoint", "prod", "--port", "80"], "443 or 9443"),
        (["depth", "symbol", "--endpoint", "prod"], "not name=value"),
        (["depth", "limit=x", "--endpoint", "prod"], "whole number"),
        (["order.place", *ORDER, "--endpoint", "prod"], "needs a key"),
        (["order.place", *ORDER, "--endpoint", "prod", "--secret", "sEcReT"], "FASTWS_SECRET"),
        (["order.place", *ORDER, "--endpoint", "prod", "--api-key", "sEcReT"], "FASTWS_API_KEY"),
    ],
)
def test_wrong_usage(command, arguments, said):
    outcome = command("call", *arguments)
    failed(outcome, 2, said)
    assert "sEcReT" not in outcome.err


def test_private_key_without_api_key(command, at, tmp_path):
    file = tmp_path / "key.pem"
    file.write_bytes(at.ed25519.private_key)
    failed(command("call", "account.status", "--private-key", file), 2, "API key is missing")


def test_output_that_cannot_show_everything(start, exchange):
    process = start(
        "call",
        "ticker.price",
        "symbol=这是测试币456",
        "--url",
        exchange.url,
        env={"PYTHONIOENCODING": "ascii"},
    )
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["symbol"] == "这是测试币456"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Windows break otherwise")
def test_reader_that_goes_away(start, exchange):
    process = start("call", "exchangeInfo", "--url", exchange.url, stdout=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=20) == 141


def test_as_json_is_json():
    value = {"a": [], "b": {}, "c": [1, "x"], "d": [[1], [2, None]], "e": [{"f": "币"}], "g": 'q"'}
    text = as_json(value)
    assert json.loads(text) == value
    assert '"c": [1, "x"],\n' in text
    assert '  "d": [\n    [1],\n    [2, null]\n  ],' in text
    assert json.loads(as_json(value, ascii=True)) == value
    assert as_json(value, ascii=True).isascii()
    assert as_json([]) == "[]"


def test_rows_of_many_kinds_show_what_they_have():
    rows = [
        {"kind": "A", "a": 1, "b": "x"},
        {"kind": "BB", "c": 2},
        {"kind": "C", "d": 3},
        {"kind": "D", "e": 4},
    ]
    assert as_table(rows) == ["(4)", "A   a=1  b=x", "BB  c=2", "C   d=3", "D   e=4"]


def test_as_table():
    assert as_table({}) == ["{}"]
    assert as_table(5) == ["5"]
    assert as_table([]) == ["[]"]
    assert as_table(["a", "b"]) == ['["a", "b"]']
    assert as_table([{"a": 1, "b": "x"}, {"a": 22, "c": None}]) == ["(2)", "a   b  c", "1   x", "22     null"]
    assert as_table({"a": 1, "rows": [["p", "q"], ["r"]]}) == ["a  1", "", "rows (2)", "p  q", "r"]
    assert as_table({"one": [{"x": 1}]}) == ["one", "x  1"]
