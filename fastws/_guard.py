"""Refuses to load the compiled modules against another picows than they were built with.

picows' compiled layout changes between releases, and nothing else checks it: a module built against another one would
read a pointer as a size.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path


def check(pxd: Path | None = None) -> None:
    """Compare the installed ``picows.pxd`` with the one that fastws was compiled against.

    Raises:
        ImportError: fastws is not built, picows is missing, or its layout is another one.
    """
    try:
        from . import _built_with as built
    except ImportError:
        raise ImportError(_not_built(Path(__file__).parent)) from None
    if pxd is None:
        spec = importlib.util.find_spec("picows")
        if spec is None or spec.origin is None:
            raise ImportError(f"fastws needs picows {built.PICOWS_VERSION}, which is not installed")
        pxd = Path(spec.origin).parent / "picows.pxd"
    try:
        digest = hashlib.sha256(pxd.read_bytes()).hexdigest()
    except OSError as exc:
        raise ImportError(f"fastws cannot read the layout of picows: {exc}") from None
    if digest != built.PICOWS_PXD_SHA256:
        raise ImportError(
            f"fastws was built with picows {built.PICOWS_VERSION}, but picows {_installed(pxd)} is installed, whose "
            f"compiled layout differs. Run `pip install picows=={built.PICOWS_VERSION}`, or build fastws again."
        )


def _not_built(folder: Path) -> str:
    """What to say where ``folder``, which was imported, has no compiled modules."""
    for entry in sys.path:
        other = Path(entry) / "fastws"
        if (other / "_built_with.py").is_file() and other.resolve() != folder.resolve():
            return (
                f"the fastws in {folder}, a checkout that is not built, comes before the installed one in {other}:"
                " start Python in another directory, or run `make build` in the checkout."
            )
    return (
        f"fastws is not built: its compiled modules are missing in {folder}. In a checkout, run `make build`; "
        "otherwise install it with pip."
    )


def _installed(pxd: Path) -> str:
    """The version of the installed picows, from the file beside its layout."""
    try:
        text = (pxd.parent / "version.py").read_text()
    except OSError:
        return "of an unknown version"
    for line in text.splitlines():
        if line.startswith("__version__"):
            return line.partition("=")[2].strip().strip("\"'")
    return "of an unknown version"


check()
