"""The command line, ``python -m fastws``: demo, call, ping, emulator."""

from .commands import main

__all__ = ["main"]
