"""What Envoy Gateway answers by itself, as problem documents: the same kinds as the embedded default's Envoy.

Without `instance` and `trace_id`: Envoy Gateway's bodies are texts, into which Envoy would put a client's path unescaped. An override
makes a new answer: what the old one had in headers is gone, so that what clients need is set again.
Source: gateway.envoyproxy.io, "Response Override", "Direct Response" and "API Reference" (v1alpha1) of Envoy Gateway 1.9.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from scaleproof.components.manifest import Manifest, manifest
from scaleproof.spec.gateway import Gateway
from scaleproof.spec.platform import Platform
from scaleproof.spec.problems import MEDIA_TYPE, NOT_FOUND, PROBLEMS, UNAUTHENTICATED, GatewayProblem, retry_after_seconds

API_VERSION: Final = "gateway.envoyproxy.io/v1alpha1"
UNMATCHED: Final = "unmatched"
"""The route of paths that no service has."""


def response_overrides(gateway: Gateway) -> list[dict[str, Any]]:
    """`responseOverride` of a BackendTrafficPolicy. `source: Local` (since 1.8) leaves alone what a service answers."""
    return [_override(problem, gateway) for problem in PROBLEMS]


def unmatched_filter(namespace: str, labels: Mapping[str, str]) -> Manifest:
    """Answers 404. A policy cannot: without a route Envoy looks at none."""
    direct = {"statusCode": NOT_FOUND.status, "contentType": MEDIA_TYPE, "body": _body(NOT_FOUND)}
    return manifest(API_VERSION, "HTTPRouteFilter", UNMATCHED, namespace, labels, spec={"directResponse": direct})


def unmatched_rule() -> dict[str, Any]:
    """The rule of an HTTPRoute that gives every path to that filter."""
    reference = {"group": API_VERSION.partition("/")[0], "kind": "HTTPRouteFilter", "name": UNMATCHED}
    return {
        "name": UNMATCHED,
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "filters": [{"type": "ExtensionRef", "extensionRef": reference}],
    }


def has_route_for_every_path(platform: Platform) -> bool:
    """Whether a service itself takes what nobody else does."""
    return platform.service_of("/") is not None


def _override(problem: GatewayProblem, gateway: Gateway) -> dict[str, Any]:
    headers = []
    if problem is UNAUTHENTICATED:
        headers.append({"name": "www-authenticate", "value": "Bearer"})
    seconds = retry_after_seconds(problem, gateway)
    if seconds is not None:
        headers.append({"name": "retry-after", "value": str(seconds)})
    response: dict[str, Any] = {"contentType": MEDIA_TYPE, "body": _body(problem)}
    if headers:
        response["header"] = {"set": headers}
    return {
        "source": "Local",
        "match": {"statusCodes": [{"type": "Value", "value": problem.status}]},
        "response": response,
    }


def _body(problem: GatewayProblem) -> dict[str, str]:
    return {"type": "Inline", "inline": json.dumps(problem.members)}
