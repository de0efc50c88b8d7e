"""tools/testnet.py, against the embedded exchange: it records, replays, and verifies the readings."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from fastws.cli import main
from fastws.emulator import EmulatorThread

PATH = Path(__file__).resolve().parents[2] / "tools" / "testnet.py"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("testnet_tool", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_records_replays_and_verifies(tool, tmp_path, monkeypatch, capsys):
    with EmulatorThread(ping_interval=0.05) as exchange:
        key = exchange.add_account("HMAC")
        monkeypatch.setenv("FASTWS_API_KEY", key.api_key)
        monkeypatch.setenv("FASTWS_SECRET", key.secret)
        monkeypatch.setattr(tool, "verify", lambda words: main([*words, "--quiet", "0.06"]))
        out, found = tmp_path / "session.jsonl", tmp_path / "more" / "found.json"
        code = tool.main(["--endpoint", exchange.url, "--out", str(out), "--readings", str(found)])
    output = capsys.readouterr()
    assert code == 0, output.out + output.err
    assert f"Recorded in {out}" in output.out
    assert f"Written to {found}" in output.out
    assert len(json.loads(found.read_text(encoding="utf-8"))["readings"]) == 11
    assert key.api_key not in out.read_text(encoding="utf-8") + found.read_text(encoding="utf-8")


def test_it_needs_a_key(tool, monkeypatch, capsys):
    monkeypatch.delenv("FASTWS_API_KEY", raising=False)
    assert tool.main([]) == 2
    assert "needs FASTWS_API_KEY" in capsys.readouterr().err
