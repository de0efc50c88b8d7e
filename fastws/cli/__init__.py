"""The command line, ``python -m fastws``: demo, call, events, methods, ping, emulator, schema."""

from .commands import main

__all__ = ["main"]
