"""tools/testnet.py, against the embedded exchange: it records, replays, and verifies the readings."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastws.cli import main
from fastws.cli.verify_run import TOPICS
from fastws.emulator import EmulatorThread

PATH = Path(__file__).resolve().parents[2] / "tools" / "testnet.py"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("testnet_tool", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("key_type", ["Ed25519", "HMAC"])
def test_it_records_replays_and_verifies(tool, tmp_path, monkeypatch, capsys, key_type):
    with EmulatorThread(seed=9, ping_interval=0.05) as exchange:
        key = exchange.add_account(key_type)
        monkeypatch.setenv("FASTWS_API_KEY", key.api_key)
        if key.secret is None:
            pem = tmp_path / "key.pem"
            pem.write_bytes(key.private_key)
            monkeypatch.setenv("FASTWS_PRIVATE_KEY", str(pem))
        else:
            monkeypatch.setenv("FASTWS_SECRET", key.secret)
        monkeypatch.setattr(tool, "verify", lambda words: main([*words, "--quiet", "0.06"]))
        out, found = tmp_path / "session.jsonl", tmp_path / "more" / "found.json"
        code = tool.main(["--endpoint", exchange.url, "--out", str(out), "--readings", str(found)])
        assert exchange.journal.find(method="order.cancel")
    output = capsys.readouterr()
    assert code == 0, output.out + output.err
    assert f"Recorded in {out}" in output.out
    assert " 0 differences" in output.out
    assert f"Written to {found}" in output.out
    assert len(json.loads(found.read_text(encoding="utf-8"))["readings"]) == len(TOPICS)
    assert key.api_key not in out.read_text(encoding="utf-8") + found.read_text(encoding="utf-8")


def test_without_keys_it_says_what_it_needs():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FASTWS_")}
    command = [sys.executable, str(PATH)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (2, "")
    assert "FASTWS_API_KEY" in done.stderr
