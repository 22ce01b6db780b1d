"""The gateway's configuration, read as data."""

import subprocess
from pathlib import Path

import pytest

from scaleproof.runtime.envoy import Endpoint, EnvoyGateway
from scaleproof.runtime.envoy_config import bootstrap, endpoints
from scaleproof.spec.gateway import JwtVerification, RateLimit
from scaleproof.spec.gateway_behaviour import BUCKETS_MS, bucket_bounds_ms
from scaleproof.spec.platform import Platform
from scaleproof.spec.problems import PROBLEMS, RATE_LIMITED, retry_after_seconds
from scaleproof.spec.tracing import Telemetry, TraceExport

RESOURCES = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}}


def platform_of(users=10_000, think=(20, 40), timeout=15, **routes):
    thresholds = iter([333.0, 777.5, 50.0])
    return Platform.model_validate(
        {
            "version": 1,
            "name": "shop",
            "gateway": {"port": 0, "request_timeout_seconds": timeout},
            "load": {"users": users, "think_seconds": think},
            "services": {
                name: {
                    "command": ["x"],
                    "routes": paths,
                    "resources": RESOURCES,
                    "slo": {"latency_ms": next(thresholds), "share": 0.95},
                }
                for name, paths in routes.items()
            },
        }
    )


def guarded(**jwt):
    platform = platform_of(orders=["/api/v1/orders"], web=["/"])
    jwt = {
        "issuer": "i",
        "audiences": ["a"],
        "jwks_url": "https://id.example/keys",
        "public_paths": ["/api/v1/orders/open"],
        **jwt,
    }
    limits = [{"requests": 5}, {"requests": 9, "unit": "Minute", "per": "header", "header": "x-user-id"}]
    gateway = platform.gateway.model_copy(update={"jwt": JwtVerification.model_validate(jwt)})
    gateway = gateway.model_copy(update={"rate_limits": [RateLimit.model_validate(limit) for limit in limits]})
    return platform.model_copy(update={"gateway": gateway})


def listeners_of(platform, internal=None):
    return bootstrap(platform, 8080, 9901, internal or {}, Path("/x"))["static_resources"]["listeners"]


def manager_of(listener):
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def routes_of(listener):
    return manager_of(listener)["route_config"]["virtual_hosts"][0]["routes"]


def test_the_longest_prefix_comes_first_and_the_root_last():
    platform = platform_of(web=["/"], orders=["/api/orders/"], search=["/api/orders/search"])
    matches = [(route["match"], route["route"]["cluster"]) for route in routes_of(listeners_of(platform)[0])]
    assert matches == [
        ({"path_separated_prefix": "/api/orders/search"}, "search"),
        ({"path_separated_prefix": "/api/orders"}, "orders"),
        ({"prefix": "/"}, "web"),
    ]


def test_every_slo_threshold_is_a_bucket_bound():
    bounds = bucket_bounds_ms(platform_of(orders=["/o"], web=["/w"]))
    assert bounds == sorted(bounds)
    assert set(bounds) == set(map(float, BUCKETS_MS)) | {333.0, 777.5}


@pytest.mark.parametrize("users", [1, 1_024, 10_000, 50_000])
def test_no_limit_is_below_the_number_of_users(users):
    document = bootstrap(platform_of(users=users, orders=["/o"]), 8080, 9901, {}, Path("/x"))
    [cluster] = document["static_resources"]["clusters"]
    [threshold] = cluster["circuit_breakers"]["thresholds"]
    monitor = document["overload_manager"]["resource_monitors"][0]["typed_config"]
    assert min(threshold[most] for most in threshold if most != "retry_budget") > users
    assert monitor["max_active_downstream_connections"] > users


@pytest.mark.parametrize(("longest_think", "idle"), [(40, "120.000s"), (60, "120.000s"), (300, "600.000s")])
def test_a_thinking_user_keeps_the_connection(longest_think, idle):
    platform = platform_of(think=(10, longest_think), orders=["/o"])
    assert manager_of(listeners_of(platform)[0])["common_http_protocol_options"]["idle_timeout"] == idle


def test_each_called_service_has_a_listener_of_its_own():
    platform = platform_of(orders=["/o"], web=["/w"])
    gateway, internal = listeners_of(platform, {"orders": 7001})
    assert gateway["name"] == "gateway"
    assert (internal["name"], internal["address"]["socket_address"]) == (
        "internal_orders",
        {"address": "127.0.0.1", "port_value": 7001},
    )
    assert [route["route"]["cluster"] for route in routes_of(internal)] == ["orders"]


def test_the_same_endpoints_have_the_same_version_and_others_another():
    one, same = (endpoints("orders", [Endpoint(1), Endpoint(2)]) for _ in range(2))
    assert one == same
    assert one["version_info"] != endpoints("orders", [Endpoint(1), Endpoint(2, draining=True)])["version_info"]


@pytest.mark.parametrize(
    "platform",
    [
        platform_of(orders=["/api/v1/orders"], web=["/"]),
        platform_of(users=1, timeout=0.5, a=["/a", "/b/c/"], lonely=[]),
        guarded(required_claims={"scope": ["a", "b"], "tier": ["gold"]}),
        guarded(jwks_url=None, jwks_service="orders"),
    ],
    ids=["two services", "odd ones", "everything on", "keys of a service"],
)
def test_envoy_itself_accepts_the_configuration(platform, tmp_path):
    gateway = EnvoyGateway(tmp_path, platform, 8080, 9901, {next(iter(platform.services)): 7001})
    gateway.prepare()
    result = subprocess.run([*gateway.command(), "--mode", "validate"], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "deprecated" not in result.stderr.lower()


def jwks_of(platform):
    document = bootstrap(platform, 8080, 9901, {}, Path("/x"), trusted_certificates="/ca.pem")
    return next(each for each in document["static_resources"]["clusters"] if each["name"] == "jwks")


@pytest.mark.parametrize(
    ("url", "port", "encrypted"),
    [
        ("https://id.example/keys", 443, True),
        ("https://id.example:8443/keys", 8443, True),
        ("http://id.local/keys", 80, False),
    ],
)
def test_keys_are_fetched_from_whom_the_certificate_names(url, port, encrypted):
    cluster = jwks_of(guarded(jwks_url=url))
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    assert endpoint["address"]["socket_address"]["port_value"] == port
    assert ("transport_socket" in cluster) is encrypted
    if encrypted:
        tls = cluster["transport_socket"]["typed_config"]
        assert tls["sni"] == "id.example"
        checked = tls["common_tls_context"]["validation_context"]
        assert checked["trusted_ca"] == {"filename": "/ca.pem"}
        assert checked["match_typed_subject_alt_names"][0]["matcher"] == {"exact": "id.example"}


def test_keys_of_a_service_come_from_its_replicas():
    platform = guarded(jwks_url=None, jwks_service="orders", jwks_path="/keys")
    document = bootstrap(platform, 8080, 9901, {}, Path("/x"))["static_resources"]
    assert "jwks" not in {cluster["name"] for cluster in document["clusters"]}
    [authentication] = [
        each["typed_config"]
        for each in manager_of(document["listeners"][0])["http_filters"]
        if each["name"] == "envoy.filters.http.jwt_authn"
    ]
    [provider] = authentication["providers"].values()
    assert provider["remote_jwks"]["http_uri"] == {"uri": "http://orders/keys", "cluster": "orders", "timeout": "10s"}


def test_a_public_path_asks_for_no_token_and_is_yet_limited():
    routes = routes_of(listeners_of(guarded())[0])
    asked = {route["match"].get("path_separated_prefix", "/"): sorted(route["typed_per_filter_config"]) for route in routes}
    both = ["envoy.filters.http.jwt_authn", "envoy.filters.http.local_ratelimit"]
    assert asked == {"/api/v1/orders/open": both[1:], "/api/v1/orders": both, "/": both}


def test_between_services_nobody_is_asked_and_nothing_is_limited():
    inner = listeners_of(guarded(), {"orders": 9000})[1]
    assert "typed_per_filter_config" not in routes_of(inner)[0]
    names = [each["name"].rpartition(".")[2] for each in manager_of(inner)["http_filters"]]
    assert names == ["header_to_metadata", "router"]
    mutations = manager_of(inner)["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    assert {"remove": "x-user-id"} not in mutations


def test_envoys_own_errors_are_problem_documents():
    manager = manager_of(listeners_of(guarded())[0])
    mappers = manager["local_reply_config"]["mappers"]
    comparisons = [mapper["filter"]["status_code_filter"]["comparison"] for mapper in mappers]
    asked = [(each["op"], each["value"]["default_value"]) for each in comparisons]
    assert asked == [*(("EQ", problem.status) for problem in PROBLEMS), ("GE", 500), ("GE", 400)], (
        "the first that fits is taken"
    )
    for mapper, problem in zip(mappers, PROBLEMS, strict=False):
        body = mapper["body_format_override"]
        assert body["content_type"] == "application/problem+json"
        assert body["json_format"]["code"] == problem.code
        assert body["json_format"]["status"] == "%RESPONSE_CODE%", "a number, where a text would be one"


def test_texts_of_problems_are_no_formats():
    for problem in PROBLEMS:
        assert not {"%", '"', "\\"} & set("".join(map(str, problem.members.values())))
    assert len({problem.status for problem in PROBLEMS}) == len(PROBLEMS)


def test_who_is_limited_is_told_to_come_again_after_the_shortest_unit():
    assert retry_after_seconds(RATE_LIMITED, guarded().gateway) == 1
    assert retry_after_seconds(RATE_LIMITED, platform_of(orders=["/o"]).gateway) is None


def with_traces(platform, sampled=0.25):
    traces = TraceExport(endpoint="https://collector.example:4318/otlp/", sampled=sampled)
    return platform.model_copy(update={"telemetry": Telemetry(traces=traces)})


def test_without_traces_there_is_no_word_of_them():
    assert "trac" not in str(bootstrap(platform_of(web=["/"]), 8080, 9901, {"web": 1}, Path("/x"))).replace(
        "trace_id", ""
    ).replace("traceparent", "")


def test_the_public_listener_alone_makes_spans():
    platform = with_traces(platform_of(web=["/"], orders=["/api/orders/"]))
    endpoint = platform.telemetry.traces.endpoint
    document = bootstrap(platform, 8080, 9901, {"orders": 9000}, Path("/x"), traces_endpoint=endpoint)["static_resources"]
    public, internal = document["listeners"]
    tracing = manager_of(public)["tracing"]
    assert tracing["random_sampling"] == {"value": 25.0}
    service = tracing["provider"]["typed_config"]["http_service"]["http_uri"]
    assert service == {"uri": "https://collector.example:4318/otlp/v1/traces", "cluster": "traces", "timeout": "1s"}
    assert "tracing" not in manager_of(internal)
    (cluster,) = [cluster for cluster in document["clusters"] if cluster["name"] == "traces"]
    assert cluster["transport_socket"]["typed_config"]["sni"] == "collector.example"
    assert [route["decorator"]["operation"] for route in routes_of(public)] == ["/api/orders", "/"]
    assert all(route["decorator"]["propagate"] is False for route in routes_of(public)), "services are told no name"
