from __future__ import annotations

import base64
import json
from itertools import count

import pulumi
import pytest

from fakes.pulumi_monitor import Declared, run
from fakes.shop import PLATFORM, Inputs
from scaleproof.components import manifests
from scaleproof.components.manifest import identity
from scaleproof.components.platform import ScalingPlatform, program
from scaleproof.spec.database_roles import scram_verifier


def declare(inputs, **arguments) -> list[Declared]:
    passwords = (f"password-{number}" for number in count(1))
    return run(lambda: ScalingPlatform("shop", inputs, new_password=lambda: next(passwords), **arguments))


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    """By default."""
    return declare(Inputs()())


def objects(declared: list[Declared]) -> list[Declared]:
    return [each for each in declared if each.type.startswith("kubernetes:") and "helm" not in each.type]


def one(declared: list[Declared], kind: str, name: str) -> Declared:
    found = [each for each in objects(declared) if each.inputs["kind"] == kind and each.inputs["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def job(declared: list[Declared], prefix: str) -> Declared:
    [found] = [
        each
        for each in objects(declared)
        if each.inputs["kind"] == "Job" and each.inputs["metadata"]["name"].startswith(prefix)
    ]
    return found


JWT = {"issuer": "i", "audiences": ["a"], "jwks_url": "https://idp/jwks", "public_paths": ["/api/v1/front/open"]}
ALL = {
    "load_test": {"enabled": True},
    "observability": {"mode": "install"},
    "platform": {"gateway": {"jwt": JWT}},
}
SEALED = {**PLATFORM["services"], "orders": {**PLATFORM["services"]["orders"], "secrets": ["KEY_SEAL", "PEPPER"]}}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="by default"),
        pytest.param(ALL, id="everything on"),
        pytest.param({"platform": {"services": SEALED}}, id="secrets of a service's own"),
        pytest.param(
            {"secrets_as": "environment", "database": {"storage": None, "secret": "db"}}, id="a database of one's own"
        ),
        pytest.param(
            {
                "gateway": {"controller": "existing"},
                "observability": {"mode": "existing", "prometheus_url": "http://p:9090", "namespace": "m", "operator": False},
                "keda": {"prometheus_url": "http://p:9090", "requests_per_replica": {"orders": 50}},
            },
            id="what is there already",
        ),
    ],
)
def test_what_is_rendered_is_what_is_registered(inputs, settings):
    given = inputs(**settings)
    declared = declare(given)

    def plain(item):
        text = json.dumps({**item, "data": 0} if item["kind"] == "Secret" else item, sort_keys=True)
        loaded = json.loads(text, parse_int=float)
        annotations = loaded.get("spec", {}).get("template", {}) if isinstance(loaded.get("spec"), dict) else {}
        for name in list(annotations.get("metadata", {}).get("annotations", {})):
            if name.startswith("scaleproof.dev/secret-"):
                del annotations["metadata"]["annotations"][name]
        return loaded

    rendered = {identity(item): plain(item) for item in manifests.render(given)}
    registered = {identity(each.inputs): plain(each.inputs) for each in objects(declared)}
    assert rendered.keys() == registered.keys()
    for key, item in rendered.items():
        assert item == registered[key], key
    charts = {(release["namespace"], release["name"]): release for release in manifests.releases(given)}
    helm = {(each.inputs["namespace"], each.inputs["name"]): each.inputs for each in declared if "helm" in each.type}
    assert charts.keys() == helm.keys()
    assert all(charts[key]["values"] == helm[key]["values"] for key in charts)


def test_only_kinds_that_any_provider_knows(inputs):
    declared = declare(inputs(**ALL))
    assert {each.type for each in declared if not each.type.startswith(("scaleproof:", "pulumi:"))} == {
        "kubernetes:core/v1:Namespace",
        "kubernetes:core/v1:Secret",
        "kubernetes:core/v1:Service",
        "kubernetes:core/v1:ServiceAccount",
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:apps/v1:Deployment",
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:batch/v1:Job",
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
        "kubernetes:policy/v1:PodDisruptionBudget",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        "kubernetes:helm.sh/v3:Release",
        "kubernetes:gateway.networking.k8s.io/v1:GatewayClass",
        "kubernetes:gateway.networking.k8s.io/v1:Gateway",
        "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
        "kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy",
        "kubernetes:gateway.envoyproxy.io/v1alpha1:ClientTrafficPolicy",
        "kubernetes:gateway.envoyproxy.io/v1alpha1:BackendTrafficPolicy",
        "kubernetes:gateway.envoyproxy.io/v1alpha1:SecurityPolicy",
        "kubernetes:gateway.envoyproxy.io/v1alpha1:HTTPRouteFilter",
        "kubernetes:monitoring.coreos.com/v1:PodMonitor",
        "kubernetes:monitoring.coreos.com/v1:PrometheusRule",
    }


def test_replicas_belong_to_the_autoscaler(declared):
    deployment = one(declared, "Deployment", "orders")
    assert "replicas" not in deployment.inputs["spec"]
    assert deployment.ignore_changes == ["spec.replicas"]


@pytest.mark.parametrize(
    ("kind", "name", "after"),
    [
        ("Deployment", "orders", {"shop-dev", "shop-dev/redis", "shop-dev/orders"}),
        ("HorizontalPodAutoscaler", "orders", {"shop-dev/orders"}),
        ("HTTPRoute", "orders", {"shop-dev", "envoy-gateway-system", "envoy-gateway-system/envoy-gateway", "shop-dev/gateway"}),
        ("StatefulSet", "postgres", {"shop-dev", "shop-dev/postgres-credentials", "shop-dev/postgres"}),
    ],
)
def test_what_comes_after_what(declared, kind, name, after):
    assert after <= set(one(declared, kind, name).depends_on)


def test_the_setup_job_is_done_before_the_replicas_start(declared):
    roles, setup = (job(declared, name) for name in ("postgres-roles-", "orders-setup-"))
    assert setup.name in one(declared, "Deployment", "orders").depends_on
    assert roles.name in setup.depends_on, "the setup connects under its role"


def test_every_object_waits_for_its_namespace(declared):
    for each in objects(declared):
        namespace = each.inputs["metadata"].get("namespace")
        assert namespace is None or namespace in each.depends_on, each.name


def test_a_tuned_policy_changes_the_deployment_and_the_autoscaler_alone(inputs):
    before = {identity(item): item for item in manifests.render(inputs())}
    tuned = json.loads(inputs().policy.model_dump_json(by_alias=True, exclude_none=True))
    orders = tuned["services"]["orders"]
    orders["autoscaling"]["maxReplicas"] = 9
    orders["resources"]["requests"]["cpu"] = "120m"
    after = {identity(item): item for item in manifests.render(inputs(policy=tuned))}
    assert before.keys() == after.keys()
    assert sorted(key[0] for key in before if before[key] != after[key]) == ["Deployment", "HorizontalPodAutoscaler"]


class TestSecrets:
    def test_a_password_is_drawn_once_and_is_a_secret(self, declared):
        for name in ("postgres-credentials", "orders-database-url", "front-page-database-url"):
            found = one(declared, "Secret", name)
            assert found.secrets == ["data"]
            assert found.ignore_changes == ["data"]

    def test_each_service_has_a_role_of_its_own_and_is_told_of_no_other(self, declared):
        urls = {}
        for service in ("orders", "front-page"):
            data = one(declared, "Secret", f"{service}-database-url").inputs["data"]
            values = {key: base64.b64decode(value).decode() for key, value in data.items()}
            urls[service] = values["DATABASE_URL"]
            user, _, rest = values["DATABASE_URL"].removeprefix("postgresql://").partition(":")
            password, _, address = rest.partition("@")
            assert (user, address) == (service, "postgres.shop-dev.svc.cluster.local:5432/scaleproof")
            salt = base64.b64decode(values["verifier"].split("$")[1].partition(":")[2])
            assert values["verifier"] == scram_verifier(password, salt)
            [volume] = [
                each
                for each in one(declared, "Deployment", service).inputs["spec"]["template"]["spec"]["volumes"]
                if each["name"] == "secrets"
            ]
            items = {source["secret"]["name"]: source["secret"]["items"] for source in volume["projected"]["sources"]}
            assert items == {
                f"{service}-database-url": [{"key": "DATABASE_URL", "path": "DATABASE_URL"}],
                "redis-credentials": [{"key": "REDIS_URL", "path": "REDIS_URL"}],
            }
        assert len({url.split("@")[0].split(":")[2] for url in urls.values()}) == 2

    def test_the_job_knows_verifiers_and_the_superusers_password_alone(self, declared):
        roles = job(declared, "postgres-roles-")
        assert {"shop-dev/postgres", "shop-dev/orders-database-url"} <= set(roles.depends_on)
        template = roles.inputs["spec"]["template"]
        volume = next(each for each in template["spec"]["volumes"] if each["name"] == "verifiers")
        assert [source["secret"] for source in volume["projected"]["sources"]] == [
            {"name": f"{service}-database-url", "items": [{"key": "verifier", "path": service}]}
            for service in ("orders", "front-page")
        ]
        assert "DATABASE_URL" not in json.dumps(roles.inputs)
        # A Secret that is drawn anew makes the Job run anew.
        assert template["metadata"]["annotations"] == {
            f"scaleproof.dev/secret-{name}": f"uid-of-shop-dev/{name}"
            for name in ("postgres-credentials", "orders-database-url", "front-page-database-url")
        }

    def test_replicas_are_replaced_when_a_secret_is(self, declared):
        template = one(declared, "Deployment", "orders").inputs["spec"]["template"]
        assert (
            template["metadata"]["annotations"]["scaleproof.dev/secret-database-url"] == "uid-of-shop-dev/orders-database-url"
        )

    def test_no_secret_is_in_anything_but_secrets(self, inputs):
        declared = declare(inputs(**ALL))
        others = json.dumps([each.inputs for each in declared if each.inputs.get("kind") != "Secret"])
        assert "password-" not in others

    def test_a_database_url_of_ones_own_is_a_secret_whose_change_counts(self, inputs):
        declared = run(
            lambda: ScalingPlatform(
                "shop", inputs(url=True), database_url=pulumi.Output.secret("postgresql://me:pw@db.example/shop")
            )
        )
        found = one(declared, "Secret", "database")
        assert found.secrets == ["data"]
        assert found.ignore_changes == []
        assert base64.b64decode(found.inputs["data"]["DATABASE_URL"]).decode() == "postgresql://me:pw@db.example/shop"
        assert not [each for each in objects(declared) if each.inputs["kind"] == "StatefulSet"]


def exported(monkeypatch, project, config) -> dict:
    found: dict = {}
    monkeypatch.setattr(
        pulumi, "export", lambda name, value: pulumi.Output.from_input(value).apply(lambda v: found.update({name: v}))
    )
    run(lambda: program(project), config=config)
    return found


class TestProgram:
    def test_exports_where_everything_is(self, monkeypatch, project, shop):
        kubernetes = {
            "version": 1,
            "load_test": {"enabled": True},
            "observability": {"mode": "existing", "prometheus_url": "http://prometheus:9090", "namespace": "watch"},
        }
        assert exported(monkeypatch, project, {**shop, "scaleproof:kubernetes": kubernetes}) == {
            "gatewayUrl": "http://shop-dev-gateway.envoy-gateway-system.svc.cluster.local:8080",
            "internalUrls": {"orders": "http://shop-dev-internal.envoy-gateway-system.svc.cluster.local:9001"},
            "prometheusUrl": "http://prometheus:9090",
            "grafanaUrl": None,
            "namespaces": {
                "platform": "shop-dev",
                "gateway": "envoy-gateway-system",
                "load": "shop-dev-load",
                "monitoring": "watch",
            },
        }

    def test_reads_the_database_url_as_a_secret(self, project, shop):
        config = {**shop, "scaleproof:databaseUrl": "postgresql://me:pw@db.example/shop"}
        declared = run(lambda: program(project), config=config)
        assert one(declared, "Secret", "database").secrets == ["data"]

    def test_a_wrong_config_is_one_message_with_its_line(self, project, shop):
        wrong = {"version": 1, "gateway": {"replicas": 0}}
        text = json.dumps({"config": {**shop, "scaleproof:kubernetes": wrong}}, indent=1)
        (project / "Pulumi.dev.yaml").write_text(text)
        with pytest.raises(pulumi.RunError) as caught:
            run(lambda: program(project), config={**shop, "scaleproof:kubernetes": wrong})
        line = 1 + text[: text.index('"replicas"')].count("\n")
        assert f"Pulumi.dev.yaml:{line}: config.scaleproof:kubernetes.gateway.replicas: expected greater than" in str(
            caught.value
        )

    def test_config_that_is_not_an_object(self, project, shop):
        with pytest.raises(pulumi.RunError, match=r"scaleproof:policy: expected an object"):
            run(lambda: program(project), config={"scaleproof:policy": "{nonsense"})

    def test_a_tolerance_that_the_cluster_does_not_know_is_said(self, inputs, monkeypatch):
        said = []
        monkeypatch.setattr(pulumi.log, "warn", said.append)
        declare(inputs(kubernetes_version="1.33"))
        assert [line.split(":")[0] for line in said] == ["orders", "front-page"]


def test_what_is_drawn_for_one_service_is_told_to_no_other():
    keys = (f"key-{number}" for number in count(1))
    declared = declare(Inputs()(platform={"services": SEALED}), new_key=lambda: next(keys))
    drawn = {}
    for name, secret in (("KEY_SEAL", "orders-key-seal"), ("PEPPER", "orders-pepper")):
        item = one(declared, "Secret", secret)
        assert item.inputs["data"].keys() == {name}
        assert item.ignore_changes == ["data"], "the first drawing counts"
        drawn[name] = base64.b64decode(item.inputs["data"][name]).decode()
    assert sorted(drawn.values()) == ["key-1", "key-2"]
    for name, kind in (("orders", "Deployment"), ("front-page", "Deployment")):
        [container] = one(declared, kind, name).inputs["spec"]["template"]["spec"]["containers"]
        told = {each["name"]: each.get("value") for each in container["env"]}
        assert (told.get("KEY_SEAL_FILE") == "/run/secrets/scaleproof/KEY_SEAL") is (name == "orders")
        assert ("PEPPER_FILE" in told) is (name == "orders")
    assert "KEY_SEAL_FILE" in json.dumps(job(declared, "orders-setup-").inputs), "the setup needs it first"
    assert "shop-dev/orders-key-seal" in one(declared, "Deployment", "orders").depends_on


def test_a_key_is_32_bytes_in_base64():
    declared = run(lambda: ScalingPlatform("shop", Inputs()(platform={"services": SEALED})))
    texts = [base64.b64decode(one(declared, "Secret", name).inputs["data"][key]) for name, key in
             (("orders-key-seal", "KEY_SEAL"), ("orders-pepper", "PEPPER"))]  # fmt: skip
    assert [len(base64.b64decode(text, validate=True)) for text in texts] == [32, 32]
    assert texts[0] != texts[1]
