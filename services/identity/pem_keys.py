"""Signing keys that somebody else makes and mounts as a file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.identity.signing_key import SigningKey

_PEM = re.compile(r"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----", re.DOTALL)


class PemKeys:
    """The file's first key signs, the others are only published."""

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._keys = keys

    async def load(self) -> Sequence[SigningKey]:
        """The same at every call: a changed file needs a new replica."""
        return self._keys


def read_pem_keys(text: str) -> list[SigningKey]:
    """The keys of a mounted file (PKCS 8, not encrypted), the first one signing. Raises ValueError; never repeats the text."""
    found = []
    for number, block in enumerate(_PEM.findall(text)):
        try:
            private = load_pem_private_key(block.encode(), password=None)
        except ValueError:
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError(f"key {number + 1} is not an Ed25519 private key")  # noqa: TRY004  the value of a setting is wrong
        # The others are published for good, waiting for a turn that never comes by the clock.
        found.append(SigningKey.of(private, sign_after=0.0 if number == 0 else float("inf")))
    if not found:
        raise ValueError("no private key in PEM")
    return found
