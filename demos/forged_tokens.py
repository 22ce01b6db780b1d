"""Access tokens as attackers try them, made out of a good one. Whoever signs here has what only identity has: its key."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from demos.tokens import bearer
from services.common.tokens.jwks import jwk_of
from services.common.tokens.signature import decode, encode
from services.identity.signing_key import SigningKey

TWO_HOURS = 7200


@dataclass(frozen=True)
class Forged:
    """An attack, and the header that it sends."""

    name: str
    headers: Mapping[str, str]


def segment(fields: Mapping[str, Any]) -> str:
    """A part of a token."""
    return encode(json.dumps(fields).encode())


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: Ed25519PrivateKey) -> str:
    """A token with that signature, whatever it says."""
    start = f"{segment(header)}.{segment(claims)}"
    return f"{start}.{encode(key.sign(start.encode()))}"


def forged_tokens(good: str, key: SigningKey) -> list[Forged]:
    """Of a good token and the key that signed it."""
    header, claims = (json.loads(decode(part)) for part in good.split(".")[:2])
    signature = good.rpartition(".")[2]
    stranger = Ed25519PrivateKey.generate()
    own_jwk = jwk_of(key.key_id, stranger.public_key().public_bytes_raw())
    by_hmac = f"{segment({**header, 'alg': 'HS256'})}.{segment(claims)}"
    hmac_key = key.public.public_bytes_raw()
    first = "B" if signature[0] == "A" else "A"
    tokens = {
        "alg: none, no signature": f"{segment({**header, 'alg': 'none'})}.{segment(claims)}.",
        "alg: HS256, keyed with the public key": f"{by_hmac}.{encode(hmac.digest(hmac_key, by_hmac.encode(), hashlib.sha256))}",
        "signed by another key under this key's name": signed(header, claims, stranger),
        "the key brought along in the header": signed({**header, "jwk": own_jwk}, claims, stranger),
        "a path as the key's name": signed({**header, "kid": "../../../dev/null"}, claims, stranger),
        "made admin, the old signature kept": f"{segment(header)}.{segment({**claims, 'roles': ['admin']})}.{signature}",
        "a character of the signature changed": f"{good.rpartition('.')[0]}.{first}{signature[1:]}",
        "expired two hours ago": signed(
            header, {**claims, "iat": claims["iat"] - TWO_HOURS, "exp": claims["exp"] - TWO_HOURS}, key.private
        ),
        "of another issuer": signed(header, {**claims, "iss": "https://id.example"}, key.private),
        "for another audience": signed(header, {**claims, "aud": "urn:another:platform"}, key.private),
        "an ID token of the same key (typ: JWT)": signed({**header, "typ": "JWT"}, claims, key.private),
    }
    return [Forged("no token at all", {}), *(Forged(name, bearer(token)) for name, token in tokens.items())]
