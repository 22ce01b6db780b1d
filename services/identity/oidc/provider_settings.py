"""What identity is told of the OpenID providers that people may sign in with: OIDC_PROVIDERS names them, OIDC_<NAME>_… describes each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from services.common.http_client.policy import DependencyPolicy
from services.common.settings import SettingsError, read_text
from services.identity.oidc.safe_url import is_safe_url

CALLBACK_PATH = "/api/v1/identity/oidc/{name}/callback"
DEFAULT_SCOPES = "openid email profile"
LONGEST_NAME = 32
NAME_PATTERN = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
MOST_CALLS, MOST_WAITING = "8", "4"
"""A provider that hangs holds at most half of the 24 requests that a replica serves at once: passwords and refreshing go on."""

_NAME = re.compile(NAME_PATTERN)
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749, section 3.3."""


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """One provider. Accounts are linked by its issuer, not by its name."""

    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    """Registered at the provider; ends with the provider's own callback path: no answer reaches another provider's callback."""
    scopes: tuple[str, ...]
    creates_users: bool
    """Whether somebody who comes for the first time gets an account."""
    policy: DependencyPolicy

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, name: str) -> Self:
        """Read the settings of one. Raises SettingsError, which never repeats the secret."""
        prefix = f"OIDC_{name.upper().replace('-', '_')}_"
        defaults = {f"{prefix}MOST_CALLS": MOST_CALLS, f"{prefix}MOST_WAITING": MOST_WAITING}
        return cls(
            name=name,
            issuer=read_issuer(environment, f"{prefix}ISSUER"),
            client_id=read_required(environment, f"{prefix}CLIENT_ID"),
            client_secret=read_required(environment, f"{prefix}CLIENT_SECRET", file=True),
            redirect_uri=read_redirect_uri(environment, f"{prefix}REDIRECT_URI", provider=name),
            scopes=read_scopes(environment, f"{prefix}SCOPES"),
            creates_users=read_yes_or_no(environment, f"{prefix}CREATES_USERS"),
            policy=DependencyPolicy.from_environment({**defaults, **environment}, dependency=f"oidc-{name}"),
        )


def read_providers(environment: Mapping[str, str]) -> tuple[ProviderSettings, ...]:
    """Every provider of OIDC_PROVIDERS (names with commas between them); none where it is not set. Raises SettingsError."""
    names = [name.strip() for name in environment.get("OIDC_PROVIDERS", "").split(",") if name.strip()]
    for name in names:
        if len(name) > LONGEST_NAME or _NAME.fullmatch(name) is None:
            raise SettingsError(
                f"OIDC_PROVIDERS holds {name!r}; expected names of small letters, digits and single dashes, at most {LONGEST_NAME}"
            )
        if names.count(name) > 1:
            raise SettingsError(f"OIDC_PROVIDERS holds {name!r} more than once")
    return tuple(ProviderSettings.from_environment(environment, name=name) for name in names)


def read_required(environment: Mapping[str, str], name: str, *, file: bool = False) -> str:
    """A text of visible ASCII characters and blanks (RFC 6749, appendix A). The value is never repeated."""
    text = read_text(environment, name)
    if not text:
        raise SettingsError(
            f"{name}{'_FILE' if file else ''} is not set; expected what the provider has registered for identity"
        )
    if not (text.isascii() and text.isprintable()):
        raise SettingsError(f"{name} holds other characters than visible ASCII; expected one line")
    return text


def read_issuer(environment: Mapping[str, str], name: str) -> str:
    """As the provider spells it: it is compared letter by letter."""
    text = read_text(environment, name)
    if not is_safe_url(text, local=True) or "?" in text:
        raise SettingsError(f"{name} is {text!r}; expected a URL such as https://id.example (http only on this machine)")
    return text


def read_redirect_uri(environment: Mapping[str, str], name: str, *, provider: str) -> str:
    """Where the provider sends browsers back to: the public address of this provider's callback."""
    path = CALLBACK_PATH.format(name=provider)
    text = read_text(environment, name)
    if not is_safe_url(text, local=True) or urlsplit(text).path != path or "?" in text:
        raise SettingsError(
            f"{name} is {text!r}; expected a URL such as https://shop.example{path} (http only on this machine)"
        )
    return text


def read_scopes(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    """What is asked for, and nothing beyond it; `openid` must be among them."""
    scopes = tuple(environment.get(name, DEFAULT_SCOPES).split())
    if "openid" not in scopes or not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise SettingsError(f"{name} is {' '.join(scopes)!r}; expected scopes with blanks between them, openid among them")
    return scopes


def read_yes_or_no(environment: Mapping[str, str], name: str) -> bool:
    """Where it is not set: no."""
    text = environment.get(name, "no")
    if text not in ("yes", "no"):
        raise SettingsError(f"{name} is {text!r}; expected yes or no")
    return text == "yes"
