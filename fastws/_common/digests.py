"""What stands for an API key where the key itself must not be stored."""

from __future__ import annotations

import hashlib

__all__ = ["key_digest"]

_DIGITS = 12  # hexadecimal: 48 bits


def key_digest(api_key: str) -> str:
    """A short digest of an API key: 12 hexadecimal digits. The key cannot be found from it."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:_DIGITS]
