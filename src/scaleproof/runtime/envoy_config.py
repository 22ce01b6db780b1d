"""Envoy's configuration from the spec. Pure: every function returns what the file of that name holds, as JSON.

Sources: envoyproxy.io v3 API (bootstrap, listener, http_connection_manager, cluster, endpoint) and its page
"Configuring Envoy as an edge proxy". Kept to fields that Envoy 1.36 already knows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scaleproof.runtime.envoy_access import JWKS_CLUSTER, http_filters, outside_cluster, route_filters
from scaleproof.runtime.envoy_replies import local_replies, trace_id_filter
from scaleproof.runtime.envoy_tracing import TRACES_CLUSTER, traced_route, tracing
from scaleproof.spec.gateway import Deprecation
from scaleproof.spec.gateway_behaviour import (
    LEAST_CONCURRENT_RETRIES,
    LINK,
    RETRIES,
    RETRY_ON,
    SPOOFABLE_HEADERS,
    UPSTREAM_IDLE_SECONDS,
    bucket_bounds_ms,
    connections,
    deprecation_headers,
    downstream_idle_seconds,
    stream_idle_seconds,
)
from scaleproof.spec.platform import Platform, Service

LOOPBACK: Final = "127.0.0.1"

_TYPES = "type.googleapis.com/envoy"
Json = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """One replica that may receive requests, on loopback. A draining one gets no new request while another can take it."""

    port: int
    draining: bool = False


def bootstrap(
    platform: Platform,
    gateway_port: int,
    admin_port: int,
    internal_ports: Mapping[str, int],
    endpoints_folder: Path,
    *,
    trusted_certificates: str = "",
    traces_endpoint: str | None = None,
) -> Json:
    """The bootstrap file: listeners and clusters never change while Envoy runs, endpoints come from files in the folder.

    `trusted_certificates`: file of the authorities that a `gateway.jwt.jwks_url` with https is checked against.
    `traces_endpoint`: where `telemetry.traces` go, which may have said "local".
    """
    jwt = platform.gateway.jwt
    traces = platform.telemetry.traces
    public = _listener(
        "gateway",
        gateway_port,
        _gateway_routes(platform),
        platform,
        host={"request_headers_to_add": [_time_left(platform)]},
        filters=http_filters(platform.gateway),
        dropped=sorted(jwt.claim_headers.values()) if jwt is not None else (),
        more={"tracing": tracing(traces, traces_endpoint)} if traces is not None and traces_endpoint is not None else None,
    )
    internal = [
        _listener(f"internal_{name}", port, [_route({"prefix": "/"}, name, platform)], platform, host=CALLED)
        for name, port in internal_ports.items()
    ]
    clusters = [_cluster(name, service, platform, endpoints_folder) for name, service in platform.services.items()]
    if jwt is not None and jwt.jwks_url is not None:
        clusters.append(outside_cluster(JWKS_CLUSTER, jwt.jwks_url, trusted_certificates))
    if traces_endpoint is not None:
        clusters.append(outside_cluster(TRACES_CLUSTER, traces_endpoint, trusted_certificates))
    return {
        "node": {"id": "scaleproof-gateway", "cluster": platform.name},
        "admin": {"address": _address(admin_port), "ignore_global_conn_limit": True},
        "static_resources": {
            "listeners": [public, *internal],
            "clusters": clusters,
        },
        # A scrape sees histograms as of the last flush, by default 5 s ago; `stats_flush_on_admin` shows the scrape before.
        "stats_flush_interval": "0.250s",
        "stats_config": {
            "histogram_bucket_settings": [
                {"match": {"suffix": "upstream_rq_time"}, "buckets": bucket_bounds_ms(platform)},
            ],
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{_TYPES}.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": connections(platform),
                    },
                },
            ],
        },
    }


def endpoints(service: str, replicas: Sequence[Endpoint]) -> Json:
    """The endpoints file of one service (EDS). Its version is a hash of its content."""
    assignment = {
        "@type": f"{_TYPES}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": service,
        "endpoints": [
            {
                "lb_endpoints": [
                    {
                        "endpoint": {"address": _address(replica.port)},
                        "health_status": "DRAINING" if replica.draining else "UNKNOWN",
                    }
                    for replica in replicas
                ],
            },
        ],
    }
    version = hashlib.sha256(json.dumps(assignment).encode()).hexdigest()[:16]
    return {"version_info": version, "resources": [assignment]}


def endpoints_file(folder: Path, service: str) -> Path:
    """Where the endpoints of that service are."""
    return folder / f"{service}.json"


CALLED: Final = {"include_attempt_count_in_response": True}
"""Of a service that others call: they see what Envoy itself has sent again, and do not repeat that (docs/retry.md)."""


def _address(port: int) -> Json:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}s"


def _time_left(platform: Platform) -> Json:
    """Tells a service how long its answer is waited for; it tells those that it calls what is left. A client cannot ask for more."""
    milliseconds = round(platform.gateway.request_timeout_seconds * 1000)
    return {
        "header": {"key": "x-request-timeout-ms", "value": str(milliseconds)},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _gateway_routes(platform: Platform) -> list[Json]:
    """Longest prefix first, as `Platform.service_of`. A path that no route matches is answered 404."""
    jwt = platform.gateway.jwt
    open_paths = [path.rstrip("/") for path in jwt.public_paths] if jwt is not None else []
    routes = {route.rstrip("/"): name for name, service in platform.services.items() for route in service.routes}
    # A path that needs no token has its own route, to the service that serves it.
    routes |= {path: name for path in open_paths if (name := platform.service_of(path or "/")) is not None}
    found = []
    for prefix, name in sorted(routes.items(), key=lambda route: -len(route[0])):
        match = {"path_separated_prefix": prefix} if prefix else {"prefix": "/"}
        access = route_filters(platform.gateway, public=prefix in open_paths, most_clients=connections(platform))
        route = {**_route(match, name, platform), **({"typed_per_filter_config": access} if access else {})}
        if platform.telemetry.traces is not None:
            route |= traced_route(prefix)
        deprecation = platform.gateway.deprecation_of(prefix)
        if deprecation is not None:
            route["response_headers_to_add"] = _deprecation(deprecation)
        found.append(route)
    return found


def _deprecation(deprecation: Deprecation) -> list[Json]:
    return [
        {
            # Envoy reads a percent sign as the beginning of a command.
            "header": {"key": name, "value": value.replace("%", "%%")},
            "append_action": "APPEND_IF_EXISTS_OR_ADD" if name == LINK else "OVERWRITE_IF_EXISTS_OR_ADD",
        }
        for name, value in deprecation_headers(deprecation).items()
    ]


def _route(match: Json, service: str, platform: Platform) -> Json:
    return {
        "match": match,
        "stat_prefix": service,
        "route": {
            "cluster": service,
            "timeout": _seconds(platform.gateway.request_timeout_seconds),
            "retry_policy": {
                "retry_on": ",".join(RETRY_ON),
                "num_retries": RETRIES,
                "retry_host_predicate": [
                    {
                        "name": "envoy.retry_host_predicates.previous_hosts",
                        "typed_config": {
                            "@type": f"{_TYPES}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                        },
                    },
                ],
                "host_selection_retry_max_attempts": 5,
                "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.100s"},
            },
        },
    }


def _listener(
    name: str,
    port: int,
    routes: list[Json],
    platform: Platform,
    *,
    host: Json | None = None,
    filters: Sequence[Json] = (),
    dropped: Sequence[str] = (),
    more: Json | None = None,
) -> Json:
    """`host` adds to the virtual host, `more` to the connection manager; `filters` come before the router.

    `dropped` are headers of clients that mean something here.
    """
    manager = {
        "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": "HTTP1",
        "route_config": {"name": name, "virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes, **(host or {})}]},
        "http_filters": [
            trace_id_filter(),
            *filters,
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True},
            },
        ],
        "common_http_protocol_options": {
            "idle_timeout": _seconds(downstream_idle_seconds(platform)),
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "request_headers_timeout": "10s",
        "stream_idle_timeout": _seconds(stream_idle_seconds(platform)),
        "use_remote_address": True,
        "early_header_mutation_extensions": [
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": {
                    "@type": f"{_TYPES}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    "mutations": [{"remove": header} for header in (*SPOOFABLE_HEADERS, *dropped)],
                },
            },
        ],
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "local_reply_config": local_replies(platform.gateway),
        **(more or {}),
    }
    return {
        "name": name,
        "address": _address(port),
        # Otherwise a second Envoy of the same user binds the same port without an error, and takes half the requests.
        "enable_reuse_port": False,
        "per_connection_buffer_limit_bytes": 65_536,
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]},
        ],
    }


def _cluster(name: str, service: Service, platform: Platform, endpoints_folder: Path) -> Json:
    most = connections(platform)
    return {
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {
            "service_name": name,
            "eds_config": {
                "resource_api_version": "V3",
                "path_config_source": {"path": str(endpoints_file(endpoints_folder, name))},
            },
        },
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "2s",
        "per_connection_buffer_limit_bytes": 65_536,
        "ignore_health_on_host_removal": True,
        "common_lb_config": {
            # Only when no replica is healthy are all tried: an overloaded platform is slow, it does not refuse its users.
            "healthy_panic_threshold": {"value": 1},
            "ignore_new_hosts_until_first_hc": True,
            # By default the workers learn of a changed health up to 1 s late.
            "update_merge_window": "0s",
        },
        "health_checks": [_health_check(service)],
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": most,
                    "max_pending_requests": most,
                    "max_requests": most,
                    "max_retries": most,
                    "retry_budget": {
                        "budget_percent": {"value": platform.gateway.retry_budget_percent},
                        "min_retry_concurrency": LEAST_CONCURRENT_RETRIES,
                    },
                },
            ],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": f"{UPSTREAM_IDLE_SECONDS}s"},
                "explicit_http_config": {"http_protocol_options": {}},
            },
        },
    }


def _health_check(service: Service) -> Json:
    return {
        # A replica at its CPU limit answers late and is yet alive; a dead one refuses the connection at once.
        "timeout": "5s",
        "interval": "1s",
        "no_traffic_interval": "1s",
        "no_traffic_healthy_interval": "1s",
        "unhealthy_interval": "0.5s",
        "healthy_threshold": 1,
        "unhealthy_threshold": 2,
        "reuse_connection": True,
        "http_health_check": {"path": service.readiness},
    }
