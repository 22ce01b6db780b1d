"""What is taken and given around signing in elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.common.given import Given, Shown
from services.identity.oidc.provider_settings import LONGEST_NAME, NAME_PATTERN

# A path of this site and nothing else: no segment is empty, and there is no backslash, which browsers read as a slash. So neither
# `//elsewhere` nor `/\elsewhere` is one. RFC 3986, section 3.3, in ASCII.
_CHARACTER = r"[A-Za-z0-9._~!$&'()*+,;=:@%-]"
_REST = r"[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*"
RETURN_PATTERN = rf"^/({_CHARACTER}+(/{_CHARACTER}+)*/?)?(\?{_REST})?(#{_REST})?$"

ReturnPath = Annotated[str, StringConstraints(max_length=512, pattern=RETURN_PATTERN)]
ProviderName = Annotated[str, StringConstraints(max_length=LONGEST_NAME, pattern=NAME_PATTERN)]


class StartQuery(Given):
    """Where to go on afterwards."""

    return_to: Annotated[ReturnPath, Field(description="A path of this site.")] = "/"


class LinkRequest(Given):
    """The same, of somebody who is signed in."""

    return_to: ReturnPath = "/"


class CallbackQuery(BaseModel):
    """What a provider sends the browser back with. Whatever else it adds is ignored (RFC 6749, section 4.1.2)."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    state: Annotated[str, Field(max_length=512)] | None = None
    code: Annotated[str, Field(max_length=4096)] | None = None
    error: Annotated[str, Field(max_length=128)] | None = None
    iss: Annotated[str, Field(max_length=512, description="RFC 9207.")] | None = None


class LinkStart(Shown):
    """Where to send the browser."""

    authorization_url: str


class ProviderList(Shown):
    """What a sign-in page offers."""

    providers: list[str] = Field(description="Names, as in the path of `start`.")


class ExternalIdentity(Shown):
    """One identity that an account is linked with."""

    provider: str | None = Field(description="The provider's name; null where it is not offered any more.")
    issuer: str
    linked_at: datetime


class ExternalIdentityList(Shown):
    """The oldest first."""

    external_identities: list[ExternalIdentity]
