"""A provider's discovery document (OpenID Connect Discovery 1.0, section 3; RFC 8414). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.identity.oidc.answer import read_object
from services.identity.oidc.id_token import ALGORITHMS
from services.identity.oidc.safe_url import is_local, is_safe_url

DISCOVERY_PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderMetadata:
    """What identity needs of it."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    algorithms: frozenset[str]
    """ID tokens may be signed with these: asymmetric ones alone, whatever else the provider names."""
    names_issuer: bool
    """Whether every answer that brings a code says whose it is (RFC 9207)."""
    takes_basic: bool
    """Whether the client's secret goes into the header Authorization; else into the form."""


def discovery_url(issuer: str) -> str:
    """Where the document is."""
    return issuer.rstrip("/") + DISCOVERY_PATH


def parse_metadata(body: bytes, *, issuer: str) -> ProviderMetadata:
    """Raises ValueError, which names the field."""
    fields = read_object(body)
    if fields.get("issuer") != issuer:
        raise ValueError("the discovery document's issuer is another one than OIDC_…_ISSUER")
    algorithms = ALGORITHMS.keys() & _texts(fields, "id_token_signing_alg_values_supported", default=())
    if not algorithms:
        raise ValueError("the discovery document names no asymmetric algorithm for ID tokens")
    methods = _texts(fields, "token_endpoint_auth_methods_supported", default=("client_secret_basic",))
    local = is_local(issuer)
    return ProviderMetadata(
        authorization_endpoint=_endpoint(fields, "authorization_endpoint", local=local),
        token_endpoint=_endpoint(fields, "token_endpoint", local=local),
        jwks_uri=_endpoint(fields, "jwks_uri", local=local),
        userinfo_endpoint=_endpoint(fields, "userinfo_endpoint", local=local) if "userinfo_endpoint" in fields else None,
        algorithms=frozenset(algorithms),
        names_issuer=fields.get("authorization_response_iss_parameter_supported") is True,
        takes_basic="client_secret_basic" in methods or "client_secret_post" not in methods,
    )


def _endpoint(fields: dict[str, Any], name: str, *, local: bool) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not is_safe_url(value, local=local):
        raise ValueError(f"the discovery document's {name} is no https URL")
    return value


def _texts(fields: dict[str, Any], name: str, *, default: tuple[str, ...]) -> frozenset[str]:
    value = fields.get(name)
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset(default)
