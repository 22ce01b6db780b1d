"""What a service is told in order to verify tokens. Its own settings hold this as one field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from services.common.settings import SettingsError, read_text, read_url
from services.common.tokens.expected import Expected

DEFAULT_ISSUER = "urn:scaleproof:identity"
DEFAULT_AUDIENCE = "urn:scaleproof:platform"


class AccessMode(StrEnum):
    """Of the endpoints that can do without knowing who calls."""

    tokens = "tokens"
    open = "open"
    """Everybody may do everything: for trying a service out by itself, and for measuring what asking costs."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """ACCESS. Raises SettingsError, also where IDENTITY_URL says that somebody wants tokens verified."""
        text = environment.get("ACCESS", cls.tokens)
        if text not in list(cls):
            raise SettingsError(f"ACCESS is {text!r}; expected {' or '.join(cls)}")
        if text == cls.open and read_text(environment, "IDENTITY_URL"):
            raise SettingsError("ACCESS is open, but IDENTITY_URL is set; expected one of them")
        return cls(text)


@dataclass(frozen=True, kw_only=True)
class TokenSettings:
    """TOKEN_ISSUER and TOKEN_AUDIENCE are what identity writes into tokens; IDENTITY_URL is where its keys are."""

    expected: Expected
    identity_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings. Raises SettingsError."""
        return cls(
            expected=read_expected(environment), identity_url=read_url(environment, "IDENTITY_URL", schemes=("http", "https"))
        )

    @classmethod
    def optional_from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """None where IDENTITY_URL is not set. Raises SettingsError, also where only the rest is: somebody wanted tokens verified."""
        if read_text(environment, "IDENTITY_URL"):
            return cls.from_environment(environment)
        for name in ("TOKEN_ISSUER", "TOKEN_AUDIENCE"):
            if environment.get(name):
                raise SettingsError(
                    f"{name} is set, but IDENTITY_URL is not; expected both, or none where no token is verified"
                )
        return None


def read_expected(environment: Mapping[str, str]) -> Expected:
    """Issuer and audience; identity itself needs only these."""
    return Expected(
        issuer=environment.get("TOKEN_ISSUER") or DEFAULT_ISSUER, audience=environment.get("TOKEN_AUDIENCE") or DEFAULT_AUDIENCE
    )
