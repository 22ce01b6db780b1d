from __future__ import annotations

import pytest

from fakes.kube_api_server import SPACE, FakeKube
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.suspension import ANNOTATION, Suspension
from scaleproof.spec.errors import CannotMeasureError

HPA = f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers/alpha"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{SPACE}/deployments/alpha"


@pytest.fixture
def suspension(services: FakeKube, api: KubeApi, clock) -> Suspension:
    return Suspension(api, SPACE, clock=clock, sleep=clock.sleep)


def test_held_means_no_autoscaler_and_so_many_replicas(services: FakeKube, suspension: Suspension) -> None:
    suspension.hold({"alpha": 3})
    assert HPA not in services.objects
    assert services.objects[DEPLOYMENT]["spec"]["replicas"] == 3
    assert HPA.replace("alpha", "beta") in services.objects


def test_released_it_is_as_it_was_and_still_belongs_to_pulumi(services: FakeKube, suspension: Suspension) -> None:
    before = services.objects[HPA]
    suspension.hold({"alpha": 3})
    assert suspension.release(["alpha", "beta"]) == ["alpha"]
    after = services.objects[HPA]
    assert after["spec"] == before["spec"]
    assert after["metadata"]["managedFields"] == [{"manager": "pulumi-kubernetes-1", "operation": "Apply"}]
    assert ANNOTATION not in services.objects[DEPLOYMENT]["metadata"]["annotations"]


def test_it_comes_back_only_once_the_controller_has_forgotten_it(suspension: Suspension, clock) -> None:
    suspension.hold({"alpha": 3})
    clock.now += 10
    suspension.release(["alpha"])
    assert clock.slept == [pytest.approx(6.5)]


def test_after_a_long_hold_it_comes_back_at_once(suspension: Suspension, clock) -> None:
    suspension.hold({"alpha": 3})
    clock.now += 100
    suspension.release(["alpha"])
    assert clock.slept == []


def test_held_again_it_is_still_the_first_autoscaler_that_comes_back(services: FakeKube, suspension: Suspension) -> None:
    suspension.hold({"alpha": 3})
    suspension.hold({"alpha": 1})
    assert suspension.release(["alpha"]) == ["alpha"]
    assert services.objects[HPA]["spec"]["maxReplicas"] == 4


def test_another_process_can_release_what_a_dead_one_held(services: FakeKube, suspension: Suspension, api: KubeApi) -> None:
    suspension.hold({"alpha": 3})
    assert Suspension(api, SPACE).release(["alpha"], forget=False) == ["alpha"]
    assert HPA in services.objects


def test_without_an_autoscaler_only_the_count_is_set(services: FakeKube, suspension: Suspension) -> None:
    del services.objects[HPA]
    suspension.hold({"alpha": 2})
    assert suspension.release(["alpha"]) == []
    assert services.objects[DEPLOYMENT]["spec"]["replicas"] == 2


def test_one_that_keda_would_make_anew_is_not_touched(services: FakeKube, suspension: Suspension) -> None:
    services.objects[HPA]["metadata"]["ownerReferences"] = [{"kind": "ScaledObject", "name": "alpha", "controller": True}]
    with pytest.raises(CannotMeasureError, match="belongs to ScaledObject alpha"):
        suspension.hold({"alpha": 2})
    assert HPA in services.objects
