"""Reading a cluster for `init`: what is asked, what is not, and what is missing when something is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fakes.kube_api_server import SPACE, FakeKube, autoscaler, deployment
from scaleproof.adoption.objects import objects_of
from scaleproof.cluster.adopt import read_objects, role_yaml, usual_namespace
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.platform_file import read_platform
from scaleproof.spec.stack_file import read_policy
from scaleproof.wiring.adoption import init

DEPLOYMENTS = f"/apis/apps/v1/namespaces/{SPACE}/deployments"


@pytest.fixture
def shop(kube: FakeKube) -> FakeKube:
    """Two services, one with an autoscaler, a Secret, and an Ingress to one of them."""
    kube.kinds["networking.k8s.io/v1"].append("Ingress ingresses")
    for name in ("alpha", "beta"):
        kube.put(f"{DEPLOYMENTS}/{name}", deployment(name, SPACE, replicas=2, cpu="300m", memory="64Mi"))
        spec = {"selector": {"app.kubernetes.io/name": name}, "ports": [{"port": 80, "targetPort": 8080}]}
        put(kube, "/api/v1", "services", name, {"spec": spec})
    kube.put(
        f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers/alpha", autoscaler("alpha", SPACE, most=7, target=60)
    )
    paths = [{"path": "/alpha", "pathType": "Prefix", "backend": {"service": {"name": "alpha"}}}]
    put(kube, "/apis/networking.k8s.io/v1", "ingresses", "in", {"spec": {"rules": [{"http": {"paths": paths}}]}})
    put(kube, "/api/v1", "secrets", "s", {"data": {"password": "aHVudGVyMg=="}})
    return kube


def put(kube: FakeKube, group: str, plural: str, name: str, body: dict) -> None:
    # As the API answers a list: without kind and apiVersion in the items.
    kube.put(f"{group}/namespaces/{SPACE}/{plural}/{name}", {"metadata": {"name": name, "namespace": SPACE}, **body})


def test_objects_are_read_with_their_kinds(shop: FakeKube, api: KubeApi) -> None:
    found = objects_of(read_objects(api, [SPACE]))
    assert [each.name for each in found.workloads] == ["alpha", "beta"]
    assert [len(kind) for kind in (found.autoscalers, found.services, found.routes, found.budgets)] == [1, 2, 1, 0]


def test_only_lists_are_asked_for_and_never_secrets(shop: FakeKube, api: KubeApi) -> None:
    shop.requests.clear()
    read_objects(api, [SPACE, "other"])
    assert {method for method, _ in shop.requests} == {"GET"}
    assert {path.rpartition("/")[2] for _, path in shop.requests} == {
        "deployments",
        "statefulsets",
        "horizontalpodautoscalers",
        "services",
        "poddisruptionbudgets",
        "ingresses",
        "httproutes",
    }
    assert not any("secret" in path or "configmap" in path for _, path in shop.requests)


def test_a_cluster_without_the_gateway_api_is_fine(shop: FakeKube, api: KubeApi) -> None:
    del shop.kinds["gateway.networking.k8s.io/v1"]
    assert objects_of(read_objects(api, [SPACE])).workloads


def test_a_missing_permission_is_named_with_the_role_that_grants_it(shop: FakeKube, api: KubeApi) -> None:
    def answer(method, target, body, content_type, real=shop.answer):
        if "/deployments" in target or "/services" in target:
            kind = "deployments.apps" if "/deployments" in target else "services"
            message = f'{kind} is forbidden: User "jane: doe" cannot list resource "x" in the namespace "{SPACE}"'
            return 403, {"reason": "Forbidden", "message": message}
        return real(method, target, body, content_type)

    shop.answer = answer
    with pytest.raises(CannotMeasureError) as caught:
        read_objects(api, [SPACE])
    assert caught.value.message == f"the cluster does not let you list deployments in {SPACE}, services in {SPACE}"
    text = (caught.value.hint or "").partition("\n")[2]
    role, binding = YAML(typ="safe").load_all(text)
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", SPACE)
    assert binding["subjects"] == [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "jane: doe"}]


def test_the_role_allows_what_is_asked_for_and_nothing_else() -> None:
    (role,) = YAML(typ="safe").load_all(role_yaml(["shop"], None))
    assert {(group, kind) for rule in role["rules"] for group in rule["apiGroups"] for kind in rule["resources"]} == {
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("autoscaling", "horizontalpodautoscalers"),
        ("", "services"),
        ("policy", "poddisruptionbudgets"),
        ("networking.k8s.io", "ingresses"),
        ("gateway.networking.k8s.io", "httproutes"),
    }
    assert all(rule["verbs"] == ["list"] for rule in role["rules"])


def test_without_the_users_name_the_binding_is_a_command(shop: FakeKube, api: KubeApi) -> None:
    shop.denied.add(DEPLOYMENTS)
    with pytest.raises(CannotMeasureError, match="deployments in tiny-dev") as caught:
        read_objects(api, [SPACE])
    assert "kubectl create rolebinding scaleproof-init --role scaleproof-init --user YOU --namespace tiny-dev" in (
        caught.value.hint or ""
    )


@pytest.mark.parametrize(("namespace", "expected"), [("shop", "shop"), (None, "default")])
def test_the_namespace_is_the_contexts(tmp_path: Path, monkeypatch, namespace, expected) -> None:
    context = {"cluster": "c", "user": "u", **({"namespace": namespace} if namespace else {})}
    contexts = [
        {"name": "here", "context": context},
        {"name": "there", "context": {"cluster": "c", "user": "u", "namespace": "far"}},
    ]
    empty = [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}], [{"name": "u", "user": {}}]
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps({"contexts": contexts, "current-context": "here", "clusters": empty[0], "users": empty[1]}))
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert usual_namespace() == expected
    assert usual_namespace("there") == "far"
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert usual_namespace() == "default"


def test_a_cluster_becomes_a_project(shop: FakeKube, tmp_path: Path, monkeypatch, capsys) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(shop.kubeconfig())
    monkeypatch.setenv("KUBECONFIG", str(file))
    options = {"context": None, "manifests": (), "openapi": (), "locustfile": None, "stack": "dev", "force": False}
    init(from_cluster=True, namespaces=(SPACE,), output=tmp_path / "out", **options)
    platform = read_platform(tmp_path / "out/platform.yaml")
    assert platform.name == SPACE
    assert {name: service.routes for name, service in platform.services.items()} == {"alpha": ["/alpha"], "beta": []}
    policy = read_policy(tmp_path / "out/Pulumi.dev.yaml")
    assert policy.services["alpha"].autoscaling.max_replicas == 7
    assert policy.services["beta"].autoscaling.min_replicas == 2
    assert "2 services: alpha, beta" in capsys.readouterr().out
    assert not any("secret" in path for _, path in shop.requests)
    with pytest.raises(Exception, match="no Deployment or StatefulSet in the namespace elsewhere"):
        init(from_cluster=True, namespaces=("elsewhere",), output=tmp_path / "none", **options)
    assert not (tmp_path / "none").exists()
