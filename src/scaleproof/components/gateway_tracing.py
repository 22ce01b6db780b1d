"""The gateway's spans on Kubernetes: `telemetry.tracing` of the EnvoyProxy. Pure.

Source: Envoy Gateway v1.9, api/v1alpha1/envoyproxy_tracing_types.go and internal/xds/translator/tracing.go.
"""

from __future__ import annotations

from typing import Any, Final

from scaleproof.components.gateway_settings import GatewaySettings
from scaleproof.spec.http_address import host_and_port
from scaleproof.spec.platform import Platform
from scaleproof.spec.tracing import GATEWAY

PARTS: Final = 1_000_000
"""A share is a fraction there, of whole numbers."""


def gateway_tracing(platform: Platform, settings: GatewaySettings) -> dict[str, Any] | None:
    """None where the spec asks for no traces."""
    traces = platform.telemetry.traces
    if traces is None:
        return None
    host, _ = host_and_port(traces.endpoint)
    return {
        "samplingFraction": {"numerator": round(traces.sampled * PARTS), "denominator": PARTS},
        # By host and port, since `backendRefs` wants a Service of the cluster, and a ReferenceGrant for another namespace's.
        "provider": {"type": "OpenTelemetry", "serviceName": GATEWAY, "host": host, "port": settings.traces_port},
        # Envoy puts the whole path into `http.url`, and a query may hold a code of a sign-in: the tag is written again without it.
        "tags": {"http.url": "%PATH(NQ)%"},
    }
