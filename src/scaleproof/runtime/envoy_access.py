"""Who may pass the gateway, and how often: Envoy's filters for tokens, required claims and rate limits. Pure.

They answer as Envoy Gateway's policies from the same spec do (`components.gateway_policies`): 401, 403, 429 in that order.
Sources: envoyproxy.io v3 API (jwt_authn, rbac, local_ratelimit); what Envoy Gateway makes of its policies (internal/xds/translator).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from scaleproof.spec.gateway import Gateway, JwtVerification, RateLimit
from scaleproof.spec.http_address import host_and_port

JWKS_CLUSTER: Final = "jwks"
_PROVIDER: Final = "platform"
_FILTERS: Final = "type.googleapis.com/envoy.extensions.filters.http"
_JWT: Final = "envoy.filters.http.jwt_authn"
_RBAC: Final = "envoy.filters.http.rbac"
_LIMIT: Final = "envoy.filters.http.local_ratelimit"
_STAT_PREFIX: Final = "rate_limit"
_UNIT_SECONDS: Final = {"Second": 1, "Minute": 60, "Hour": 3600}
_UNLIMITED: Final = 4_294_967_295
"""Envoy wants a bucket for what no limit counts."""
Json = dict[str, Any]


def http_filters(gateway: Gateway) -> list[Json]:
    """Filters of the public listener, before the router. What they do is said at each route (`route_filters`)."""
    found: list[Json] = []
    if gateway.jwt is not None:
        found.append(_filter(_JWT, _jwt_authentication(gateway.jwt)))
        if gateway.jwt.required_claims:
            found.append(_filter(_RBAC, {"@type": f"{_FILTERS}.rbac.v3.RBAC"}))
    if gateway.rate_limits:
        nothing = {"@type": f"{_FILTERS}.local_ratelimit.v3.LocalRateLimit", "stat_prefix": _STAT_PREFIX}
        found.append(_filter(_LIMIT, nothing))
    return found


def route_filters(gateway: Gateway, *, public: bool, most_clients: int) -> Json:
    """What the filters do on one route: `typed_per_filter_config`. `public` asks for no token.

    `most_clients` are told apart by a rate limit; beyond, the one that was away longest starts anew.
    """
    found: Json = {}
    jwt = None if public else gateway.jwt
    if jwt is not None:
        found[_JWT] = {"@type": f"{_FILTERS}.jwt_authn.v3.PerRouteConfig", "requirement_name": _PROVIDER}
        if jwt.required_claims:
            found[_RBAC] = {"@type": f"{_FILTERS}.rbac.v3.RBACPerRoute", "rbac": {"rules": _required_claims(jwt)}}
    if gateway.rate_limits:
        found[_LIMIT] = _rate_limit(gateway.rate_limits, most_clients)
    return found


def outside_cluster(name: str, address_url: str, trusted_certificates: str) -> Json:
    """A server that is not of this platform. `trusted_certificates`: file of the authorities that https is checked against."""
    host, port = host_and_port(address_url)
    address = {"socket_address": {"address": host, "port_value": port}}
    cluster: Json = {
        "name": name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    if address_url.startswith("https://"):
        tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
        certificates = {
            "trusted_ca": {"filename": trusted_certificates},
            "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": host}}],
        }
        cluster["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {"@type": tls, "sni": host, "common_tls_context": {"validation_context": certificates}},
        }
    return cluster


def _filter(name: str, config: Json) -> Json:
    return {"name": name, "typed_config": config}


def _jwt_authentication(jwt: JwtVerification) -> Json:
    # A service's own cluster is balanced, and is known before the service runs.
    keys = {"uri": f"http://{jwt.jwks_service}{jwt.jwks_path}", "cluster": jwt.jwks_service}
    if jwt.jwks_url is not None:
        keys = {"uri": jwt.jwks_url, "cluster": JWKS_CLUSTER}
    provider = {
        "issuer": jwt.issuer,
        "audiences": jwt.audiences,
        "remote_jwks": {
            "http_uri": {**keys, "timeout": "10s"},
            "cache_duration": "300s",
            # Fetched before the first request, again before they expire, and every second while that fails.
            "async_fetch": {},
        },
        "forward": True,
        "payload_in_metadata": _PROVIDER,
        "normalize_payload_in_metadata": {"space_delimited_claims": ["scope", "scp"]},
        "claim_to_headers": [{"claim_name": claim, "header_name": header} for claim, header in jwt.claim_headers.items()],
    }
    return {
        "@type": f"{_FILTERS}.jwt_authn.v3.JwtAuthentication",
        "providers": {_PROVIDER: provider},
        "requirement_map": {_PROVIDER: {"provider_name": _PROVIDER}},
    }


def _required_claims(jwt: JwtVerification) -> Json:
    every = [
        {"or_ids": {"ids": [matcher for value in values for matcher in _has_claim(claim, value)]}}
        for claim, values in jwt.required_claims.items()
    ]
    policy = {"permissions": [{"any": True}], "principals": [{"and_ids": {"ids": every}}]}
    return {"action": "ALLOW", "policies": {"required-claims": policy}}


def _has_claim(claim: str, value: str) -> list[Json]:
    """As text, and in a list of texts."""
    path = [{"key": _PROVIDER}, {"key": claim}]
    same = {"string_match": {"exact": value}}
    return [
        {"sourced_metadata": {"metadata_matcher": {"filter": _JWT, "path": path, "value": kind}}}
        for kind in (same, {"list_match": {"one_of": same}})
    ]


def _rate_limit(limits: Sequence[RateLimit], most_clients: int) -> Json:
    """A client or header value has a bucket of its own; what none of them counts takes from the one of `per: all`."""
    counted = [limit for limit in limits if limit.per != "all"]
    together = next((limit for limit in limits if limit.per == "all"), None)
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return {
        "@type": f"{_FILTERS}.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": _STAT_PREFIX,
        "filter_enabled": always,
        "filter_enforced": always,
        "token_bucket": _bucket(together) if together is not None else _tokens(_UNLIMITED, 1),
        "always_consume_default_token_bucket": False,
        "max_dynamic_descriptors": most_clients,
        "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
        "rate_limits": [{"actions": [_counted_by(limit)]} for limit in counted],
        "descriptors": [{"entries": [{"key": _key(limit)}], "token_bucket": _bucket(limit)} for limit in counted],
    }


def _counted_by(limit: RateLimit) -> Json:
    if limit.header is None:
        return {"remote_address": {}}
    return {"request_headers": {"header_name": limit.header, "descriptor_key": _key(limit)}}


def _key(limit: RateLimit) -> str:
    return "remote_address" if limit.header is None else f"header_{limit.header}"


def _bucket(limit: RateLimit) -> Json:
    return _tokens(limit.requests, _UNIT_SECONDS[limit.unit])


def _tokens(count: int, seconds: int) -> Json:
    return {"max_tokens": count, "tokens_per_fill": count, "fill_interval": f"{seconds}s"}
