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
    rows += [guard.Row("fails here", None, None, None)]
    verdicts = [row.verdict for row in rows]
    assert verdicts == ["less", "same", "same", "**more**", "new", "**gone**", "**gone**"]
    assert [row.stage for row in rows if row.failed] == ["at 1.02", "lost", "fails here"]
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


def counting(monkeypatch, *rounds):
    """Counts of the tree, beside 1,000 of the base, in each round; returns the stages that were asked for."""
    asked = []

    def count(tree, stages=(), padding=0):
        counts = rounds[padding // 1000]
        if tree == "base":
            return dict.fromkeys(counts, 1000.0)
        asked.append(list(stages))
        return {name: counts[name] for name in stages or counts}

    monkeypatch.setattr(guard, "count", count)
    return asked


def test_in_ci_a_stage_that_fails_is_counted_again_before_it_is_believed(monkeypatch):
    asked = counting(
        monkeypatch,
        {"noise": 1030, "more": 1030, "same": 1019},
        {"noise": 1001, "more": 1030},
        {"more": 1030},
    )
    rows = guard.compare("base", "tree", rounds=1, limit=guard.CI_LIMIT, recounts=guard.CI_RECOUNTS)
    assert asked == [[], ["noise", "more"], ["more"]]
    assert {row.stage: row.verdict for row in rows} == {"noise": "same", "more": "**more**", "same": "same"}


def test_in_ci_one_round_is_enough_where_nothing_fails(monkeypatch):
    asked = counting(monkeypatch, {"frame": 1000, "cork": 900})
    guard.compare("base", "tree", rounds=1, limit=guard.CI_LIMIT, recounts=guard.CI_RECOUNTS)
    assert len(asked) == 1


def test_in_ci_a_machine_without_valgrind_is_told_and_no_failure(monkeypatch, capsys):
    monkeypatch.setattr(guard, "why_not", lambda: "there is no valgrind here")
    monkeypatch.setattr(sys, "argv", ["instructions.py", "--ci"])
    guard.main()
    assert capsys.readouterr().out == "the guard of instructions does not run: there is no valgrind here\n"


def test_in_ci_a_stage_that_needs_more_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setattr(
        guard, "count_for_ci", lambda named: [guard.Row("frame", 800, 840, 1.05, guard.CI_LIMIT)]
    )
    monkeypatch.setattr(sys, "argv", ["instructions.py", "--ci"])
    with pytest.raises(SystemExit) as failed:
        guard.main()
    text = str(failed.value)
    assert text.startswith("frame: 5.0% more instructions than the base\n")
    assert "2%" in text
    assert "make bench-guard" in text


def test_what_was_not_committed_is_no_reference(tmp_path):
    path = tmp_path / "history.jsonl"
    assert guard.kept_commits(path) == []
    for commit in ("a1", "b2+", "c3"):
        guard.keep([], commit, path)
    assert guard.kept_commits(path) == ["c3", "a1"]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """git in a repository of three commits on main, which is what is compared."""

    def git(*arguments):
        settings = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
        command = ["git", *settings, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q", "-b", "main")
    for number in range(3):
        (tmp_path / "file").write_text(f"{number}")
        git("add", "file")
        git("commit", "-q", "-m", f"{number}")
    monkeypatch.setattr(guard.trees, "ROOT", tmp_path)
    return git


def test_on_main_the_last_kept_commit_of_its_history_is_the_reference(repository):
    head, before, first = (repository("rev-parse", name) for name in ("HEAD", "HEAD~1", "HEAD~2"))
    assert guard.trees.base_commit(None, ["f" * 12, head[:12], first[:12]]) == first
    assert guard.trees.base_commit(None, []) == before
    assert guard.trees.differs(before, "file")
    assert not guard.trees.differs(head, "file")


def test_on_a_branch_the_reference_is_where_it_left_main(repository):
    left, first = repository("rev-parse", "HEAD"), repository("rev-parse", "HEAD~2")
    repository("checkout", "-q", "-b", "branch")
    repository("commit", "-q", "--allow-empty", "-m", "more")
    assert guard.trees.base_commit(None, [first]) == left


def test_a_clone_without_history_is_told(repository, tmp_path, monkeypatch):
    repository("clone", "-q", "--depth=1", f"file://{tmp_path}", "clone")
    monkeypatch.setattr(guard.trees, "ROOT", tmp_path / "clone")
    with pytest.raises(SystemExit, match="no history"):
        guard.trees.base_commit(None, ["f" * 12])


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
