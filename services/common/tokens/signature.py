"""Signed tokens in JWS' compact form (RFC 7515) with Ed25519 (RFC 8037): this one form, and nothing else of the standard.

The one file that knows how it is done; docs/adr/0009-tokens.md says why not by a JWT library, and the tests compare it with one. The
algorithm is never chosen by the token: there is only one, and a header that says anything but the three fields of ours is refused.
"""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
"""RFC 9068. An ID token, or anything else that the same key may ever sign, is not an access token."""
MOST_CHARACTERS = 4096

# 64 bytes of signature are 86 characters, the last of which has four bits that mean nothing and must be zero: one spelling a token.
_SHAPE = re.compile(r"([A-Za-z0-9_-]{2,})\.([A-Za-z0-9_-]{2,})\.([A-Za-z0-9_-]{85}[AQgw])")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BadTokenError(Exception):
    """Not a token, or not one that this key signed. The message says why and holds nothing of the token."""


def sign(payload: bytes, *, key_id: str, key: Ed25519PrivateKey) -> str:
    """The token that carries `payload`."""
    header = json.dumps({"alg": ALGORITHM, "kid": key_id, "typ": TYPE}, separators=(",", ":"))
    signed = f"{encode(header.encode())}.{encode(payload)}"
    return f"{signed}.{encode(key.sign(signed.encode()))}"


def key_id_of(token: str) -> str:
    """The key that the token says it was signed with: only good for looking it up. Raises BadTokenError."""
    shape = _SHAPE.fullmatch(token) if len(token) <= MOST_CHARACTERS else None
    if shape is None:
        raise BadTokenError("not a token in compact form")
    found = _key_id(shape[1])
    if found is None:
        raise BadTokenError("another header than ours")
    return found


def open_signed(token: str, key: Ed25519PublicKey) -> bytes:
    """The payload of a token that `key` signed; `key_id_of` was asked before. Raises BadTokenError."""
    signed, _, signature = token.rpartition(".")
    try:
        key.verify(decode(signature), signed.encode())
        return decode(signed.partition(".")[2])
    except (InvalidSignature, ValueError):
        raise BadTokenError("not signed by this key") from None


def encode(raw: bytes) -> str:
    """Base64 for URLs without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of such a text. Raises ValueError for a length that cannot be."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@lru_cache(maxsize=64)
def _key_id(header: str) -> str | None:
    """All tokens of one key have the same header."""
    try:
        fields = json.loads(decode(header))
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    key_id = fields.pop("kid", None)
    if fields != {"alg": ALGORITHM, "typ": TYPE} or not isinstance(key_id, str) or _KEY_ID.fullmatch(key_id) is None:
        return None
    return key_id
