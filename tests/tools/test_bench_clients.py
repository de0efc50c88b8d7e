"""The driver of the whole clients: it signs as the exchange asks, and refuses a reply that is not that of its order."""

import hmac
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

from bench import whole_clients  # noqa: E402

DRIVE = """
import sys
sys.path.insert(0, {root!r})
from bench import client_process, whole_clients

class Echo(whole_clients.Client):
    def trips(self, orders, spin):
        return [0] * len(orders), 0, [{{"orderId": 7, "clientOrderId": o["newClientOrderId"]}} for o in orders]

orders = [{{"params": {{"newClientOrderId": "a"}}, "orderId": {number}}}]
driver = client_process.Driver(Echo("", ""), orders)
print(driver.obey("trips 3 sleep"))
"""


def drive(number: int) -> "subprocess.CompletedProcess[str]":
    script = DRIVE.format(root=str(ROOT), number=number)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


def test_a_reply_of_another_order_ends_the_benchmark():
    assert drive(7).stdout == "{'took_ns': [0, 0, 0], 'cpu_ns': 0}\n"
    refused = drive(8)
    assert refused.returncode == 1
    assert "a reply is not that of its order" in refused.stderr


def test_what_is_written_by_hand_is_signed_as_the_exchange_asks():
    write = whole_clients.signed_order(lambda request: json.dumps(request).encode())
    request = json.loads(write(5, {"symbol": "BTCUSDT", "price": "1.00"}))
    assert (request["id"], request["method"]) == (5, "order.place")
    params = request["params"]
    signature = params.pop("signature")
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    assert signature == hmac.digest(whole_clients.SECRET.encode(), payload.encode(), "sha256").hex()


@pytest.mark.parametrize("name", ["ccxt", "binance-sdk-spot", "unicorn-binance-websocket-api"])
def test_orders_are_given_in_the_form_that_a_client_takes(name):
    client = whole_clients.CLIENTS[name]("wss://127.0.0.1:1/full", "authority.pem")
    client.stream = "a stream"
    params = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "price": "52000.00",
        "quantity": "0.01000",
        "newClientOrderId": "bench-000001",
    }
    given = json.dumps(client.arguments(params))
    for text in ("GTC", "52000.0", "0.01", "bench-000001"):
        assert text in given
