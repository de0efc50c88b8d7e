"""Signatures of requests: HMAC, RSA and Ed25519 keys.

What is signed stands in ``payload.py``. HMAC-SHA256 signatures are hexadecimal; those of RSASSA-PKCS1-v1_5 with SHA-256
and of Ed25519 are base64.
"""

from .key_files import KeyFileNotFound, KeyFileUnreadable, WrongKeyKind, WrongPassphrase, load_signer
from .signers import Signer

__all__ = [
    "KeyFileNotFound",
    "KeyFileUnreadable",
    "Signer",
    "WrongKeyKind",
    "WrongPassphrase",
    "load_signer",
]
