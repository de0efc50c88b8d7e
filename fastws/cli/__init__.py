"""The command line, ``python -m fastws``: demo, call, events, ping, emulator, schema."""

from .commands import main

__all__ = ["main"]
