from __future__ import annotations

import json

import pulumi
import pytest

from fakes.pulumi_monitor import run
from fakes.shop import PLATFORM
from scaleproof.components import api_gateway
from scaleproof.components.api_gateway import ApiGateway, controller_release, gateway_manifests, gateway_url, proxy_port
from scaleproof.components.gateway_routes import duration
from scaleproof.components.platform_parts import gateway_args
from scaleproof.runtime import envoy_config
from scaleproof.spec.gateway_behaviour import bucket_bounds_ms
from scaleproof.spec.problems import MEDIA_TYPE, PROBLEMS

JWT = {
    "issuer": "https://idp.example",
    "audiences": ["shop"],
    "jwks_url": "https://idp.example/jwks.json",
    "claim_headers": {"sub": "x-user-id", "scope": "x-scope"},
    "required_claims": {"scope": ["shop:use"]},
    "public_paths": ["/api/v1/front/open/"],
}


def found(inputs, *, spec=None, **gateway) -> dict[tuple[str, str], dict]:
    """`spec`: more of platform.yaml's gateway; the rest are the stack's settings."""
    platform = {"gateway": {**PLATFORM["gateway"], **(spec or {})}}
    items = gateway_manifests(gateway_args(inputs(platform=platform, gateway=gateway)))
    return {(item["kind"], item["metadata"]["name"]): item["spec"] for item in items}


class TestRoutes:
    def test_versions_side_by_side(self, inputs):
        rules = found(inputs)["HTTPRoute", "orders"]["rules"]
        assert [match["path"] for match in rules[0]["matches"]] == [
            {"type": "PathPrefix", "value": "/api/v1/orders"},
            {"type": "PathPrefix", "value": "/api/v2/orders"},
        ]
        assert rules[0]["backendRefs"][0]["port"] == 8000
        assert rules[0]["timeouts"] == {"request": "7s500ms"}

    def test_called_services_have_a_listener_each_on_the_internal_gateway(self, inputs):
        spec = found(inputs)
        assert [(each["name"], each["port"]) for each in spec["Gateway", "internal"]["listeners"]] == [("orders", 9001)]
        route = spec["HTTPRoute", "orders-internal"]
        assert route["parentRefs"][0]["name"] == "internal"
        assert route["parentRefs"][0]["sectionName"] == "orders"
        assert route["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]

    def test_without_calls_there_is_no_internal_gateway(self, inputs):
        services = inputs().platform.model_dump(mode="json")["services"]
        services["front-page"]["calls"] = []
        names = {item["metadata"]["name"] for item in gateway_manifests(gateway_args(inputs(platform={"services": services})))}
        assert not {name for name in names if "internal" in name}

    def test_rules_are_named_after_their_service_as_envoys_series_are(self, inputs):
        spec = found(inputs)
        routes = [each for (kind, name), each in spec.items() if kind == "HTTPRoute" and name != "unmatched"]
        rules = {rule["name"] for each in routes for rule in each["rules"]}
        assert rules == {"orders", "front-page"}
        assert spec["EnvoyProxy", "gateway"]["telemetry"]["metrics"]["clusterStatName"] == "%ROUTE_RULE_NAME%"

    @pytest.mark.parametrize(
        ("seconds", "text"), [(15, "15s"), (0.25, "250ms"), (7.5, "7s500ms"), (0, "0s"), (90, "90s"), (0.0004, "0s")]
    )
    def test_durations(self, seconds, text):
        assert duration(seconds) == text


class TestTheSameAsTheEmbeddedDefault:
    """What the local Envoy is told and what Envoy Gateway is told."""

    @pytest.fixture
    def local(self, inputs, tmp_path) -> dict:
        return envoy_config.bootstrap(inputs().platform, 8080, 9, {}, tmp_path)["static_resources"]

    @pytest.fixture
    def cluster(self, local) -> dict:
        return next(each for each in local["clusters"] if each["name"] == "orders")

    @pytest.fixture
    def policy(self, inputs) -> dict:
        return found(inputs)["BackendTrafficPolicy", "orders"]

    def test_circuit_breakers_hold_every_user(self, cluster, policy):
        local = cluster["circuit_breakers"]["thresholds"][0]
        breaker = policy["circuitBreaker"]
        assert breaker["maxConnections"] == local["max_connections"] == 12_000
        assert breaker["maxPendingRequests"] == local["max_pending_requests"]
        assert breaker["maxParallelRequests"] == local["max_requests"]

    def test_retries(self, local, policy):
        manager = local["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        retry = manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["retry_policy"]
        assert ",".join(policy["retry"]["retryOn"]["triggers"]) == retry["retry_on"]
        assert policy["retry"]["numRetries"] == retry["num_retries"]

    def test_retry_budget(self, cluster, policy):
        local, budget = cluster["circuit_breakers"]["thresholds"][0]["retry_budget"], policy["circuitBreaker"]["retryBudget"]
        assert budget == {"percent": {"numerator": 20, "denominator": 100}, "minRetryConcurrency": 10}
        assert local == {"budget_percent": {"value": 20}, "min_retry_concurrency": 10}

    def test_health_checks(self, cluster, policy):
        check, other = cluster["health_checks"][0], policy["healthCheck"]["active"]
        assert other["http"]["path"] == check["http_health_check"]["path"]
        assert (other["timeout"], other["interval"]) == (check["timeout"], check["interval"])
        assert other["unhealthyThreshold"] == check["unhealthy_threshold"]
        assert policy["healthCheck"]["panicThreshold"] == cluster["common_lb_config"]["healthy_panic_threshold"]["value"]

    def test_timeouts(self, local, cluster, inputs, policy):
        manager = local["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        client = found(inputs)["ClientTrafficPolicy", "gateway"]
        assert policy["timeout"]["tcp"]["connectTimeout"] == cluster["connect_timeout"]
        options = next(iter(cluster["typed_extension_protocol_options"].values()))
        assert policy["timeout"]["http"]["connectionIdleTimeout"] == options["common_http_protocol_options"]["idle_timeout"]
        assert client["timeout"]["http"]["idleTimeout"] == "160s"
        assert manager["common_http_protocol_options"]["idle_timeout"] == "160.000s"
        assert client["timeout"]["http"]["requestHeadersReceivedTimeout"] == manager["request_headers_timeout"]
        assert client["timeout"]["http"]["streamIdleTimeout"] == "60s"
        assert manager["stream_idle_timeout"] == "60.000s"

    def test_paths_and_headers(self, local, inputs):
        manager = local["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        client = found(inputs)["ClientTrafficPolicy", "gateway"]
        removed = manager["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
        assert set(client["headers"]["earlyRequestHeaders"]["remove"]) == {each["remove"] for each in removed}
        assert client["path"]["escapedSlashesAction"] == "UnescapeAndRedirect"
        assert manager["path_with_escaped_slashes_action"] == "UNESCAPE_AND_REDIRECT"

    def test_histograms(self, inputs, local):
        bootstrap = json.loads(found(inputs)["EnvoyProxy", "gateway"]["bootstrap"]["value"])
        buckets = bootstrap["stats_config"]["histogram_bucket_settings"][0]["buckets"]
        assert buckets == bucket_bounds_ms(inputs().platform)
        assert 512.0 in buckets


class TestTokens:
    def test_without_jwt_nobody_is_asked(self, inputs):
        assert not [key for key in found(inputs) if key[0] == "SecurityPolicy"]

    def test_every_route_asks_but_the_public_ones(self, inputs):
        spec = found(inputs, spec={"jwt": JWT})
        policy = spec["SecurityPolicy", "jwt"]
        assert [target["name"] for target in policy["targetRefs"]] == ["orders", "front-page"]
        public = spec["HTTPRoute", "front-page-public"]["rules"][0]
        assert public["matches"] == [{"path": {"type": "PathPrefix", "value": "/api/v1/front/open"}}]
        targets = [target["name"] for target in spec["BackendTrafficPolicy", "front-page"]["targetRefs"]]
        assert targets == ["front-page", "front-page-public"]

    def test_claims_become_headers_and_clients_copies_are_dropped(self, inputs):
        spec = found(inputs, spec={"jwt": JWT})
        provider = spec["SecurityPolicy", "jwt"]["jwt"]["providers"][0]
        assert {"claim": "sub", "header": "x-user-id"} in provider["claimToHeaders"]
        removed = spec["ClientTrafficPolicy", "gateway"]["headers"]["earlyRequestHeaders"]["remove"]
        assert {"x-user-id", "x-scope", "x-forwarded-for"} <= set(removed)
        # Between services the headers are the gateway's own: they must pass.
        inner = spec["ClientTrafficPolicy", "internal"]["headers"]["earlyRequestHeaders"]["remove"]
        assert "x-user-id" not in inner

    def test_a_stack_has_its_own_issuer(self, inputs):
        settings = {"jwt_issuer": "https://staging.example", "jwks_url": "http://id.staging/jwks"}
        provider = found(inputs, spec={"jwt": JWT}, **settings)["SecurityPolicy", "jwt"]["jwt"]["providers"][0]
        assert provider["issuer"] == "https://staging.example"
        assert provider["remoteJWKS"]["uri"] == "http://id.staging/jwks"

    def test_a_route_that_is_wholly_open_is_no_second_time_guarded(self, inputs):
        spec = found(inputs, spec={"jwt": {**JWT, "public_paths": ["/api/v1/front/", "/api/v1/orders"]}})
        paths = {
            name: [match["path"]["value"] for rule in route["rules"] for match in rule["matches"]]
            for (kind, name), route in spec.items()
            if kind == "HTTPRoute" and "internal" not in name and name != "unmatched"
        }
        assert paths == {
            "orders": ["/api/v2/orders"],
            "orders-public": ["/api/v1/orders"],
            "front-page-public": ["/api/v1/front"],
        }
        assert [each["name"] for each in spec["SecurityPolicy", "jwt"]["targetRefs"]] == ["orders"]
        targets = [each["name"] for each in spec["BackendTrafficPolicy", "front-page"]["targetRefs"]]
        assert targets == ["front-page-public"]

    def test_keys_of_a_service_are_at_its_own_address(self, inputs):
        own = {name: value for name, value in JWT.items() if name != "jwks_url"}
        provider = found(inputs, spec={"jwt": {**own, "jwks_service": "front-page", "jwks_path": "/keys"}})
        [provider] = provider["SecurityPolicy", "jwt"]["jwt"]["providers"]
        assert provider["remoteJWKS"]["uri"] == "http://front-page.shop-dev.svc.cluster.local:9000/keys"

    def test_required_claims(self, inputs):
        allowed = found(inputs, spec={"jwt": JWT})["SecurityPolicy", "jwt"]["authorization"]
        assert allowed["defaultAction"] == "Deny"
        claims = [rule["principal"]["jwt"]["claims"] for rule in allowed["rules"]]
        assert claims == [[{"name": "scope", "valueType": kind, "values": ["shop:use"]}] for kind in ("String", "StringArray")]
        assert "authorization" not in found(inputs, spec={"jwt": {**JWT, "required_claims": {}}})["SecurityPolicy", "jwt"]


class TestRateLimits:
    limits = [
        {"requests": 50, "per": "client"},
        {"requests": 600, "unit": "Minute", "per": "header", "header": "x-user-id"},
        {"requests": 5000, "per": "all"},
    ]

    @pytest.mark.parametrize(("scope", "field"), [("Local", "local"), ("Global", "global")])
    def test_rules(self, inputs, scope, field):
        limit = found(inputs, spec={"rate_limits": self.limits}, rate_limit_scope=scope)["BackendTrafficPolicy", "orders"][
            "rateLimit"
        ]
        assert limit == {
            "type": scope,
            field: {
                "rules": [
                    {
                        "limit": {"requests": 50, "unit": "Second"},
                        "clientSelectors": [{"sourceCIDR": {"type": "Distinct", "value": "0.0.0.0/0"}}],
                    },
                    {
                        "limit": {"requests": 600, "unit": "Minute"},
                        "clientSelectors": [{"headers": [{"type": "Distinct", "name": "x-user-id"}]}],
                    },
                    {"limit": {"requests": 5000, "unit": "Second"}},
                ]
            },
        }

    def test_calls_between_services_are_not_limited(self, inputs):
        assert "rateLimit" not in found(inputs, spec={"rate_limits": self.limits})["BackendTrafficPolicy", "orders-internal"]


class TestProblems:
    limits = [{"requests": 600, "unit": "Minute"}, {"requests": 9000, "unit": "Hour", "per": "all"}]

    def overrides(self, inputs, route="orders", **spec) -> dict[int, dict]:
        rules = found(inputs, spec=spec)["BackendTrafficPolicy", route]["responseOverride"]
        return {rule["match"]["statusCodes"][0]["value"]: rule for rule in rules}

    @pytest.mark.parametrize("route", ["orders", "orders-internal"])
    def test_each_status_has_a_document_of_its_own_and_services_answers_pass(self, inputs, route):
        overrides = self.overrides(inputs, route)
        assert sorted(overrides) == sorted(problem.status for problem in PROBLEMS)
        for problem in PROBLEMS:
            override = overrides[problem.status]
            assert override["source"] == "Local"
            assert override["response"]["contentType"] == MEDIA_TYPE
            assert json.loads(override["response"]["body"]["inline"]) == problem.members

    def test_headers_that_an_override_would_lose_are_set_again(self, inputs):
        def headers(status: int, **spec) -> dict[str, str]:
            set_again = self.overrides(inputs, **spec)[status]["response"].get("header", {"set": []})["set"]
            return {each["name"]: each["value"] for each in set_again}

        assert headers(401) == {"www-authenticate": "Bearer"}
        assert headers(503) == {"retry-after": "1"}
        assert headers(404) == {}
        assert headers(429) == {}
        assert headers(429, rate_limits=self.limits) == {"retry-after": "60"}

    def test_every_other_path_is_answered_without_a_service(self, inputs):
        spec = found(inputs)
        route, direct = spec["HTTPRoute", "unmatched"], spec["HTTPRouteFilter", "unmatched"]["directResponse"]
        assert route["parentRefs"][0]["name"] == "gateway"
        assert route["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
        assert "backendRefs" not in route["rules"][0]
        assert (direct["statusCode"], direct["contentType"]) == (404, MEDIA_TYPE)
        assert json.loads(direct["body"]["inline"])["code"] == "not_found"

    def test_a_service_that_takes_every_path_keeps_it(self, inputs):
        services = inputs().platform.model_dump(mode="json")["services"]
        services["front-page"]["routes"] = ["/"]
        items = gateway_manifests(gateway_args(inputs(platform={"services": services})))
        assert "unmatched" not in {item["metadata"]["name"] for item in items}


class TestAddresses:
    @pytest.mark.parametrize(
        ("gateway", "url"),
        [
            ({}, "http://shop-dev-gateway.envoy-gateway-system.svc.cluster.local:8080"),
            ({"tls_secret": "tls"}, "https://shop-dev-gateway.envoy-gateway-system.svc.cluster.local:443"),
            ({"url": "https://shop.example"}, "https://shop.example"),
            ({"namespace": "edge"}, "http://shop-dev-gateway.edge.svc.cluster.local:8080"),
        ],
    )
    def test_where_users_go(self, inputs, gateway, url):
        assert gateway_url(gateway_args(inputs(gateway=gateway))) == url

    def test_any_port_is_8080(self, inputs):
        args = gateway_args(inputs(platform={"gateway": {"port": 0}}))
        assert gateway_url(args).endswith(":8080")

    def test_tls(self, inputs):
        listeners = found(inputs, tls_secret="shop-tls")["Gateway", "gateway"]["listeners"]
        assert [(each["name"], each["protocol"], each["port"]) for each in listeners] == [
            ("http", "HTTP", 8080),
            ("https", "HTTPS", 443),
        ]
        assert listeners[1]["tls"]["certificateRefs"][0]["name"] == "shop-tls"

    @pytest.mark.parametrize(("listener", "pod"), [(80, 10080), (443, 10443), (8080, 8080)])
    def test_ports_of_the_proxies(self, listener, pod):
        assert proxy_port(listener) == pod


class TestController:
    def test_installed_by_default_and_pinned(self, inputs):
        release = controller_release(gateway_args(inputs()))
        assert (release.name, release.namespace, release.version) == ("envoy-gateway", "envoy-gateway-system", "v1.9.1")

    def test_a_chart_in_a_folder_has_its_own_version(self, inputs):
        release = controller_release(gateway_args(inputs(gateway={"chart": "/charts/gateway-helm", "values": {"a": 1}})))
        assert (release.version, release.values) == (None, {"a": 1})

    def test_an_existing_one_is_left_alone(self, inputs):
        assert controller_release(gateway_args(inputs(gateway={"controller": "existing"}))) is None

    def test_proxies(self, inputs):
        spec = found(inputs, envoy_image="local/envoy:1", replicas=1)["EnvoyProxy", "gateway"]["provider"]["kubernetes"]
        assert spec["envoyDeployment"]["container"]["image"] == "local/envoy:1"
        assert "envoyPDB" not in spec
        assert found(inputs)["EnvoyProxy", "gateway"]["provider"]["kubernetes"]["envoyPDB"] == {"maxUnavailable": 1}

    def test_as_a_component_of_anyones_program(self, inputs):
        urls = []

        def program():
            gateway = ApiGateway("edge", gateway_args(inputs()), pulumi.ResourceOptions())
            gateway.url.apply(urls.append)

        declared = run(program)
        assert api_gateway.TYPE in {each.type for each in declared}
        routes = [each for each in declared if each.inputs.get("kind") == "HTTPRoute"]
        assert all("envoy-gateway-system/envoy-gateway" in each.depends_on for each in routes)
        assert urls == ["http://shop-dev-gateway.envoy-gateway-system.svc.cluster.local:8080"]
