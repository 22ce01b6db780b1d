from __future__ import annotations

import pytest

from fakes.kube_api_server import SPACE, FakeKube
from fakes.tiny_platform import tiny_platform, tiny_policy
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.kube_platform import KubernetesPlatform
from scaleproof.cluster.observer import Watched
from scaleproof.cluster.suspension import ANNOTATION
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.policy import Policy
from scaleproof.telemetry.tables import TABLES
from scaleproof.tuner.ports import ServiceState

PLATFORM = tiny_platform(("alpha", "beta"))
POLICY = tiny_policy(PLATFORM)
DEPLOYMENT = f"/apis/apps/v1/namespaces/{SPACE}/deployments/alpha"
HPA = f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers/alpha"


@pytest.fixture
def applied() -> list[Policy]:
    return []


@pytest.fixture
def platform(services: FakeKube, api: KubeApi, clock, applied):
    made = KubernetesPlatform(
        api, Watched(SPACE, {"alpha": 8000, "beta": 8000}), PLATFORM, POLICY,
        apply_policy=applied.append, clock=clock, sleep=clock.sleep,
    )  # fmt: skip
    with made:
        yield made


def test_held_until_exactly_so_many_are_ready(services: FakeKube, platform: KubernetesPlatform, clock) -> None:
    services.start_seconds = 4.0
    platform.hold({"alpha": 3})
    assert platform.states()["alpha"] == ServiceState(desired=3, ready=3, total=3)
    assert 4.0 <= sum(clock.slept) < 10.0
    assert HPA not in services.objects
    platform.hold({})  # nothing to do


def test_released_and_settled(services: FakeKube, platform: KubernetesPlatform) -> None:
    platform.hold({"alpha": 1, "beta": 1})
    platform.release()
    platform.settle(30)
    assert HPA in services.objects


def test_what_does_not_settle_is_said(services: FakeKube, platform: KubernetesPlatform) -> None:
    services.change(DEPLOYMENT, {"spec": {"replicas": 3}})
    with pytest.raises(
        CannotMeasureError, match="steady count was not reached within 20 s: alpha 3 ready of 3 wanted, minReplicas 1"
    ):
        platform.settle(20)


def test_an_image_that_cannot_be_pulled_is_said_long_before_the_time_is_over(services, platform, clock) -> None:
    begun = clock()
    services.broken_images.add("app:1")
    with pytest.raises(CannotMeasureError, match=r"the image app:1 of .* cannot be pulled"):
        platform.hold({"alpha": 3})
    assert clock() - begun < 30


def test_a_trouble_that_is_not_sure_yet_is_said_when_the_time_is_over(services, platform) -> None:
    services.broken_images.add("app:1")
    services.change(DEPLOYMENT, {"spec": {"replicas": 2}})
    with pytest.raises(CannotMeasureError, match=r"within 5 s: .*cannot be pulled"):
        platform.settle(5)


def test_applying_a_policy_ends_a_hold_and_waits_for_the_replicas(services, platform, applied) -> None:
    platform.hold({"alpha": 2})
    after = tiny_policy(PLATFORM, cpu="200m")
    platform.apply(after)
    assert applied == [after]
    assert platform.policy == after
    assert HPA in services.objects
    assert platform.stamp().limits == dict.fromkeys(("alpha", "beta"), "200m/64Mi by kubelet")


def test_a_policy_that_takes_away_a_deployment(services, platform) -> None:
    del services.objects[DEPLOYMENT]
    with pytest.raises(CannotMeasureError, match="alpha has no Deployment"):
        platform.apply(POLICY)


def test_the_stamp_changes_with_node_and_image_and_with_nothing_else(services, platform, clock) -> None:
    services.pods(SPACE)
    first = platform.stamp()
    assert first.target == "kube"
    clock.now += 5
    again = platform.stamp()
    assert (again.machine, again.image) == (first.machine, first.image)
    services.change("/api/v1/nodes/node-1", {"status": {"capacity": {"cpu": "4"}}})
    services.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2"
    services.pods(SPACE)
    assert platform.stamp().machine != first.machine
    assert platform.stamp().image != first.image


def test_observed_is_what_was_seen_until_now(services, platform, clock) -> None:
    services.pods(SPACE)
    tables = platform.observe(clock() - 1, clock() + 1).tables
    assert set(tables) == {"replicas", "gateway", "host", "decisions", "events"}
    assert set(tables["replicas"]["service"]) == {"alpha", "beta"}
    assert list(tables["decisions"].columns) == TABLES["decisions"].names
    assert platform.metric_samples(clock() - 1, clock()).empty


def test_a_cluster_with_another_policy_is_told_from_one_with_ours(services, platform) -> None:
    platform.check_running("Pulumi.dev.yaml")
    services.change(HPA, {"spec": {"maxReplicas": 9}})
    with pytest.raises(CannotMeasureError, match="alpha: maxReplicas 4 in the file, 9 in the cluster"):
        platform.check_running("Pulumi.dev.yaml")
    del services.objects[HPA]
    with pytest.raises(CannotMeasureError, match="alpha: no HorizontalPodAutoscaler"):
        platform.check_running("Pulumi.dev.yaml")
    del services.objects[DEPLOYMENT]
    with pytest.raises(CannotMeasureError, match="alpha: no Deployment"):
        platform.check_running("Pulumi.dev.yaml")


def test_what_a_dead_process_held_is_released_at_the_start_and_ours_at_the_end(services, api, clock) -> None:
    def make() -> KubernetesPlatform:
        watched = Watched(SPACE, {"alpha": 8000, "beta": 8000})
        return KubernetesPlatform(api, watched, PLATFORM, POLICY, apply_policy=print, clock=clock, sleep=clock.sleep)

    dead = make()
    dead.hold({"alpha": 2})
    with make() as platform:
        assert HPA in services.objects
        platform.hold({"alpha": 2})
        assert ANNOTATION in services.objects[DEPLOYMENT]["metadata"]["annotations"]
    assert HPA in services.objects
    dead._observer.close()


def test_what_nodes_have_left_beside_others(services, platform) -> None:
    services.pods(SPACE)
    other = {"spec": {"containers": [{"resources": {"requests": {"cpu": "700m"}}}, {}]}, "status": {"phase": "Running"}}
    services.put("/api/v1/namespaces/kube-system/pods/dns", {"metadata": {"name": "dns"}, **other})
    done = {**other, "status": {"phase": "Succeeded"}}
    services.put("/api/v1/namespaces/kube-system/pods/job", {"metadata": {"name": "job"}, **done})
    assert platform.spare_millicores() == 1300
