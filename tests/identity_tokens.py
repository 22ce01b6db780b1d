"""Tokens, keys and revocations of the tests of identity and of whoever verifies its tokens."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.common.tokens.claims import Expected
from services.common.tokens.principal import Principal, Role
from services.common.tokens.revocation_batch import RevocationBatch, RevokedSession, RevokedUser
from services.common.tokens.revocations import Revocations
from services.common.tokens.verifier import TokenVerifier

NOW = 1_800_000_000
EXPECTED = Expected(issuer="urn:test:identity", audience="urn:test:platform", leeway_seconds=5)


@dataclass
class Clock:
    """Stands still until it is told to go on."""

    now: float = float(NOW)

    def __call__(self) -> float:
        return self.now


@dataclass
class Keys:
    """Public keys by their ids."""

    known: dict[str, Ed25519PublicKey]
    fresh: dict[str, Ed25519PublicKey] = field(default_factory=dict)
    """What looking again will find."""
    looked: int = 0

    @property
    def are_current(self) -> bool:
        return bool(self.known)

    def get(self, key_id: str) -> Ed25519PublicKey | None:
        return self.known.get(key_id)

    async def look_again(self) -> bool:
        self.looked += 1
        self.known = {**self.known, **self.fresh}
        return bool(self.fresh)


@dataclass(frozen=True)
class Signer:
    """Writes tokens by hand, byte by byte: no library refuses to write a bad one."""

    key_id: str = "key-1"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public(self) -> Ed25519PublicKey:
        return self.key.public_key()

    def token(self, *, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """A good token but for what is changed; what is None is left out."""
        whole = {"alg": "EdDSA", "kid": self.key_id, "typ": "at+jwt", **(header or {})}
        return self.signed(present(whole), present({**claims(), **changed}))

    def signed(self, header: object, payload: object) -> str:
        start = f"{segment(header)}.{segment(payload)}"
        return f"{start}.{encoded(self.key.sign(start.encode()))}"


def claims() -> dict[str, Any]:
    return {
        "iss": EXPECTED.issuer,
        "aud": EXPECTED.audience,
        "sub": "17",
        "iat": NOW - 60,
        "exp": NOW + 540,
        "jti": "token-1",
        "sid": "session-1",
        "ver": 3,
        "roles": ["customer"],
    }


def present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def segment(value: object) -> str:
    return encoded(value if isinstance(value, bytes) else json.dumps(value).encode())


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def principal(**changed: Any) -> Principal:
    fields = {
        "user_id": "17",
        "session_id": "session-1",
        "token_id": "token-1",
        "roles": frozenset({Role.customer}),
        "version": 3,
        "issued_at": NOW - 60,
        "expires_at": NOW + 540,
    }
    return Principal(**{**fields, **changed})


def batch(
    *, since: float = 0.0, as_of: float = NOW, sessions: tuple[str, ...] = (), users: tuple[tuple[str, int], ...] = ()
) -> RevocationBatch:
    return RevocationBatch(
        since=since,
        as_of=as_of,
        sessions=[RevokedSession(session_id=name, expires_at=as_of + 660) for name in sessions],
        users=[RevokedUser(user_id=name, least_version=version, expires_at=as_of + 660) for name, version in users],
    )


def heard(clock: Clock | None = None, **revoked: Any) -> Revocations:
    """Up to date."""
    clock = clock or Clock(0)
    found = Revocations(clock=clock)
    found.apply(batch(**revoked), heard_at=clock())
    return found


def verifier_of(*signers: Signer, revocations: Revocations | None = None) -> TokenVerifier:
    return TokenVerifier(Keys({signer.key_id: signer.public for signer in signers}), revocations or heard(), EXPECTED)
