"""What must hold for an ID token (OpenID Connect Core 1.0, sections 3.1.3.7 and 3.1.3.8). Waits for nothing; time is an argument.

PyJWT parses tokens and keys, and verifies signatures, issuer and audience. It is imported by the first ID token: no replica's start
waits for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.common.tokens.signature import encode

if TYPE_CHECKING:
    from jwt import PyJWK
    from jwt.types import Options

Jwk = Mapping[str, Any]

ALGORITHMS: Mapping[str, str] = {
    "RS256": "sha256",
    "RS384": "sha384",
    "RS512": "sha512",
    "PS256": "sha256",
    "PS384": "sha384",
    "PS512": "sha512",
    "ES256": "sha256",
    "ES384": "sha384",
    "ES512": "sha512",
    "EdDSA": "sha512",
}
"""Asymmetric ones alone: neither `none` nor those whose key would be the client's secret. The second column hashes for `at_hash`."""
KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
LEEWAY_SECONDS = 30.0
"""For clocks that differ, in either direction."""
OLDEST_SECONDS = 600.0
"""It was made for this sign-in: one that was issued earlier is somebody's collection."""
LATEST_SECONDS = 2**53
MOST_CHARACTERS = 16_384

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_SUBJECT = re.compile(r"[\x20-\x7e]{1,255}")
# Times are compared with the clock that is an argument, the nonce has an error of its own.
_OPTIONS: Options = {
    "require": ["iss", "sub", "aud", "exp", "iat"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "enforce_minimum_key_length": True,
}


class BadIdTokenError(Exception):
    """Not an ID token of this provider for this sign-in. The message is for the log and holds nothing of the token."""


class UnknownKeyError(BadIdTokenError):
    """Signed by none of the keys that are known. It may be a new one."""


class WrongNonceError(BadIdTokenError):
    """Made for another sign-in."""


@dataclass(frozen=True, kw_only=True)
class ExpectedIdToken:
    """What it is compared with. `access_token` came with it, if any did."""

    issuer: str
    client_id: str
    algorithms: frozenset[str]
    nonce: str = field(repr=False)
    access_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdClaims:
    """Who signed in, and all that the provider says of them."""

    subject: str
    fields: Mapping[str, Any] = field(repr=False)


def verify_id_token(token: str, keys: Sequence[Jwk], expected: ExpectedIdToken, *, now: float) -> IdClaims:
    """`now` is in seconds since 1970. Raises UnknownKeyError, WrongNonceError and BadIdTokenError."""
    import jwt  # noqa: PLC0415  see above

    if len(token) > MOST_CHARACTERS or _SHAPE.fullmatch(token) is None:
        raise BadIdTokenError("not a token in compact form")
    try:
        key = _key(jwt.get_unverified_header(token), keys, expected.algorithms)
        fields = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=expected.client_id,
            issuer=expected.issuer,
            options=_OPTIONS,
        )
    except jwt.PyJWTError as error:
        raise BadIdTokenError(f"{type(error).__name__}: {error}") from error
    _check_receiver(fields, expected.client_id)
    _check_times(fields, now)
    if fields.get("nonce") != expected.nonce:
        raise WrongNonceError("another nonce")
    _check_access_token(fields, expected.access_token, key.algorithm_name)
    if _SUBJECT.fullmatch(fields["sub"]) is None:
        raise BadIdTokenError("its subject is not 1 to 255 ASCII characters")
    return IdClaims(fields["sub"], fields)


def half_hash(access_token: str, algorithm: str) -> str:
    """The claim `at_hash`: the left half of the hash that the signature's algorithm uses."""
    hashed = hashlib.new(ALGORITHMS[algorithm], access_token.encode()).digest()
    return encode(hashed[: len(hashed) // 2])


def _key(header: Mapping[str, Any], keys: Sequence[Jwk], algorithms: frozenset[str]) -> PyJWK:
    """The one key of the provider's that the header can mean: of its `kid`, its algorithm and that algorithm's type."""
    import jwt  # noqa: PLC0415  see above

    algorithm, kind = header.get("alg"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise BadIdTokenError("an algorithm that is not asymmetric, or that the provider does not name")
    if not isinstance(kind, str) or kind.upper() != "JWT":
        raise BadIdTokenError("another kind of token")  # an access token, say, that the same key has signed (RFC 9068)
    fitting = [key for key in keys if _fits(key, algorithm, header.get("kid"))]
    if not fitting:
        raise UnknownKeyError("an unknown key")
    if len(fitting) > 1:
        raise BadIdTokenError("several keys that it can mean")
    return jwt.PyJWK(dict(fitting[0]), algorithm)


def _fits(key: Jwk, algorithm: str, key_id: object) -> bool:
    return (
        key.get("kty") == KEY_TYPES[algorithm[:2]]
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
        and (key_id is None or key.get("kid") == key_id)
    )


def _check_receiver(fields: Mapping[str, Any], client_id: str) -> None:
    """Made for this client and nobody else: identity trusts no other audience of a provider's."""
    if fields["aud"] not in (client_id, [client_id]):
        raise BadIdTokenError("more audiences than this client")
    if fields.get("azp", client_id) != client_id:
        raise BadIdTokenError("issued to another client (azp)")


def _check_times(fields: Mapping[str, Any], now: float) -> None:
    if _seconds(fields, "exp") <= now - LEEWAY_SECONDS:
        raise BadIdTokenError("expired")
    if not now - OLDEST_SECONDS <= _seconds(fields, "iat") <= now + LEEWAY_SECONDS:
        raise BadIdTokenError("issued long ago, or in the future")
    if "nbf" in fields and _seconds(fields, "nbf") > now + LEEWAY_SECONDS:
        raise BadIdTokenError("not valid yet")


def _seconds(fields: Mapping[str, Any], name: str) -> float:
    value = fields[name]
    # True is an int to Python; with NaN every comparison is false.
    if type(value) not in (int, float) or not 0 <= value <= LATEST_SECONDS:
        raise BadIdTokenError(f"no {name}")
    return float(value)


def _check_access_token(fields: Mapping[str, Any], access_token: str | None, algorithm: str) -> None:
    """Where the ID token names an access token, it must be the one that came along."""
    if "at_hash" not in fields:
        return
    if access_token is None or fields["at_hash"] != half_hash(access_token, algorithm):
        raise BadIdTokenError("another access token (at_hash)")
