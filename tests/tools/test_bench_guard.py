"""bench/instructions.py: counts what it should, says what needs more, and notices a needless allocation."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("bench_instructions", ROOT / "bench" / "instructions.py")
guard = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = guard
spec.loader.exec_module(guard)

PROFILE = """\
# callgrind format
desc: Trigger: Client Request: encode and write|10
events: Ir
fn=(1) work
16 100
+3 20
cfn=(2) __memcpy_avx_unaligned_erms
calls=3 0
17 5000
cfn=(3) helper
calls=1 0
* 300
fn=(2)
0 5000
fn=(3)
5 300
+1
totals: 5420
"""


def test_what_functions_cost_themselves_counts_once_and_copying_of_memory_does_not():
    assert guard.counted(PROFILE) == ("encode and write", (100 + 20 + 300) / 10)


def test_a_file_of_callgrind_that_no_stage_wrote_counts_nothing():
    assert guard.counted("desc: Trigger: Program termination\nfn=(1) f\n1 5\n") is None


def test_one_per_cent_more_fails_and_so_does_a_stage_that_is_gone():
    rows = [guard.Row(f"at {ratio}", 1000, 1000 * ratio, ratio) for ratio in (0.9, 1.0, 1.009, 1.02)]
    rows += [guard.Row("fresh", None, 5, None), guard.Row("lost", 5, None, None)]
    verdicts = [row.verdict for row in rows]
    assert verdicts == ["less", "same", "same", "**more**", "new", "**gone**"]
    assert [row.stage for row in rows if row.failed] == ["at 1.02", "lost"]
    lines = guard.table(rows, "old", "here").splitlines()
    assert lines[4].split() == ["at", "1.02", "1,000", "1,020", "1.020", "**more**"]
    assert lines[6].split() == ["lost", "5", "-", "-", "**gone**"]


def test_the_history_says_what_the_counts_depend_on(tmp_path):
    path = tmp_path / "history.jsonl"
    guard.keep([guard.Row("frame", 800, 823, 1.03)], "abc", path)
    guard.keep([guard.Row("frame", 800, 810, 1.01)], "abcd", path)
    entries = [guard.json.loads(line) for line in path.read_text().splitlines()]
    assert [entry["instructions"] for entry in entries] == [{"frame": 823}, {"frame": 810}]
    assert set(entries[0]) == {"date", "commit", "compiler", "python", "libc", "machine", "instructions"}


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("valgrind") is None, reason="needs valgrind, on Linux"
)
def test_a_needless_allocation_on_the_hot_path_fails(tmp_path):
    copy = tmp_path / "changed"
    for name in ("fastws", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "emulator"))
    shutil.copy2(ROOT / "setup.py", copy)
    module = copy / "fastws" / "_native" / "connection.pyx"
    line = "        self.messages += 1\n"
    assert line in module.read_text()
    module.write_text(module.read_text().replace(line, line + "        if data[:size] is None: return 0\n"))
    # only the module that changed is compiled: the others' objects are there, and newer than their sources
    program = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(program, cwd=copy, check=True, capture_output=True)
    rows = {row.stage: row for row in guard.compare(ROOT, copy, ["envelope of JSON", "frame"], rounds=1)}
    assert rows["envelope of JSON"].verdict == "**more**"
    assert rows["frame"].verdict == "same"
