"""What identity takes and gives. Times are UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from services.common.given import LARGEST_ID, Given, InUrl, Shown
from services.common.tokens.principal import Role

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
"""Characters. Longer ones would only cost time; length is the one rule (NIST SP 800-63B, section 3.1.1.2)."""
LONGEST_NAME = 100

# HTML's own rule for <input type=email>, and a dot in the domain. ASCII alone: no two that look the same are different.
Email = Annotated[
    str,
    StringConstraints(
        max_length=254, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$"
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]+$")]
NewPassword = Annotated[SecretStr, Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)]
GivenPassword = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST_PASSWORD)]


class NewUser(Given):
    """Somebody who registers. Everybody begins as a customer."""

    email: Email
    name: Name
    password: NewPassword


class Credentials(Given):
    """Somebody who signs in."""

    email: Email
    password: GivenPassword


class PasswordChange(Given):
    """The password in force, and the one to be."""

    current_password: GivenPassword
    new_password: NewPassword


class RoleAssignment(Given):
    """Every role that the user is to have."""

    roles: Annotated[list[Annotated[Role, Field(strict=False)]], Field(max_length=len(Role))]


class StatusChange(Given):
    """Whether the user is to be locked out."""

    disabled: bool


class UserQuery(Given):
    """Which page of users."""

    after: Annotated[int, Field(ge=0, le=LARGEST_ID, description="Only users with greater ids."), InUrl] = 0
    limit: Annotated[int, Field(ge=1, le=100), InUrl] = 50


class RevocationQuery(Given):
    """Since when."""

    since: Annotated[
        float,
        Field(
            ge=0,
            le=1e10,
            allow_inf_nan=False,
            strict=False,
            description="Seconds since 1970; 0: everything that can still matter.",
        ),
    ] = 0.0


class User(Shown):
    """An account."""

    id: int
    email: str
    name: str
    roles: list[Role]
    disabled: bool
    created_at: datetime


class UserPage(Shown):
    """Accounts by id."""

    users: list[User]
    next_after: int | None = Field(description="Pass as `after` for the next page; null on the last one.")


class AccessToken(Shown):
    """A session's access token; its refresh token comes as a cookie that scripts cannot read."""

    access_token: str = Field(description="Keep it in memory only.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  no secret: OAuth's name of the kind
    expires_in: int = Field(description="Seconds.")
    user_id: int
    roles: list[Role]


class JsonWebKey(Shown):
    """One public key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class JsonWebKeySet(Shown):
    """Public keys (RFC 7517)."""

    keys: list[JsonWebKey]
