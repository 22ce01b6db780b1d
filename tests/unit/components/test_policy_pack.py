from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pulumi_policy
import pytest

from scaleproof.components.manifests import render
from scaleproof.components.platform_inputs import check

ROOT = Path(__file__).parents[3]


def load(file: Path, name: str):
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rules():
    return load(ROOT / "infra/policy/rules.py", "rules")


def container(**changes) -> dict:
    return {
        "name": "c",
        "image": "x:1",
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "runAsNonRoot": True},
        **changes,
    }


def deployment(*containers: dict, replicas: float | None = None, pod: dict | None = None) -> dict:
    spec = {"template": {"spec": {"containers": list(containers) or [container()], **(pod or {})}}}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"kind": "Deployment", "metadata": {"name": "d", "namespace": "n"}, "spec": spec}


def hpa(kind: str = "HorizontalPodAutoscaler", namespace: str = "n", **spec) -> dict:
    target = {"kind": "Deployment", "name": "d"}
    return {"kind": kind, "metadata": {"name": "d", "namespace": namespace}, "spec": {"scaleTargetRef": target, **spec}}


def namespace(**labels) -> dict:
    return {"kind": "Namespace", "metadata": {"name": "n", "labels": labels}, "spec": {}}


PRIVILEGED = container(securityContext={"privileged": True, "allowPrivilegeEscalation": False, "runAsNonRoot": True})
ROOT_USER = container(securityContext={"allowPrivilegeEscalation": False})
ESCALATES = container(securityContext={"runAsNonRoot": True})


@pytest.mark.parametrize(
    ("rule", "objects", "finding"),
    [
        ("no-replicas-beside-autoscaler", [deployment(replicas=3.0), hpa()], "Deployment n/d: states replicas: 3"),
        ("no-replicas-beside-autoscaler", [hpa("ScaledObject"), deployment(replicas=1)], "states replicas: 1"),
        ("no-replicas-beside-autoscaler", [deployment(), hpa()], None),
        ("no-replicas-beside-autoscaler", [deployment(replicas=3), hpa(namespace="other")], None),
        ("no-replicas-beside-autoscaler", [deployment(replicas=3)], None),
        (
            "requests-stated",
            [deployment(container(resources={"limits": {"memory": 1}}))],
            "container c: no requests of cpu and memory",
        ),
        ("requests-stated", [deployment(container(resources={"requests": {"cpu": 1, "memory": 1}}))], "no limits of memory"),
        (
            "requests-stated",
            [deployment(pod={"initContainers": [container(name="i", resources={"limits": {"memory": 1}})]})],
            "container i",
        ),
        ("requests-stated", [deployment()], None),
        ("no-privileged-pod", [deployment(PRIVILEGED)], "container c: privileged"),
        ("no-privileged-pod", [deployment(ESCALATES)], "allowPrivilegeEscalation is not false"),
        ("no-privileged-pod", [deployment(ROOT_USER)], "runAsNonRoot is not true"),
        ("no-privileged-pod", [deployment(ROOT_USER, pod={"securityContext": {"runAsNonRoot": True}})], None),
        ("no-privileged-pod", [deployment(pod={"hostNetwork": True})], "hostNetwork"),
        ("no-privileged-pod", [{"kind": "Pod", "metadata": {"name": "p"}, "spec": {"hostPID": True}}], "Pod p: hostPID"),
        (
            "no-privileged-pod",
            [
                {
                    "kind": "CronJob",
                    "metadata": {"name": "c"},
                    "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [PRIVILEGED]}}}}},
                }
            ],
            "privileged",
        ),
        ("no-privileged-pod", [deployment()], None),
        ("bounded-maximum", [hpa()], "no maxReplicas"),
        ("bounded-maximum", [hpa("ScaledObject", maxReplicaCount=201)], "maxReplicaCount 201 is above 200"),
        ("bounded-maximum", [hpa("ScaledObject")], "no maxReplicaCount"),
        ("bounded-maximum", [hpa(maxReplicas=200.0)], None),
        ("fixed-image", [deployment(container(image="x"))], "image 'x' has no fixed tag"),
        ("fixed-image", [deployment(container(image="r:5000/x"))], "no fixed tag"),
        ("fixed-image", [deployment(container(image="x:latest"))], "no fixed tag"),
        ("fixed-image", [deployment(container(image="x@sha256:1"))], None),
        ("restricted-namespace", [namespace()], "Namespace n: Pod Security `restricted` is not enforced"),
        ("restricted-namespace", [namespace(**{"pod-security.kubernetes.io/enforce": "baseline"})], "not enforced"),
        ("restricted-namespace", [namespace(**{"pod-security.kubernetes.io/enforce": "restricted"})], None),
    ],
)
def test_rule(rules, rule, objects, finding):
    found = [text for name, text in rules.violations(objects) if name == rule]
    assert len(found) == (finding is not None), found
    if finding:
        assert finding in found[0]


@pytest.mark.parametrize("settings", [{}, {"load_test": {"enabled": True}, "observability": {"mode": "install"}}])
def test_what_we_render_keeps_every_rule(rules, inputs, settings):
    assert rules.violations(render(inputs(**settings))) == []


def test_so_does_the_reference_platform(rules):
    assert rules.violations(render(check(ROOT, "dev"))) == []


class TestPack:
    """As the engine drives it: each resource, then the stack."""

    @pytest.fixture
    def pack(self, monkeypatch, rules) -> dict:
        made = {}
        monkeypatch.setattr(pulumi_policy, "PolicyPack", lambda **given: made.update(given))
        load(ROOT / "infra/policy/__main__.py", "policy_pack")
        return made

    @staticmethod
    def judge(pack, *resources: tuple[str, dict]) -> list[str]:
        said = []
        report = lambda text, *_: said.append(text)
        each = [policy for policy in pack["policies"] if isinstance(policy, pulumi_policy.ResourceValidationPolicy)]
        whole = [policy for policy in pack["policies"] if isinstance(policy, pulumi_policy.StackValidationPolicy)]
        for kind, props in resources:
            for policy in each:
                policy.validate(SimpleNamespace(resource_type=kind, props=props), report)
        for policy in whole:
            policy.validate(SimpleNamespace(), report)
        return said

    def test_every_rule_is_in_it_and_mandatory(self, pack, rules):
        assert {policy.name for policy in pack["policies"]} == {"collects-objects", *(rule.id for rule in rules.RULES)}
        assert pack["enforcement_level"] == pulumi_policy.EnforcementLevel.MANDATORY

    def test_replicas_beside_an_autoscaler(self, pack):
        said = self.judge(
            pack,
            ("kubernetes:apps/v1:Deployment", deployment(replicas=2)),
            ("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", hpa(maxReplicas=3)),
        )
        assert len(said) == 1
        assert said[0].startswith("Deployment n/d: states replicas: 2, which its autoscaler decides. Every `up` would")

    def test_a_privileged_pod(self, pack):
        assert "privileged" in self.judge(pack, ("kubernetes:apps/v1:Deployment", deployment(PRIVILEGED)))[0]

    def test_components_and_releases_are_no_objects(self, pack):
        assert self.judge(pack, ("scaleproof:components:Redis", {}), ("kubernetes:helm.sh/v3:Release", {"chart": "x"})) == []
