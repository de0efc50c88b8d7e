"""A pytest plugin with the exchange as a fixture.

Load it with ``pytest_plugins = ["fastws.emulator.pytest_plugin"]`` in the conftest.py at the root, or with
``pytest -p fastws.emulator.pytest_plugin``. It is not loaded automatically, so it does not slow down other test runs.

    def test_my_bot(fastws_exchange):
        key = fastws_exchange.add_account("HMAC", balances={"USDT": "1000"})
        my_bot.run(url=fastws_exchange.url, key=key.api_key, secret=key.secret)
        assert fastws_exchange.journal.find(method="order.place")[-1].executed

The exchange runs in its own thread, so the fixture works for plain tests and for those of pytest-asyncio or anyio. A
test that is a coroutine can also start an exchange in its own event loop: ``async with Emulator() as exchange``. The
report of a failed test ends with the test's last requests and their outcomes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from .testing.thread import EmulatorThread

__all__ = ["fastws_exchange", "fastws_options"]

_MARK = "fastws_exchange(**options): arguments of the Emulator that the fixture fastws_exchange starts"
_SHOWN = 50
_exchanges = pytest.StashKey[EmulatorThread]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARK)


@pytest.fixture
def fastws_options() -> dict[str, Any]:
    """Arguments of the Emulator. Override this fixture in a conftest.py or a module."""
    return {}


@pytest.fixture
def fastws_exchange(
    request: pytest.FixtureRequest, fastws_options: dict[str, Any]
) -> Iterator[EmulatorThread]:
    """A fresh exchange, in a thread. ``@pytest.mark.fastws_exchange(seed=2)`` gives it arguments."""
    options = dict(fastws_options)
    for mark in reversed(list(request.node.iter_markers("fastws_exchange"))):
        options.update(mark.kwargs)
    with EmulatorThread(**options) as exchange:
        request.node.stash[_exchanges] = exchange
        yield exchange


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed and _exchanges in item.stash:
        lines = [record.line() for record in list(item.stash[_exchanges].journal)[-_SHOWN:]]
        if lines:
            report.sections.append(("What happened at the exchange", "\n".join(lines)))
    return report
