"""fastws.streams: a subscription is one, and stays one."""

from __future__ import annotations

import copy
import gc
import pickle
import sys

import pytest

import fastws
from helpers.streaming import event_of, make, subscribed
from helpers.support import run


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_subscription_and_its_client_refuse_to_be_copied_and_are_not_harmed(duplicate, monkeypatch):
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)

    async def main():
        offline = make()
        subscription = await subscribed(offline)
        offline.written.clear()
        for original, name in ((subscription, "Subscription"), (offline.client, "Client")):
            with pytest.raises(TypeError, match=f"a {name} cannot be copied or pickled"):
                duplicate(original)
        gc.collect()
        offline.send(event_of(0, 1))
        assert subscription.active
        assert (await anext(subscription))["E"] == 1
        assert offline.requests() == []
        offline.lose()

    run(main())
    assert ignored == []


def test_a_subscription_that_was_not_built_is_collected_without_a_word(monkeypatch):
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    fastws.streams.Subscription.__new__(fastws.streams.Subscription)
    gc.collect()
    assert ignored == []
