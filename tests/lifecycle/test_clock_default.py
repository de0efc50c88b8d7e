"""connect(sync_every="auto"), the default: a client with a key follows the exchange's clock."""

from __future__ import annotations

from typing import Any

import pytest

import fastws
from fastws import Options
from fastws.emulator import Emulator
from helpers.losing import lose, until, watched
from helpers.support import KEY, run

SIGNER = fastws.load_signer(**KEY)


@pytest.fixture(autouse=True)
def _default(monkeypatch: pytest.MonkeyPatch, _no_measurements: None) -> None:
    monkeypatch.setattr("fastws.options._SYNC_EVERY", 60.0)


@pytest.mark.parametrize(
    ("options", "every"),
    [
        ({}, None),
        (KEY, 60.0),
        ({"signer": SIGNER}, 60.0),
        ({"sync_every": None, **KEY}, None),
        ({"sync_every": 5, **KEY}, 5.0),
        ({"sync_every": 5}, 5.0),
    ],
)
def test_a_client_with_a_key_measures_every_minute(options: dict[str, Any], every: float | None) -> None:
    assert Options("testnet", **options).sync_every == every


@pytest.mark.parametrize("wrong", ["automatic", "", 0, -1, True, float("nan")])
def test_a_wrong_value_is_refused(wrong: Any) -> None:
    with pytest.raises(fastws.InvalidRequest, match="sync_every: expected seconds above 0"):
        Options("testnet", sync_every=wrong)


def test_it_is_measured_once_and_not_again_after_a_loss() -> None:
    async def main() -> None:
        async with Emulator() as exchange:
            account = exchange.add_account("Ed25519")
            client, _, _ = watched(exchange.url, api_key=account.api_key, private_key=account.private_key)
            async with client:
                assert client.clock.synced
                assert [record.method for record in exchange.journal] == [*["time"] * 8, "session.logon"]
                lose(client)
                await until(lambda: client.connection == 2)
                assert [record.method for record in exchange.journal][9:] == ["session.logon"]
                task = client._clock_keeper.task
                assert task is not None
                assert not task.done(), "it goes on in the background"
            await until(task.done)

    run(main())
