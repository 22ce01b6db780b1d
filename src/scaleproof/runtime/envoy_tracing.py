"""The gateway's spans: Envoy's OpenTelemetry tracer, over OTLP/HTTP. Pure.

Source: envoyproxy.io v3 API (trace.v3.OpenTelemetryConfig, http_connection_manager's Tracing, route's Decorator).
"""

from __future__ import annotations

from typing import Any, Final

from scaleproof.spec.tracing import GATEWAY, TraceExport, traces_url

TRACES_CLUSTER: Final = "traces"
_TYPES: Final = "type.googleapis.com/envoy"
Json = dict[str, Any]


def tracing(traces: TraceExport, endpoint: str) -> Json:
    """`tracing` of the public listener's connection manager.

    A `traceparent` that says "recorded" is followed, whoever sends it. A collector that is away costs spans, never a request:
    Envoy sends them aside and drops what it cannot.
    """
    uri = {"uri": traces_url(endpoint), "cluster": TRACES_CLUSTER, "timeout": "1s"}
    provider = {
        "name": "envoy.tracers.opentelemetry",
        "typed_config": {
            "@type": f"{_TYPES}.config.trace.v3.OpenTelemetryConfig",
            "service_name": GATEWAY,
            "http_service": {"http_uri": uri},
        },
    }
    return {
        "provider": provider,
        "random_sampling": {"value": traces.sampled * 100},
        "spawn_upstream_span": False,
        # Envoy would put the path with its query into `http.url`: a code of a sign-in may be in it.
        "max_path_tag_length": 0,
    }


def traced_route(prefix: str) -> Json:
    """What a route adds: the span's name, which is the route and not the path.

    Nothing else: a route with a `tracing` of its own no longer follows the listener's share.
    """
    return {"decorator": {"operation": prefix or "/", "propagate": False}}
