"""The record of what was observed of the readings."""

from __future__ import annotations

import json

import pytest

from fastws.emulator.__main__ import main
from fastws.emulator.methods import readings
from fastws.emulator.methods.observations import RECORD, RecordError
from fastws.emulator.methods.readings import READINGS

RUN = {"date": "2026-11-28", "build": "fastws 1.2.3", "endpoint": "testnet", "symbol": "BTCUSDT"}


def row(topic="params", verdict="observed", observed="as read", **more):
    return {"topic": topic, "verdict": verdict, "observed": observed, "facts": {}, **more}


@pytest.fixture
def record(tmp_path):
    def write(content):
        path = tmp_path / "record.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


def test_the_record_of_the_package_is_of_the_exchange_itself():
    assert readings.observations() == readings.observations(RECORD)
    for observation in readings.observations().values():
        assert observation.endpoint in ("testnet", "prod", "demo"), "what an emulator does is no observation"


def test_readings_become_observed_or_refuted(record, capsys):
    rows = [row("id"), row("params", "refuted", "it was -1"), row("unknown method", "unclear")]
    path = record({**RUN, "readings": rows})
    assert main(["--readings", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(READINGS)
    first, second, third = ([cell.strip() for cell in line.split("  ")] for line in lines[:3])
    assert "observed (2026-11-28, fastws 1.2.3, testnet)" in first
    assert "refuted (2026-11-28, fastws 1.2.3, testnet)" in [word.strip() for word in second]
    assert lines[1].endswith("under the request's id; but it was -1")
    assert "inferred" in third, "what stayed unclear is as it was"
    assert [line for line in lines[3:] if "observed (" in line or "refuted (" in line] == []


def test_what_another_endpoint_did_is_called_so(record):
    path = record({**RUN, "endpoint": "other", "readings": [row()]})
    assert (
        str(readings.observations(path)["params"]) == "observed (2026-11-28, fastws 1.2.3, another endpoint)"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "it is not JSON"),
        ("[]", "it is no record of python -m fastws verify"),
        ({}, "it is no record of python -m fastws verify"),
        ({"readings": 5}, "it is no record of python -m fastws verify"),
        ({"readings": [row()]}, "it is no record of python -m fastws verify"),
        ({**RUN, "build": 5, "readings": [row()]}, "it is no record of python -m fastws verify"),
        ({**RUN, "readings": [{"topic": "id"}]}, "it is no record of python -m fastws verify"),
        ({**RUN, "readings": [row("luck")]}, "there is no reading 'luck'; it is of another version"),
        ({**RUN, "readings": [row(verdict="maybe")]}, "'maybe' is no verdict on 'params'"),
    ],
)
def test_a_file_that_is_no_record_is_refused_in_one_sentence(record, capsys, content, said):
    path = record(content)
    with pytest.raises(RecordError, match=said):
        readings.observations(path)
    assert main(["--readings", str(path)]) == 1
    assert capsys.readouterr().err == f"Cannot show the readings: {path}: {said}\n"


def test_a_file_that_is_not_there(tmp_path, capsys):
    path = tmp_path / "nowhere.json"
    assert main(["--readings", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"Cannot show the readings: {path}: ")
