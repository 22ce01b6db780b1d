"""Identity on a stage: the seal of its keys, what a gateway must know of them, and the key that signs now."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from demos.stage import Stage
from services.common.tokens.settings import read_expected
from services.identity.key_store import current_key
from services.identity.signing_key import SigningKey


@dataclass(frozen=True)
class Seal:
    """What opens identity's keys in PostgreSQL, and the file that tells identity."""

    key: bytes = field(repr=False)
    file: Path

    @classmethod
    def draw(cls, stage: Stage) -> Seal:
        """A new one, in the stage's folder."""
        seal = cls(os.urandom(32), stage.folder / "key-seal")
        write_secret(seal.file, base64.b64encode(seal.key).decode())
        return seal

    def signing_key(self, database_url: str) -> SigningKey:
        """Identity's own, out of its database: for tokens that only it could have signed."""
        with psycopg.connect(database_url) as connection:
            key = current_key(connection, seal=self.key, now=time.time())
        assert key is not None, "set-up made one"
        return key


def bearer(token: str) -> dict[str, str]:
    """The header of a request."""
    return {"authorization": f"Bearer {token}"}


def write_secret(file: Path, text: str) -> None:
    """For its owner alone."""
    file.touch(mode=0o600)
    file.write_text(text + "\n")


def gateway_jwt(public_paths: Sequence[str] = (), **source: str) -> dict[str, Any]:
    """`gateway.jwt` for identity's tokens; `source` is its `jwks_url` or its `jwks_service`."""
    expected = read_expected({})
    return {"issuer": expected.issuer, "audiences": [expected.audience], "public_paths": list(public_paths), **source}
