"""What the sdist and the wheel in dist/ hold, and what they must not: `python tools/check_dist.py`."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = {path.relative_to(ROOT).as_posix() for path in (ROOT / "fastws").rglob("*") if path.is_file()}
SOURCES = {name for name in PACKAGE if name.endswith((".py", ".pyx", ".pxd", ".pxi", ".pyi", ".h"))}
SOURCES -= {"fastws/_built_with.py"}
SOURCES |= {"fastws/_native/stage1.cpp", "fastws/py.typed"}
SCHEMAS = {
    f"fastws/sbe/schemas/{path.name}"
    for path in (ROOT / "fastws" / "sbe" / "schemas").iterdir()
    if path.is_file()
}
RECORD = "fastws/emulator/methods/observed.json"


def generated(name: str) -> bool:
    """Whether a file is the compiler's or Cython's, not ours."""
    if name.startswith("bench/"):
        return name.endswith((".so", ".o"))
    return name.endswith((".c", ".so", ".pyd", ".o")) or (
        name.endswith(".cpp") and name != "fastws/_native/stage1.cpp"
    )


def check_sdist(names: set[str]) -> list[str]:
    wanted = (
        SOURCES
        | SCHEMAS
        | {
            RECORD,
            "setup.py",
            "pyproject.toml",
            "LICENSE",
            "README.md",
            "tests/test_core.py",
            "tests/data/methods.json",
            "bench/README.md",
        }
    )
    faults = [f"the sdist lacks {name}" for name in sorted(wanted - names)]
    return faults + [
        f"the sdist holds {name}" for name in sorted(names) if generated(name) or "_built_with" in name
    ]


def check_wheel(names: set[str]) -> list[str]:
    wanted = {name for name in SOURCES if name.endswith((".pxd", ".pyi", ".typed"))} | SCHEMAS
    wanted |= {"fastws/_built_with.py", RECORD}
    faults = [f"the wheel lacks {name}" for name in sorted(wanted - names)]
    for path in (ROOT / "fastws").rglob("*.pyx"):
        module = path.relative_to(ROOT).with_suffix("").as_posix()
        if not any(name.startswith(f"{module}.") and name.endswith((".so", ".pyd")) for name in names):
            faults.append(f"the wheel lacks the compiled {module}")
    for name in sorted(names):
        if name.endswith((".c", ".cpp", ".pyx", ".pxi", ".h", ".o")) or name.startswith(("tests/", "bench/")):
            faults.append(f"the wheel holds {name}")
    licences = [name for name in names if ".dist-info/licenses/LICENSES/" in name]
    return faults if len(licences) >= 4 else [*faults, "the wheel lacks the notices of what is compiled in"]


def main() -> int:
    (sdist,) = (ROOT / "dist").glob("*.tar.gz")
    (wheel,) = (ROOT / "dist").glob("*.whl")
    with tarfile.open(sdist) as archive:
        faults = check_sdist({name.partition("/")[2] for name in archive.getnames()})
    with zipfile.ZipFile(wheel) as archive:
        faults += check_wheel(set(archive.namelist()))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
