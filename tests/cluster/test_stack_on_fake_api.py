"""Pulumi's real engine and the provider against a fake API: what changes, what drifts, what an interruption leaves behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from cluster.small_stack import program, small_project

from fakes.kube_api_server import FakeKube
from fakes.progress import FakeProgress
from fakes.tiny_platform import tiny_platform, tiny_policy
from scaleproof.cluster.kube_api import connect
from scaleproof.cluster.kube_platform import KubernetesPlatform
from scaleproof.cluster.observer import Watched
from scaleproof.cluster.stack import KubeStack
from scaleproof.cluster.stack_watch import StackWatch
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.stack_file import StackFile

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

SPACE = "tiny-dev"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{SPACE}/deployments/alpha"
HPA = f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers/alpha"
PLATFORM = tiny_platform(("alpha",))
IMAGE = "app:1"


@pytest.fixture(autouse=True)
def interruptible():
    """Programs started in the background of a shell ignore interrupts, and so would what they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return small_project(tmp_path / "project")


@pytest.fixture
def stack(project: Path, fake_kube: FakeKube, attached, tmp_path: Path) -> KubeStack:
    file = tmp_path / "kubeconfig"
    file.write_text(fake_kube.kubeconfig())
    attached(file)
    return KubeStack(project, "dev", lambda: program(SPACE, IMAGE))


def test_up_preview_drift_and_down(
    stack: KubeStack, fake_kube: FakeKube, progress: FakeProgress, project: Path, tmp_path
) -> None:
    assert stack.up(progress) == {"namespaces": {"platform": SPACE}}
    assert any(line.startswith("created Deployment alpha") for line in progress.lines)
    assert str(stack.preview(progress, refresh=True)) == "no changes"
    assert "# kept" in (project / "Pulumi.dev.yaml").read_text()
    state = "".join(file.read_text() for file in (tmp_path / "state").rglob("*.json"))
    assert "s3cret" not in state
    assert "czNjcmV0" not in state  # the same in base64

    # What the autoscaler owns is no drift; what somebody edits is, once it has been looked for.
    fake_kube.change(f"{DEPLOYMENT}/scale".removesuffix("/scale"), {"spec": {"replicas": 3}}, "kube-controller-manager")
    assert not stack.preview(progress, refresh=True).any
    fake_kube.change(HPA, {"spec": {"maxReplicas": 9}})
    drift = stack.preview(progress, refresh=True)
    assert drift.any
    assert {change.name for change in drift.resources} == {"alpha"}
    fake_kube.change(HPA, {"spec": {"maxReplicas": 4}})
    assert str(stack.refresh(progress)) in {"no changes", "1 to update"}
    assert not stack.preview(progress).any

    assert stack.down(progress) is True
    assert not [path for path in fake_kube.objects if SPACE in path]
    assert stack.down(progress) is False


def test_a_new_policy_changes_the_autoscaler_only(stack: KubeStack, fake_kube: FakeKube, progress, project: Path) -> None:
    stack.up(progress)
    store = StackFile.of(project, "dev")
    policy = store.read()
    autoscaling = policy.services["alpha"].autoscaling.model_copy(update={"max_replicas": 7})
    service = policy.services["alpha"].model_copy(update={"autoscaling": autoscaling})
    wider = policy.model_copy(update={"services": {"alpha": service}})
    progress.lines.clear()
    stack.up(progress, policy=wider)
    assert fake_kube.objects[HPA]["spec"]["maxReplicas"] == 7
    assert [line.partition(" (")[0] for line in progress.lines] == ["updated HorizontalPodAutoscaler alpha"]
    store.write(wider)
    assert not stack.preview(progress).any


def test_holding_and_releasing_is_no_drift(stack: KubeStack, fake_kube: FakeKube, progress, tmp_path: Path) -> None:
    stack.up(progress)
    policy = tiny_policy(PLATFORM)
    api = connect(tmp_path / "kubeconfig")
    watched = Watched(SPACE, {"alpha": 8000})
    with KubernetesPlatform(
        api, watched, PLATFORM, policy, apply_policy=lambda wanted: stack.up(progress, policy=wanted) and None, sync_seconds=0.2
    ) as platform:
        platform.hold({"alpha": 3})
        assert HPA not in fake_kube.objects
        platform.release()
        platform.hold({"alpha": 1})
        platform.release()
        platform.settle(20)
        assert not stack.preview(progress, refresh=True).any
        platform.apply(tiny_policy(PLATFORM, cpu="200m", most=6))
    assert fake_kube.objects[HPA]["spec"]["maxReplicas"] == 6
    resources = fake_kube.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["limits"]["cpu"] == "200m"


def test_an_image_that_cannot_be_pulled_ends_up_within_a_minute(stack, fake_kube, progress, tmp_path: Path) -> None:
    fake_kube.broken_images.add("app:1")
    watch = StackWatch(connect(tmp_path / "kubeconfig"), [SPACE])
    begun = time.monotonic()
    with pytest.raises(CannotMeasureError, match=r"the image app:1 of .* cannot be pulled"):
        stack.up(progress, watch=watch)
    assert time.monotonic() - begun < 60
    fake_kube.broken_images.clear()
    stack.up(progress)
    assert not stack.preview(progress, refresh=True).any


def test_ctrl_c_leaves_no_lock(stack: KubeStack, fake_kube: FakeKube, progress, tmp_path: Path) -> None:
    fake_kube.start_seconds = 3600.0
    thread = when(lambda: DEPLOYMENT in fake_kube.objects, lambda: os.kill(os.getpid(), signal.SIGINT))
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        stack.up(progress)
    thread.join()
    assert time.monotonic() - begun < 60
    assert not list((tmp_path / "state").rglob("locks/**/*.json"))
    fake_kube.start_seconds = 0.0
    stack.up(progress)
    assert stack.down(progress) is True


def test_after_a_killed_engine_the_next_up_goes_through(
    stack: KubeStack, fake_kube: FakeKube, progress, tmp_path: Path
) -> None:
    fake_kube.start_seconds = 3600.0

    def kill() -> None:
        for child in psutil.Process().children(recursive=True):
            if child.name() == "pulumi":
                child.kill()

    thread = when(lambda: DEPLOYMENT in fake_kube.objects, kill)
    with pytest.raises(CannotMeasureError, match="pulumi up"):
        stack.up(progress)
    thread.join()
    assert list((tmp_path / "state").rglob("locks/**/*.json"))
    fake_kube.start_seconds = 0.0
    stack.up(progress)
    assert any("unlocked" in line for line in progress.lines)
    assert not stack.preview(progress).any


def when(reached: Callable[[], bool], then: Callable[[], None]) -> threading.Thread:
    def wait() -> None:
        deadline = time.monotonic() + 100
        while not reached() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1.0)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread
