from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from fakes.kube_api_server import SPACE, FakeKube, deployment
from fakes.progress import FakeProgress
from fakes.pulumi_engine import FakeEngine
from scaleproof.cluster import pulumi_process
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.stack import Changes, KubeStack
from scaleproof.cluster.stack_lock import this_host
from scaleproof.cluster.stack_watch import StackWatch
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.stack_file import StackFile

FILE = Path(__file__).parents[1] / "spec" / "data" / "Pulumi.dev.yaml"
CREATED = " +  kubernetes:core/v1:Namespace shop creating (0s)\n +  kubernetes:core/v1:Namespace shop created (1s)\n"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    (tmp_path / "bin").mkdir()
    made = FakeEngine(tmp_path / "bin")
    monkeypatch.setenv("PATH", made.path)
    monkeypatch.setattr(pulumi_process, "WATCH_SECONDS", 0.05)
    monkeypatch.setattr(pulumi_process, "GRACE_SECONDS", 20.0)  # a busy machine is slow
    return made


@pytest.fixture
def stack(engine: FakeEngine, tmp_path: Path) -> KubeStack:
    (tmp_path / "Pulumi.yaml").write_text("name: scaleproof\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(FILE.read_text())
    return KubeStack(tmp_path, "dev", lambda: None)


@pytest.fixture
def interruptible():
    """Programs started in the background of a shell ignore interrupts, and so would what they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def progress() -> FakeProgress:
    return FakeProgress()


def test_up_tells_what_it_does_and_returns_the_outputs(engine: FakeEngine, stack: KubeStack, progress: FakeProgress) -> None:
    engine.set("no-stack")
    engine.set("log", CREATED)
    engine.set("outputs", json.dumps({"gatewayUrl": "http://x", "namespaces": {"platform": "shop"}}))
    assert stack.up(progress) == {"gatewayUrl": "http://x", "namespaces": {"platform": "shop"}}
    assert progress.lines == ["created Namespace shop (0 s)"]
    assert stack.outputs()["gatewayUrl"] == "http://x"
    assert not (engine.folder / "given.yaml").exists()


def test_another_policy_goes_in_by_a_copy_of_the_stacks_file(engine, stack, progress, tmp_path: Path) -> None:
    before = (tmp_path / "Pulumi.dev.yaml").read_text()
    policy = StackFile.of(tmp_path, "dev").read()
    stack.up(progress, policy=policy)
    assert not (engine.folder / "given.yaml").exists()
    name = next(iter(policy.services))
    autoscaling = policy.services[name].autoscaling.model_copy(update={"max_replicas": 17})
    service = policy.services[name].model_copy(update={"autoscaling": autoscaling})
    wider = policy.model_copy(update={"services": {**policy.services, name: service}})
    stack.up(progress, policy=wider)
    given = StackFile(engine.folder / "given.yaml").read()
    assert given.services[name].autoscaling.max_replicas == 17
    assert (tmp_path / "Pulumi.dev.yaml").read_text() == before


def test_refresh_and_down_count_what_changed(engine, stack, progress) -> None:
    engine.set("changes", '{"same": 3, "update": 1}')
    engine.set("log", " ~  kubernetes:apps/v1:Deployment orders updated (1s)\n")
    found = stack.refresh(progress)
    assert found.any
    assert str(found) == "1 to update"
    assert [str(change) for change in found.resources] == ["updated Deployment orders"]
    engine.set("changes", '{"delete": 4}')
    assert stack.down(progress) is True
    engine.set("no-stack")
    assert stack.down(progress) is False


def test_no_changes_are_no_changes() -> None:
    assert str(Changes({"same": 5, "read": 1})) == "no changes"
    assert not Changes({"same": 5}).any


def test_a_stack_that_was_never_up_has_no_outputs(engine, stack) -> None:
    with pytest.raises(CannotMeasureError, match="stack dev is not up"):
        stack.outputs()
    engine.set("no-stack")
    with pytest.raises(CannotMeasureError, match="stack dev is not up"):
        stack.outputs()


def test_a_failure_is_told_in_the_engines_own_words(engine, stack, progress) -> None:
    engine.set("errors", "Diagnostics:\n  kubernetes:apps/v1:Deployment (orders):\n    error: 0/1 replicas available\n")
    with pytest.raises(CannotMeasureError, match=r"`pulumi up` failed: 0/1 replicas available"):
        stack.up(progress)


def test_a_lock_that_a_dead_process_left_is_removed(engine, stack, progress) -> None:
    engine.set("locked", f"{this_host()} (pid 4194303)")
    stack.up(progress)
    assert progress.lines == ["an interrupted run (process 4194303) had left the stack locked: unlocked"]


def test_what_a_killed_engine_was_creating_is_looked_for(engine, stack, progress) -> None:
    resource = {
        "urn": "urn:x",
        "type": "kubernetes:core/v1:Secret",
        "inputs": {"metadata": {"name": "key", "namespace": "shop"}},
    }
    state = {"version": 3, "deployment": {"pending_operations": [{"type": "creating", "resource": resource}]}}
    engine.set("state", json.dumps(state))
    stack.up(progress)
    imported = next(at for at, order in enumerate(engine.orders) if "stack import" in order)
    assert any("refresh" in order and "--target urn:x" in order for order in engine.orders[imported:])
    assert progress.lines == ["an interrupted run was creating shop/key: looking what became of it"]


def test_a_lock_of_a_living_process_is_respected(engine, stack, progress) -> None:
    engine.set("locked", f"{this_host()} (pid {os.getpid()})")
    with pytest.raises(CannotMeasureError, match=f"in use: root@.* \\(process {os.getpid()}\\) holds it") as caught:
        stack.up(progress)
    assert "pulumi cancel --stack dev" in (caught.value.hint or "")


def when_hanging(engine: FakeEngine, then) -> threading.Thread:
    def wait() -> None:
        while "hanging" not in engine.orders:
            time.sleep(0.01)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_reaches_the_engine_exactly_once_and_it_ends(engine, stack, progress) -> None:
    engine.set("hangs")
    thread = when_hanging(engine, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        stack.up(progress)
    thread.join()
    assert engine.orders.count("interrupted") == 1


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_while_the_engine_is_being_started_leaves_none_behind(engine, stack, progress, monkeypatch) -> None:
    started: list[subprocess.Popen[str]] = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, **kwargs)
            if "up" in args[0]:
                started.append(self)
                signal.raise_signal(signal.SIGINT)

    engine.set("hangs")
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        stack.up(progress)
    assert [process.poll() is None for process in started] == [False]


@pytest.mark.usefixtures("interruptible")
def test_an_engine_that_does_not_end_is_killed_and_unlocked(engine, stack, progress, monkeypatch) -> None:
    monkeypatch.setattr(pulumi_process, "GRACE_SECONDS", 2.0)
    engine.set("hangs")
    engine.set("stubborn")
    thread = when_hanging(engine, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        stack.up(progress)
    thread.join()
    assert engine.orders.count("interrupted") == 2
    assert any("cancel" in order for order in engine.orders)
    assert "the engine had to be killed" in progress.lines[-1]


@pytest.mark.usefixtures("interruptible")
def test_what_the_watch_finds_ends_the_update(engine, stack, progress, services: FakeKube, api: KubeApi, clock) -> None:
    engine.set("hangs")
    services.broken_images.add("app:1")
    watch = StackWatch(api, [SPACE, SPACE], clock=clock)

    def looking() -> None:
        clock.now += 3
        watch()

    with pytest.raises(CannotMeasureError, match=r"app:1 of .* cannot be pulled"):
        stack.up(progress, watch=looking)
    assert engine.orders.count("interrupted") == 1


def test_the_watch_is_patient_and_explains_a_failure(services: FakeKube, api: KubeApi, clock) -> None:
    watch = StackWatch(api, [SPACE], clock=clock)
    watch()
    services.put(f"/apis/apps/v1/namespaces/{SPACE}/deployments/gamma", deployment("gamma", SPACE, image="gone:1"))
    watch()  # too soon to look again
    failure = CannotMeasureError("`pulumi up` failed: timed out")
    assert watch.explain(failure) is failure
    services.broken_images.add("gone:1")
    told = watch.explain(failure)
    assert "gone:1" in told.message
    assert "timed out" in told.message


def test_no_engine_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: scaleproof\nruntime: python\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInputError, match="no `pulumi` on PATH"):
        KubeStack(tmp_path, "dev", lambda: None)


def test_an_engine_that_is_too_old(engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: scaleproof\nruntime: python\n")
    script = engine.folder / "pulumi"
    script.write_text(script.read_text().replace("v3.250.0", "v2.1.0"))
    with pytest.raises(BadInputError, match="too old"):
        KubeStack(tmp_path, "dev", lambda: None)


def test_a_folder_that_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"Pulumi\.yaml: missing"):
        KubeStack(tmp_path, "dev", lambda: None)
