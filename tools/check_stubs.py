"""stubtest of the compiled modules, and one check that it would notice: `python tools/check_stubs.py`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMPILED = sorted((ROOT / "fastws").rglob("*.pyx"))
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in COMPILED]
MODULES.append("fastws.methods.wrappers")


def stubtest(folder: Path, modules: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy.stubtest", "--allowlist", "stubtest-allowlist.txt", *modules]
    command.insert(-len(modules), "--ignore-unused-allowlist")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def main() -> int:
    done = stubtest(ROOT, MODULES)
    print(done.stdout, end="")
    if done.returncode:
        print(done.stderr, end="", file=sys.stderr)
        return 1
    # A stub that is wrong must be found, or all of the above says nothing.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "fastws", folder / "fastws", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "stubtest-allowlist.txt", folder)
        stub = folder / "fastws" / "_native" / "request.pyi"
        stub.write_text(stub.read_text() + "\ndef there_is_no_such_function() -> int: ...\n")
        if stubtest(folder, ["fastws._native.request"]).returncode == 0:
            print("stubtest does not notice a wrong stub", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
