"""The real HPA controller and ours, side by side: the same pods, the same samples, decision by decision.

Real are the API server, the HPA controller, and the Deployment controller, which makes and deletes the pods. The pods are never
scheduled: what a kubelet would say of them, and what metrics-server would, this test makes up and so knows exactly.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cluster.scripted_metrics import ScriptedMetrics

from scaleproof.cluster.kube_api import KubeApi, KubeError
from scaleproof.hpa.case import read_case
from scaleproof.hpa.history import History
from scaleproof.hpa.reconcile import reconcile_autoscaler
from scripts.cluster.places import NODE_ADDRESS

pytestmark = pytest.mark.timeout(420)

LOG = logging.getLogger(__name__)
AUTOSCALERS = 24
SYNCS = 8
SYNC_SECONDS = 15.0
QUIET_SECONDS = 6.0
"""So long after a decision its pods are told anew: the Deployment controller has made its own by then, and the next decision is far."""
API_SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"
Document = dict[str, Any]


def autoscaling(chance: random.Random) -> Document:
    """One of the many ways to write an autoscaler. No window or period is a multiple of the sync period: at such a boundary the
    milliseconds between both clocks' readings would decide."""

    def rules(windows: list[int]) -> Document:
        kinds = [("Pods", chance.randint(1, 3)), ("Percent", chance.choice([20, 50, 100, 200]))]
        policies = [
            {"type": kind, "value": value, "periodSeconds": chance.choice([10, 20, 40, 50])}
            for kind, value in chance.sample(kinds, chance.randint(1, 2))
        ]
        found: Document = {"policies": policies, "selectPolicy": chance.choice(["Max", "Max", "Max", "Min", "Min", "Disabled"])}
        found["stabilizationWindowSeconds"] = chance.choice(windows)
        if chance.random() < 0.3:
            found["tolerance"] = chance.choice(["0", "0.05", "0.25"])
        return found

    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": chance.choice([40, 80, 130])}}
    memory = {"name": "memory", "target": {"type": "AverageValue", "averageValue": chance.choice(["30Mi", "48Mi"])}}
    metrics = [{"type": "Resource", "resource": each} for each in chance.choice([[cpu], [cpu], [memory], [cpu, memory]])]
    lowest = chance.randint(1, 3)
    spec: Document = {"minReplicas": lowest, "maxReplicas": lowest + chance.randint(2, 6), "metrics": metrics}
    behavior = {}
    if chance.random() < 0.6:
        behavior["scaleUp"] = rules([0, 0, 20, 40])
    if chance.random() < 0.7:
        behavior["scaleDown"] = rules([0, 0, 20, 50])
    return {**spec, **({"behavior": behavior} if behavior else {})}


def rfc3339(seconds: float) -> str:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class View:
    """What the API server said between two moments (Unix nanoseconds), by autoscaler."""

    begun: int
    ended: int
    pods: dict[str, list[Document]]
    deployments: dict[str, Document]
    autoscalers: dict[str, Document]

    def version_of(self, name: str) -> list[tuple[str, str]]:
        """Changes with every change of that autoscaler's pods."""
        return sorted((pod["metadata"]["name"], pod["metadata"]["resourceVersion"]) for pod in self.pods[name])


@dataclass
class World:
    """Everything that is made up, from one seed."""

    api: KubeApi
    space: str
    chance: random.Random
    names: list[str] = field(default_factory=lambda: [f"a{number:02}" for number in range(AUTOSCALERS)])
    specs: dict[str, Document] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)

    def path(self, group: str, kind: str, name: str = "") -> str:
        return f"/{group}/namespaces/{self.space}/{kind}" + (f"/{name}" if name else "")

    def look(self) -> View:
        begun = time.time_ns()
        found: dict[str, dict[str, Any]] = {"deployments": {}, "horizontalpodautoscalers": {}}
        pods: dict[str, list[Document]] = defaultdict(list)
        for group, kind in (("apis/apps/v1", "deployments"), ("apis/autoscaling/v2", "horizontalpodautoscalers")):
            found[kind] = {item["metadata"]["name"]: item for item in self.api.items(self.path(group, kind))}
        for pod in self.api.items(self.path("api/v1", "pods")):
            pods[pod["metadata"]["labels"]["app"]].append(pod)
        view = View(begun, time.time_ns(), pods, found["deployments"], found["horizontalpodautoscalers"])
        self.views.append(view)
        return view

    def create(self) -> None:
        for name in self.names:
            spec = autoscaling(self.chance)
            container = {
                "name": "main",
                "image": "scaleproof.test/never",
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
            }
            template = {
                "metadata": {"labels": {"app": name}},
                "spec": {"schedulerName": "nobody", "containers": [container], "terminationGracePeriodSeconds": 0},
            }
            replicas = self.chance.randint(spec["minReplicas"], spec["maxReplicas"])
            deployment = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name},
                "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
            }
            self.api.create(self.path("apis/apps/v1", "deployments"), deployment)
            self.specs[name] = spec

    def start(self) -> None:
        """The autoscalers, when the pods are there."""
        for name in self.names:
            target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
            document = {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": name},
                "spec": {"scaleTargetRef": target, **self.specs[name]},
            }
            self.api.create(self.path("apis/autoscaling/v2", "horizontalpodautoscalers"), document)

    def tell(self, pods: list[Document], *, at_first: bool = False) -> None:
        """What a kubelet would say now: started, ready, no longer ready, failed."""
        now = time.time()
        for pod in pods:
            status, chance = pod.get("status", {}), self.chance.random()
            if status.get("phase") in {"Failed", "Succeeded"} or pod["metadata"].get("deletionTimestamp"):
                continue
            ready = next((each["status"] for each in status.get("conditions", []) if each["type"] == "Ready"), None)
            if status.get("phase") == "Pending":
                if chance < 0.3 and not at_first:
                    continue
                started = now - self.chance.choice([3, 100, 400, 4000])
                told = "True" if chance < 0.8 else "False"
                change = {"phase": "Running", "startTime": rfc3339(started)}
            elif ready == "False" and chance < 0.5:
                told, change = "True", {}
            elif ready == "True" and chance < 0.08:
                told, change = "False", {}
            elif chance > 0.97:
                told, change = "False", {"phase": "Failed"}
            else:
                continue
            condition = {"type": "Ready", "status": told, "lastTransitionTime": rfc3339(now - self.chance.choice([0, 20, 90]))}
            path = self.path("api/v1", "pods", pod["metadata"]["name"]) + "/status"
            with contextlib.suppress(KubeError):  # deleted meanwhile
                self.api.patch(path, {"status": {**change, "conditions": [condition]}}, field_manager="made-up-kubelet")

    def samples(self, selector: str) -> list[Document]:
        """What metrics-server would say now of these pods; some pods are missing, now and then all."""
        name = selector.partition("=")[2]
        pods = self.views[-1].pods.get(name, []) if self.views else []
        chance = random.Random(f"{name} {time.time_ns()}")
        if chance.random() < 0.06:
            return []
        level, found = chance.choice([0.1, 0.5, 1.0, 2.5]), []
        for pod in pods:
            if pod.get("status", {}).get("phase") != "Running" or chance.random() < 0.12:
                continue
            usage = {
                "cpu": f"{round(80 * level * chance.uniform(0.6, 1.4))}m",
                "memory": f"{round(40 * level * chance.uniform(0.8, 1.2))}Mi",
            }
            found.append(
                {
                    "metadata": {"name": pod["metadata"]["name"], "namespace": self.space},
                    "timestamp": rfc3339(time.time() - chance.choice([2, 15, 60])),
                    "window": "15s",
                    "containers": [{"name": "main", "usage": usage}],
                }
            )
        return found


@pytest.fixture
def world(api: KubeApi) -> Iterator[World]:
    made = World(api, f"scripted-{uuid.uuid4().hex[:6]}", random.Random(20261126))
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.space}})
    yield made
    api.delete(f"/api/v1/namespaces/{made.space}")


@pytest.fixture
def metrics(world: World, tmp_path: Path) -> Iterator[ScriptedMetrics]:
    """Ours in metrics-server's place, as long as the test lasts."""
    api = world.api
    before = api.get(API_SERVICE)["spec"]["service"]
    with ScriptedMetrics(NODE_ADDRESS, tmp_path, world.samples) as scripted:
        ports = [{"name": "https", "port": 443, "targetPort": scripted.port, "protocol": "TCP"}]
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "scripted"}, "spec": {"ports": ports}}
        api.create(world.path("api/v1", "services"), service)
        endpoints = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "scripted", "labels": {"kubernetes.io/service-name": "scripted"}},
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": scripted.port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
        }
        api.create(world.path("apis/discovery.k8s.io/v1", "endpointslices"), endpoints)
        ours = {"spec": {"service": {"name": "scripted", "namespace": world.space, "port": 443}}}
        api.patch(API_SERVICE, ours, field_manager="test")
        try:
            deadline = time.monotonic() + 60
            while not any(each.selector == "app=probe" for each in scripted.asked):
                assert time.monotonic() < deadline, api.get(API_SERVICE)["status"]
                with contextlib.suppress(KubeError):
                    api.get(f"/apis/metrics.k8s.io/v1beta1/namespaces/{world.space}/pods", {"labelSelector": "app=probe"})
                time.sleep(0.5)
            yield scripted
        finally:
            api.patch(API_SERVICE, {"spec": {"service": before}}, field_manager="test")


def reasons(autoscaler: Document) -> dict[str, str]:
    conditions = autoscaler.get("status", {}).get("conditions", [])
    return {each["type"]: each["reason"] for each in conditions}


def test_the_real_controller_decides_as_ours_does(world: World, metrics: ScriptedMetrics) -> None:
    world.create()
    deadline = time.monotonic() + 60
    while any(len(world.look().pods[name]) != world.views[-1].deployments[name]["spec"]["replicas"] for name in world.names):
        assert time.monotonic() < deadline, "the pods were not made"
        time.sleep(0.5)
    world.tell([pod for pods in world.views[-1].pods.values() for pod in pods], at_first=True)
    world.look()
    world.start()
    told: set[tuple[str, int]] = set()
    ends = time.monotonic() + SYNCS * SYNC_SECONDS + QUIET_SECONDS
    while time.monotonic() < ends:
        view = world.look()
        for asked in list(metrics.asked):
            due = asked.time + QUIET_SECONDS * 1e9
            if (asked.selector, asked.time) not in told and time.time_ns() > due:
                told.add((asked.selector, asked.time))
                world.tell(view.pods.get(asked.selector.partition("=")[2], []))
        time.sleep(0.2)
    seen, wrong = compare(world, metrics)
    LOG.info("%s decisions of %s autoscalers compared: %s", seen["decisions"], AUTOSCALERS, dict(seen))
    assert not wrong, "\n".join([f"of {dict(seen)}", *wrong])
    assert seen["decisions"] >= 100
    # What the comparison is about has happened.
    assert seen["up"] >= 10
    assert seen["down"] >= 10
    assert seen["no metrics"] >= 3
    assert seen["limited"] >= 10
    assert seen["missing samples"] >= 20
    assert seen["unready pods"] >= 20

    # And a rule that is only a little different would have been seen.
    for options in ({"tolerance": 0.3}, {"cpuInitializationPeriodSeconds": 0}):
        assert compare(world, metrics, options)[1], options


def compare(world: World, metrics: ScriptedMetrics, options: Document | None = None) -> tuple[Counter[str], list[str]]:
    """How many decisions of each kind were compared, and where both sides differ. `options`: ours, where not the defaults."""
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for name in world.names:
        history = History()
        for asked in (each for each in metrics.asked if each.selector == f"app={name}"):
            before = [view for view in world.views if view.ended <= asked.time][-2:]
            after = next((view for view in world.views if view.begun >= asked.time + 2e9), None)
            if after is None:
                break
            assert before[0].version_of(name) == before[1].version_of(name), f"{name}: its pods changed just before it looked"
            view = before[1]
            deployment = view.deployments[name]
            case = read_case(
                {
                    "version": 1,
                    "now": asked.time / 1e9,
                    "hpa": {"metadata": {"name": name, "namespace": world.space}, "spec": after.autoscalers[name]["spec"]},
                    "scale": {
                        "spec": {"replicas": deployment["spec"]["replicas"]},
                        "status": {"replicas": deployment.get("status", {}).get("replicas", 0)},
                    },
                    "pods": {"items": view.pods[name]},
                    "podMetrics": {"items": asked.samples},
                    **({"options": options} if options else {}),
                }
            )
            decision = reconcile_autoscaler(case.spec, history, case.seen, case.options)
            current, desired = decision.current_replicas, decision.desired_replicas
            theirs = after.deployments[name]["spec"]["replicas"]
            conditions = reasons(after.autoscalers[name])
            steps = {step.step: step.reason for step in decision.steps}
            kind = "up" if desired > current else "down" if desired < current else "same"
            seen[kind if "limit" in steps else "no metrics"] += 1
            running = [pod for pod in view.pods[name] if pod["status"].get("phase") == "Running"]
            seen["decisions"] += 1
            seen["limited"] += steps.get("limit", "DesiredWithinRange") != "DesiredWithinRange"
            seen["missing samples"] += len(asked.samples) < len(running)
            seen["unready pods"] += any(readiness_of(pod) != "True" for pod in view.pods[name])
            expected = {"ScalingLimited": steps["limit"]} if "limit" in steps else {}
            if "stabilize" in steps and desired == current:
                expected["AbleToScale"] = steps["stabilize"]
            found = {condition: conditions.get(condition) for condition in expected}
            if theirs != desired or found != expected:
                wrong.append(
                    f"{name} at {asked.time}: the controller {current} → {theirs} {found}, ours → {desired} {expected}; "
                    f"{decision.message}; spec {world.specs[name]}"
                )
                break
    return seen, wrong


def readiness_of(pod: Document) -> str | None:
    return next((each["status"] for each in pod["status"].get("conditions", []) if each["type"] == "Ready"), None)
