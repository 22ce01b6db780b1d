"""The same on a real Kubernetes: up, drift, holding, observing, what stands in the way, down."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.small_stack import program, small_project

from fakes.progress import FakeProgress
from fakes.tiny_platform import tiny_platform
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.kube_platform import KubernetesPlatform
from scaleproof.cluster.observer import Watched
from scaleproof.cluster.preflight import Plan
from scaleproof.cluster.rollout import applier, roll_out
from scaleproof.cluster.stack import KubeStack
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.stack_file import StackFile

pytestmark = [pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

IMAGE = "scaleproof.test/pause:latest"
PLATFORM = tiny_platform(("alpha",), routes=[])


@pytest.fixture
def space() -> str:
    return f"tiny-{uuid.uuid4().hex[:6]}"


@pytest.fixture
def image() -> str:
    return IMAGE


@pytest.fixture
def stack(tmp_path: Path, kubeconfig: Path, attached, space: str, image: str, progress: FakeProgress) -> Iterator[KubeStack]:
    attached(kubeconfig)
    made = KubeStack(small_project(tmp_path / "project"), "dev", lambda: program(space, image))
    yield made
    made.down(progress)


@pytest.fixture
def plan(stack: KubeStack, tmp_path: Path, space: str) -> Plan:
    return Plan(PLATFORM, StackFile.of(tmp_path / "project", "dev").read(), space, installs_gateway=True)


def test_up_holding_observing_and_down(api: KubeApi, stack: KubeStack, plan: Plan, space: str, progress: FakeProgress) -> None:
    autoscaler = f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers/alpha"
    assert roll_out(api, stack, plan, [space], progress) == {"namespaces": {"platform": space}}
    assert not stack.preview(progress, refresh=True).any
    apply = applier(api, stack, plan, [space], progress)
    with KubernetesPlatform(api, Watched(space, {"alpha": 8000}), PLATFORM, plan.policy, apply_policy=apply) as platform:
        platform.check_running("Pulumi.dev.yaml")
        begun = time.time() - 2  # Kubernetes tells whole seconds
        platform.hold({"alpha": 3})
        assert platform.states()["alpha"].ready == 3
        assert api.find(autoscaler) is None
        platform.hold({"alpha": 1})
        platform.release()
        platform.settle(60)
        assert not stack.preview(progress, refresh=True).any  # neither the hold nor the autoscaler's replicas are drift
        wanted = plan.policy.services["alpha"]
        autoscaling = wanted.autoscaling.model_copy(update={"max_replicas": 6})
        changed = plan.policy.model_copy(update={"services": {"alpha": wanted.model_copy(update={"autoscaling": autoscaling})}})
        progress.lines.clear()
        platform.apply(changed)
        assert [line.partition(" (")[0] for line in progress.lines] == ["updated HorizontalPodAutoscaler alpha"]
        deadline = time.monotonic() + 90
        tables = platform.observe(begun, time.time()).tables
        while tables["decisions"].empty and time.monotonic() < deadline:
            time.sleep(3)
            tables = platform.observe(begun, time.time()).tables
        assert tables["replicas"].groupby("replica").size().max() > 10
        assert {"created", "ready", "stopped", "policy_applied"} <= set(tables["events"]["kind"])
        assert (tables["decisions"]["current_replicas"] >= 1).all()
        assert tables["host"]["cpu_share"].between(0, 1.05).any()
        assert platform.stamp().limits == {"alpha": "1000m/64Mi by kubelet"}
        assert platform.spare_millicores() > 0
    api.patch(autoscaler, {"spec": {"maxReplicas": 9}}, field_manager="kubectl-edit")
    assert {change.kind for change in stack.preview(progress, refresh=True).resources} == {"HorizontalPodAutoscaler"}
    assert stack.down(progress) is True
    assert api.find(f"/api/v1/namespaces/{space}") is None


@pytest.mark.parametrize("image", ["scaleproof.test/nowhere:latest"])
def test_an_image_that_cannot_be_pulled(api: KubeApi, stack: KubeStack, plan: Plan, space: str, image: str, progress) -> None:
    begun = time.monotonic()
    with pytest.raises(CannotMeasureError, match=rf"the image {image} of {space}/alpha-.* cannot be pulled"):
        roll_out(api, stack, plan, [space], progress)
    assert time.monotonic() - begun < 60


def test_a_quota_that_is_too_small(api: KubeApi, stack: KubeStack, plan: Plan, space: str, progress: FakeProgress) -> None:
    roll_out(api, stack, plan, [space], progress)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": {"hard": {"pods": "2"}}}
    api.create(f"/api/v1/namespaces/{space}/resourcequotas", quota)
    time.sleep(3)  # until the quota's own controller has counted
    begun = time.monotonic()
    with pytest.raises(BadInputError, match=r"ResourceQuota small .* too small: pods 2"):
        roll_out(api, stack, plan, [space], progress)
    with KubernetesPlatform(api, Watched(space, {"alpha": 8000}), PLATFORM, plan.policy, apply_policy=print) as platform:
        with pytest.raises(CannotMeasureError, match=r"the ResourceQuota small of namespace .* is too small"):
            platform.hold({"alpha": 4})
        assert time.monotonic() - begun < 60
