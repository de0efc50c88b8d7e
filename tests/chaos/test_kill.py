"""A client is killed with SIGKILL; the next process knows what became of each of its orders."""

from __future__ import annotations

import os
import signal

import pytest

from chaos.kills import kill_all
from helpers.support import run

MOMENTS = range(1, 51)

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork") or not hasattr(signal, "SIGKILL"), reason="processes are forked and killed here"
)


def kill(moments: range) -> None:
    wrong = run(kill_all(list(moments)), timeout=120)
    text = "\n".join(f"moment {moment}: {each}" for moment, found in wrong.items() for each in found)
    assert not wrong, text


def test_the_next_process_names_every_order_and_fill_of_a_killed_one() -> None:
    kill(MOMENTS[:3])


@pytest.mark.slow
def test_the_next_process_knows_it_whatever_the_moment() -> None:
    kill(MOMENTS[3:])
