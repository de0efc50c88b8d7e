"""The compiled modules: bytes in, bytes out. README.md beside this lists them, ground first."""
