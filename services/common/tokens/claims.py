"""The claims of an access token, both ways. docs/jwt.md says what each one means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from services.common.tokens.expected import Expected
from services.common.tokens.principal import Principal, Role
from services.common.tokens.signature import BadTokenError

_ROLES = {role.value: role for role in Role}
LARGEST_NUMBER = 2**53
MOST_ROLES = 16


@dataclass(frozen=True, slots=True)
class Claims:
    """A principal, and from when on the token is valid."""

    principal: Principal
    valid_from: int


def write_claims(principal: Principal, *, issuer: str, audience: str) -> bytes:
    """The payload of a token for `principal`."""
    fields = {
        "iss": issuer,
        "aud": audience,
        "sub": principal.user_id,
        "iat": principal.issued_at,
        "exp": principal.expires_at,
        "jti": principal.token_id,
        "sid": principal.session_id,
        "ver": principal.version,
        "roles": sorted(principal.roles),
    }
    return json.dumps(fields, separators=(",", ":")).encode()


def read_claims(payload: bytes, expected: Expected) -> Claims:
    """Every claim, present and of its type. Times are not compared with the clock here. Raises BadTokenError."""
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise BadTokenError("its payload is no object")
    # A list of audiences is refused: a token serves exactly one.
    for name, wanted in (("iss", expected.issuer), ("aud", expected.audience)):
        if _text(fields, name) != wanted:
            raise BadTokenError(f"another {name}")
    issued_at = _number(fields, "iat")
    principal = Principal(
        user_id=_text(fields, "sub"),
        session_id=_text(fields, "sid"),
        token_id=_text(fields, "jti"),
        roles=_roles(fields),
        version=_number(fields, "ver"),
        issued_at=issued_at,
        expires_at=_number(fields, "exp"),
    )
    not_before = _number(fields, "nbf") if "nbf" in fields else issued_at
    return Claims(principal, max(issued_at, not_before))


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise BadTokenError(f"no {name}")
    return value


def _number(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    # A whole number: with NaN every comparison is false, and True is an int to Python.
    if type(value) is not int or not 0 <= value <= LARGEST_NUMBER:
        raise BadTokenError(f"no {name}")
    return value


def _roles(fields: dict[str, Any]) -> frozenset[Role]:
    value = fields.get("roles")
    if not isinstance(value, list) or len(value) > MOST_ROLES or not all(isinstance(name, str) for name in value):
        raise BadTokenError("no roles")
    # A role that this service does not know (yet) lets nobody do anything.
    return frozenset(_ROLES[name] for name in value if name in _ROLES)
