"""What holds for all tests."""

import gc
import signal

import pytest

from fastws.lifecycle.lookup import LOOKUP
from fastws.lifecycle.shared import forget_all

pytest.register_assert_rewrite("helpers")  # what they compare is shown like a test's own assertions

# A shell starts what runs in the background with SIGINT ignored, and so would the processes be that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Workers of xdist send reports as UTF-8, and what some tests log has lone surrogates."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.fixture(autouse=True)
def _no_measurements(monkeypatch):
    """A client with a key asks for the time only where a test gives `sync_every`: what is asked, and when, is tested.

    tests/lifecycle/test_clock_default.py is about the default.
    """
    monkeypatch.setattr("fastws.options._SYNC_EVERY", None)


@pytest.fixture(autouse=True)
def _no_shared_gates():
    """No test hears of a ban, a gate or an address of another one."""
    forget_all()
    LOOKUP.forget()


def pytest_collection_finish():
    """Thousands of tests stay until the end: they are no work for the collector of cycles."""
    gc.collect()
    gc.freeze()
