"""One key that signs access tokens."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.common.tokens.jwks import jwk_of
from services.common.tokens.signature import encode, sign


@dataclass(frozen=True)
class SigningKey:
    """A key and from when on it signs (seconds since 1970)."""

    key_id: str
    sign_after: float
    private: Ed25519PrivateKey = field(repr=False)
    public: Ed25519PublicKey = field(repr=False)

    @classmethod
    def of(cls, private: Ed25519PrivateKey, *, sign_after: float) -> SigningKey:
        """Its id is its thumbprint: the same key has the same id wherever it comes from."""
        public = private.public_key()
        return cls(thumbprint(public.public_bytes_raw()), sign_after, private, public)

    def sign(self, payload: bytes) -> str:
        """A token with that payload, whatever the time."""
        return sign(payload, key_id=self.key_id, key=self.private)

    def jwk(self) -> dict[str, str]:
        """Its member of the key set."""
        return jwk_of(self.key_id, self.public.public_bytes_raw())


def thumbprint(public: bytes) -> str:
    """Of an Ed25519 key's 32 bytes (RFC 7638, RFC 8037)."""
    jwk = jwk_of("", public)
    canonical = json.dumps({name: jwk[name] for name in ("crv", "kty", "x")}, separators=(",", ":"))
    return encode(hashlib.sha256(canonical.encode()).digest())
