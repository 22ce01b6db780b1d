"""Envoy Gateway's policies from the spec. They mean what the embedded default's Envoy configuration means.

Source: gateway.envoyproxy.io, "API Reference" (v1alpha1) of Envoy Gateway 1.9.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from scaleproof.components.gateway_problems import API_VERSION, response_overrides
from scaleproof.components.gateway_routes import INTERNAL, PUBLIC, called_services, duration, public_parts
from scaleproof.components.gateway_settings import GatewaySettings
from scaleproof.components.manifest import Manifest, manifest
from scaleproof.spec.gateway import JwtVerification, RateLimit
from scaleproof.spec.gateway_behaviour import (
    LEAST_CONCURRENT_RETRIES,
    RETRIES,
    RETRY_ON,
    SPOOFABLE_HEADERS,
    UPSTREAM_IDLE_SECONDS,
    connections,
    downstream_idle_seconds,
    stream_idle_seconds,
)
from scaleproof.spec.platform import Platform, Service

CONNECT_TIMEOUT: Final = "2s"
BUFFER_LIMIT: Final = "64Ki"


def traffic_policies(
    platform: Platform, namespace: str, labels: Mapping[str, str], settings: GatewaySettings
) -> list[Manifest]:
    """A BackendTrafficPolicy for each service's routes: rate limits count for users, never for calls between services."""
    found = []
    called = called_services(platform)
    limited, parts = platform.gateway.rate_limits, public_parts(platform)
    for name, service in platform.services.items():
        backend = _backend(service, platform)
        if service.routes:
            routes = [part.name for part in parts if part.service == name]
            limits = {"rateLimit": _rate_limit(limited, settings.rate_limit_scope)} if limited else {}
            spec = {"targetRefs": _targets("HTTPRoute", routes), **backend, **limits}
            found.append(manifest(API_VERSION, "BackendTrafficPolicy", name, namespace, labels, spec=spec))
        if name in called:
            route = f"{name}-{INTERNAL}"
            spec = {"targetRefs": _targets("HTTPRoute", [route]), **backend}
            found.append(manifest(API_VERSION, "BackendTrafficPolicy", route, namespace, labels, spec=spec))
    return found


def client_policy(gateway: str, platform: Platform, namespace: str, labels: Mapping[str, str]) -> Manifest:
    """How clients of that gateway are treated: limits, times, and which of their headers are dropped."""
    jwt = platform.gateway.jwt
    claims = jwt.claim_headers.values() if jwt is not None and gateway == PUBLIC else ()
    spec = {
        "targetRefs": _targets("Gateway", [gateway]),
        "connection": {"bufferLimit": BUFFER_LIMIT, "connectionLimit": {"value": connections(platform)}},
        "timeout": {
            "http": {
                "idleTimeout": duration(downstream_idle_seconds(platform)),
                "requestHeadersReceivedTimeout": "10s",
                "streamIdleTimeout": duration(stream_idle_seconds(platform)),
            }
        },
        "headers": {
            "withUnderscoresAction": "RejectRequest",
            "enableEnvoyHeaders": False,
            "earlyRequestHeaders": {"remove": sorted({*SPOOFABLE_HEADERS, *claims})},
        },
        "path": {"escapedSlashesAction": "UnescapeAndRedirect", "disableMergeSlashes": False},
    }
    return manifest(API_VERSION, "ClientTrafficPolicy", gateway, namespace, labels, spec=spec)


def security_policies(
    platform: Platform, namespace: str, labels: Mapping[str, str], settings: GatewaySettings
) -> list[Manifest]:
    """401 without a valid token, 403 without the required claims; none where the platform verifies no tokens."""
    jwt = platform.gateway.jwt
    routed = [part.name for part in public_parts(platform) if not part.is_open]
    if jwt is None or not routed:
        return []
    spec = {
        "targetRefs": _targets("HTTPRoute", routed),
        "jwt": {"providers": [_provider(jwt, settings, platform, namespace)]},
        **_authorization(jwt),
    }
    return [manifest(API_VERSION, "SecurityPolicy", "jwt", namespace, labels, spec=spec)]


def _backend(service: Service, platform: Platform) -> dict[str, Any]:
    most = connections(platform)
    return {
        "loadBalancer": {"type": "LeastRequest"},
        "connection": {"bufferLimit": BUFFER_LIMIT},
        "circuitBreaker": {
            "maxConnections": most,
            "maxPendingRequests": most,
            "maxParallelRequests": most,
            "maxParallelRetries": most,
            "retryBudget": {
                "percent": {"numerator": platform.gateway.retry_budget_percent, "denominator": 100},
                "minRetryConcurrency": LEAST_CONCURRENT_RETRIES,
            },
        },
        "retry": {
            "numRetries": RETRIES,
            "retryOn": {"triggers": list(RETRY_ON)},
            "perRetry": {"backOff": {"baseInterval": "10ms", "maxInterval": "100ms"}},
        },
        "timeout": {
            "tcp": {"connectTimeout": CONNECT_TIMEOUT},
            "http": {"connectionIdleTimeout": duration(UPSTREAM_IDLE_SECONDS)},
        },
        "healthCheck": {
            # Only when no replica is healthy are all tried: an overloaded platform is slow, it does not refuse its users.
            "panicThreshold": 1,
            "active": {
                "type": "HTTP",
                # A replica at its CPU limit answers late and is yet alive; a dead one refuses the connection at once.
                "timeout": "5s",
                "interval": "1s",
                "healthyThreshold": 1,
                "unhealthyThreshold": 2,
                "http": {"path": service.readiness, "method": "GET", "expectedStatuses": [200]},
            },
        },
        "responseOverride": response_overrides(platform.gateway),
    }


def _rate_limit(limits: Sequence[RateLimit], scope: str) -> dict[str, Any]:
    return {"type": scope, scope.lower(): {"rules": [_rule(limit) for limit in limits]}}


def _rule(limit: RateLimit) -> dict[str, Any]:
    rule: dict[str, Any] = {"limit": {"requests": limit.requests, "unit": limit.unit}}
    if limit.per == "client":
        rule["clientSelectors"] = [{"sourceCIDR": {"type": "Distinct", "value": "0.0.0.0/0"}}]
    elif limit.header is not None:
        rule["clientSelectors"] = [{"headers": [{"type": "Distinct", "name": limit.header}]}]
    return rule


def _provider(jwt: JwtVerification, settings: GatewaySettings, platform: Platform, namespace: str) -> dict[str, Any]:
    url = settings.jwks_url or jwt.jwks_url
    if url is None:
        assert jwt.jwks_service is not None, "the spec insists on one of the two"
        port = platform.services[jwt.jwks_service].port
        url = f"http://{jwt.jwks_service}.{namespace}.svc.cluster.local:{port}{jwt.jwks_path}"
    return {
        "name": "platform",
        "issuer": settings.jwt_issuer or jwt.issuer,
        "audiences": jwt.audiences,
        "remoteJWKS": {"uri": url, "cacheDuration": "300s"},
        "claimToHeaders": [{"claim": claim, "header": header} for claim, header in jwt.claim_headers.items()],
    }


def _authorization(jwt: JwtVerification) -> dict[str, Any]:
    if not jwt.required_claims:
        return {}
    names = list(jwt.required_claims)
    # A claim is text or a list of texts (a scope always is, once its provider has split it), and a rule knows only one of both.
    kinds = list(itertools.product(("String", "StringArray"), repeat=len(names)))
    rules = []
    for number, chosen in enumerate(kinds):
        claims = [
            {"name": name, "valueType": kind, "values": jwt.required_claims[name]}
            for name, kind in zip(names, chosen, strict=True)
        ]
        principal = {"jwt": {"provider": "platform", "claims": claims}}
        rules.append({"name": f"required-claims-{number}", "action": "Allow", "principal": principal})
    return {"authorization": {"defaultAction": "Deny", "rules": rules}}


def _targets(kind: str, names: list[str]) -> list[dict[str, str]]:
    return [{"group": "gateway.networking.k8s.io", "kind": kind, "name": name} for name in names]
