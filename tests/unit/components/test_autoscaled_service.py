from __future__ import annotations

import copy

import pulumi
import pytest

from fakes.pulumi_monitor import run
from scaleproof.components.autoscaled_service import AutoscaledService, ServiceArgs, SetupCommand, service_manifests
from scaleproof.components.network_policy import Flow, deny_by_default, namespace_peer, pod_peer
from scaleproof.components.platform_parts import service_args, variables_of
from scaleproof.components.replica_pod import Container, Serving
from scaleproof.components.secret_variable import SecretVariable
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.policy import ResourceRequirements

RESOURCES = ResourceRequirements.model_validate(
    {"requests": {"cpu": "250m", "memory": "128Mi"}, "limits": {"cpu": 1, "memory": "256Mi"}}
)


def args(**changes) -> ServiceArgs:
    given = {
        "namespace": "shop",
        "part_of": "shop",
        "container": Container("orders:1", RESOURCES),
        "serving": Serving(8000, "/ready"),
        "autoscaling": AutoscalingSpec(max_replicas=3),
        **changes,
    }
    return ServiceArgs(**given)


def manifest(kind: str, given: ServiceArgs) -> dict:
    return next(item for item in service_manifests("orders", given) if item["kind"] == kind)


def pod(given: ServiceArgs) -> dict:
    return manifest("Deployment", given)["spec"]["template"]["spec"]


def dig(item, path: str):
    for part in path.split("."):
        item = item[int(part)] if isinstance(item, list) else item[part]
    return item


@pytest.mark.parametrize(
    ("kind", "path", "value", "gloss"),
    [
        ("Deployment", "spec.strategy.rollingUpdate.maxUnavailable", 0, "no replica goes before another one is ready"),
        ("Deployment", "spec.progressDeadlineSeconds", 120, "twice the start, at least two minutes"),
        ("Deployment", "spec.template.spec.automountServiceAccountToken", False, "no token"),
        ("Deployment", "spec.template.spec.enableServiceLinks", False, "no variables of neighbours"),
        ("Deployment", "spec.template.spec.securityContext.runAsNonRoot", True, "restricted"),
        ("Deployment", "spec.template.spec.securityContext.seccompProfile.type", "RuntimeDefault", "restricted"),
        ("Deployment", "spec.template.spec.containers.0.securityContext.capabilities.drop", ["ALL"], "restricted"),
        ("Deployment", "spec.template.spec.containers.0.securityContext.allowPrivilegeEscalation", False, "restricted"),
        ("Deployment", "spec.template.spec.containers.0.securityContext.readOnlyRootFilesystem", True, "writes go to /tmp"),
        ("Deployment", "spec.template.spec.containers.0.lifecycle.preStop.sleep.seconds", 5, "the gateway hears of it first"),
        ("Deployment", "spec.template.spec.terminationGracePeriodSeconds", 15, "preStop plus drain_seconds"),
        (
            "Deployment",
            "spec.template.spec.containers.0.startupProbe.failureThreshold",
            60,
            "start_timeout_seconds, asked each second",
        ),
        ("Deployment", "spec.template.spec.containers.0.readinessProbe.httpGet.path", "/ready", "as platform.yaml says"),
        ("Deployment", "spec.template.spec.containers.0.livenessProbe.tcpSocket.port", "http", "overload does not kill"),
        ("Deployment", "spec.template.spec.containers.0.resources.requests.cpu", "250m", "the policy's"),
        ("Deployment", "spec.template.spec.containers.0.resources.limits.ephemeral-storage", "512Mi", "no full node"),
        (
            "Deployment",
            "spec.template.spec.topologySpreadConstraints.0.topologyKey",
            "kubernetes.io/hostname",
            "spread over nodes",
        ),
        ("Deployment", "spec.template.metadata.annotations.prometheus.io/port", "8000", "found by any Prometheus"),
        ("HorizontalPodAutoscaler", "spec.maxReplicas", 3, "the policy's"),
        ("HorizontalPodAutoscaler", "spec.scaleTargetRef.name", "orders", "its own Deployment"),
        ("PodDisruptionBudget", "spec.maxUnavailable", 1, "a single replica can be drained"),
        ("PodDisruptionBudget", "spec.unhealthyPodEvictionPolicy", "AlwaysAllow", "a broken one too"),
        ("ServiceAccount", "automountServiceAccountToken", False, "no token"),
        ("Service", "spec.ports.0.targetPort", "http", "by name"),
    ],
)
def test_rendered(kind, path, value, gloss):
    item = copy.deepcopy(manifest(kind, args()))
    keys = path.split(".")
    if "annotations" in keys:  # keys with dots
        at = keys.index("annotations")
        assert dig(item, ".".join(keys[: at + 1]))[".".join(keys[at + 1 :])] == value, gloss
    else:
        assert dig(item, path) == value, gloss


@pytest.mark.parametrize(
    ("drain_seconds", "grace"), [(0, 5), (10, 15), (12.5, 18)], ids=["at once", "as the services", "never less than asked"]
)
def test_time_between_the_end_and_sigkill(drain_seconds, grace):
    assert pod(args(serving=Serving(8000, "/", drain_seconds=drain_seconds)))["terminationGracePeriodSeconds"] == grace


def test_a_service_that_is_called_is_headless_and_others_are_not():
    assert manifest("Service", args(headless=True))["spec"]["clusterIP"] == "None"
    assert "clusterIP" not in manifest("Service", args())["spec"]


class TestWhatAReplicaIsTold:
    secrets = (SecretVariable("DATABASE_URL", "db", "url", "version-1"), SecretVariable("REDIS_URL", "redis", "REDIS_URL"))

    def told(self, **changes) -> dict:
        container = Container("orders:1", RESOURCES, environment={"B": "2", "PORT": "1"}, secrets=self.secrets, **changes)
        return pod(args(container=container))

    def test_its_address_and_its_name_win_over_the_environment(self):
        told = {each["name"]: each.get("value") for each in self.told()["containers"][0]["env"]}
        assert told == {
            "B": "2",
            "HOST": "0.0.0.0",
            "PORT": "8000",
            "SERVICE": "orders",
            "REPLICA": None,
            "DATABASE_URL_FILE": "/run/secrets/scaleproof/DATABASE_URL",
            "REDIS_URL_FILE": "/run/secrets/scaleproof/REDIS_URL",
        }

    def test_secrets_by_file(self):
        told = self.told()
        sources = next(volume for volume in told["volumes"] if volume["name"] == "secrets")["projected"]
        assert sources == {
            "defaultMode": 0o440,
            "sources": [
                {"secret": {"name": "db", "items": [{"key": "url", "path": "DATABASE_URL"}]}},
                {"secret": {"name": "redis", "items": [{"key": "REDIS_URL", "path": "REDIS_URL"}]}},
            ],
        }
        assert {"name": "secrets", "mountPath": "/run/secrets/scaleproof", "readOnly": True} in told["containers"][0][
            "volumeMounts"
        ]

    def test_secrets_by_variable_for_who_knows_nothing_else(self):
        told = self.told(secrets_as_file=False)
        assert {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}} in told["containers"][0][
            "env"
        ]
        assert [volume["name"] for volume in told["volumes"]] == ["tmp"]

    def test_a_changed_secret_replaces_the_pods(self):
        container = Container("orders:1", RESOURCES, secrets=self.secrets)
        annotations = manifest("Deployment", args(container=container))["spec"]["template"]["metadata"]["annotations"]
        assert annotations["scaleproof.dev/secret-database-url"] == "version-1"
        assert "scaleproof.dev/secret-redis-url" not in annotations

    def test_configuration_by_file_changes_its_name_with_its_content(self):
        names = [
            manifest("ConfigMap", args(configuration={"a.toml": text}))["metadata"]["name"]
            for text in ("x = 1", "x = 1", "x = 2")
        ]
        assert names[0] == names[1] != names[2]
        assert manifest("ConfigMap", args(configuration={"a.toml": "x"}))["immutable"] is True
        told = pod(args(configuration={"a.toml": "x = 1"}))
        assert {"name": "config", "configMap": {"name": names[0]}} in told["volumes"]

    @pytest.mark.parametrize(
        ("image", "wanted", "policy"),
        [
            ("o:1", None, "Always"),
            ("o", None, "Always"),
            ("o@sha256:0", None, "IfNotPresent"),
            ("o:1", "IfNotPresent", "IfNotPresent"),
            ("o@sha256:0", "Never", "Never"),
        ],
    )
    def test_a_tag_is_pulled_at_every_start_and_a_digest_is_not(self, image, wanted, policy):
        made = pod(args(container=Container(image, RESOURCES, image_pull_policy=wanted)))
        assert made["containers"][0]["imagePullPolicy"] == policy

    def test_pull_secrets(self):
        assert pod(args(container=Container("o:1", RESOURCES, image_pull_secrets=["r"])))["imagePullSecrets"] == [{"name": "r"}]


class TestSetup:
    def job(self, **container) -> dict:
        given = Container("orders:1", RESOURCES, **container)
        return manifest("Job", args(container=given, setup=SetupCommand(["{python}", "-m", "orders.setup", "{x}"], RESOURCES)))

    def test_command(self):
        container = self.job()["spec"]["template"]["spec"]["containers"][0]
        assert container["command"] == ["python", "-m", "orders.setup", "{x}"]

    def test_it_is_no_endpoint_of_the_service(self):
        labels = self.job()["spec"]["template"]["metadata"]["labels"]
        selector = manifest("Service", args())["spec"]["selector"]
        assert not selector.items() <= labels.items()

    def test_it_has_the_network_of_its_service(self):
        labels = self.job()["spec"]["template"]["metadata"]["labels"]
        assert manifest("NetworkPolicy", args())["spec"]["podSelector"]["matchLabels"].items() <= labels.items()

    def test_another_image_runs_it_again_and_nothing_else_does(self):
        first, same, other = (self.job(**given)["metadata"]["name"] for given in ({}, {}, {"environment": {"A": "1"}}))
        assert first == same != other

    def test_a_service_without_setup_has_no_job(self):
        assert "Job" not in [item["kind"] for item in service_manifests("orders", args())]


class TestNetwork:
    @pytest.mark.parametrize(
        ("service", "ingress", "egress"),
        [
            ("orders", {"gateway", "internal"}, {5432, 6379}),
            ("front-page", {"gateway"}, {5432, 6379, 9001}),
        ],
    )
    def test_who_talks_to_whom(self, inputs, service, ingress, egress):
        given = inputs()
        items = service_manifests(service, service_args(given, service, variables_of(given, service)))
        spec = next(item for item in items if item["kind"] == "NetworkPolicy")["spec"]
        name = "gateway.envoyproxy.io/owning-gateway-name"
        assert {peer["podSelector"]["matchLabels"][name] for rule in spec["ingress"] for peer in rule["from"]} == ingress
        assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {53, *egress}

    def test_prometheus_may_scrape(self, inputs):
        existing = {"mode": "existing", "prometheus_url": "http://p:9090", "namespace": "watch"}
        flows = service_args(inputs(observability=existing), "orders", []).ingress
        assert namespace_peer("watch") in flows[0].peers

    def test_who_does_not_use_the_database_can_neither_find_nor_reach_it(self, inputs):
        services = inputs().platform.model_dump(mode="json")["services"]
        services["front-page"]["postgres_connections"] = 0
        for settings in ({}, {"url": True}, {"database": {"secret": "db"}}):
            given = inputs(platform={"services": services}, **settings)
            for service, uses in (("orders", True), ("front-page", False)):
                told = variables_of(given, service)
                assert ("DATABASE_URL" in [variable.name for variable in told]) is uses
                assert (5432 in [port for flow in service_args(given, service, told).egress for port in flow.ports]) is uses

    def test_a_database_elsewhere_may_be_reached_on_its_port(self, inputs):
        flows = service_args(inputs(database={"secret": "db", "port": 6432}), "orders", []).egress
        assert flows[0] == Flow([], [6432])

    def test_a_service_that_nobody_reaches_takes_nothing(self, inputs):
        hidden = copy.deepcopy(inputs().platform.model_dump(mode="json"))
        hidden["services"] = {"orders": {**hidden["services"]["orders"], "routes": []}}
        hidden["services"]["orders"].pop("setup")
        given = inputs(platform=hidden, policy={"version": 1, "services": {"orders": _policy(inputs, "orders")}})
        items = service_manifests("orders", service_args(given, "orders", []))
        assert next(item for item in items if item["kind"] == "NetworkPolicy")["spec"]["ingress"] == []

    def test_the_gateway_may_fetch_keys_from_who_has_no_route(self, inputs):
        services = inputs().platform.model_dump(mode="json")["services"]
        services["orders"] = {**services["orders"], "routes": []}
        services["front-page"]["calls"] = []
        without = inputs(platform={"services": services})
        assert service_args(without, "orders", []).ingress == []
        jwt = {"issuer": "i", "audiences": ["a"], "jwks_service": "orders"}
        [flow] = service_args(inputs(platform={"services": services, "gateway": {"jwt": jwt}}), "orders", []).ingress
        assert "gateway" in str(flow.peers)

    def test_nothing_by_default(self):
        spec = deny_by_default("shop", "shop")["spec"]
        assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    def test_peers(self):
        assert pod_peer({"a": "b"}) == {"podSelector": {"matchLabels": {"a": "b"}}}
        assert namespace_peer("n", {"a": "b"})["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "n"}}


def _policy(inputs, service: str) -> dict:
    return inputs().policy.services[service].model_dump(mode="json", by_alias=True, exclude_none=True)


def test_as_a_component_of_anyones_program():
    declared = run(lambda: AutoscaledService("orders", args(), pulumi.ResourceOptions()))
    assert [each.type.rsplit(":", 1)[-1] for each in declared if each.parent == "orders"].count("Deployment") == 1
    assert "scaleproof:components:AutoscaledService" in {each.type for each in declared}
