"""What a new account gets from what its provider says. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from services.identity.schemas import LONGEST_NAME, Email

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]|[\ud800-\udfff]")


@dataclass(frozen=True)
class Profile:
    """An e-mail that an account can have, in small letters, and a name. Neither is ever used to find an account."""

    email: str
    name: str


def read_profile(fields: Mapping[str, Any]) -> Profile | None:
    """From the claims of an ID token or of userinfo; None where there is no e-mail of the form that accounts have."""
    try:
        email = _EMAIL.validate_python(fields.get("email"), strict=True).lower()
    except ValidationError:
        return None
    names = (_name(fields.get(claim)) for claim in ("name", "preferred_username"))
    return Profile(email, next((name for name in names if name), email.partition("@")[0]))


def _name(value: object) -> str:
    return _CONTROL.sub("", value).strip()[:LONGEST_NAME] if isinstance(value, str) else ""
