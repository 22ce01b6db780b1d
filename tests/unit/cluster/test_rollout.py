from __future__ import annotations

import pytest

from fakes.kube_api_server import SPACE, FakeKube
from fakes.progress import FakeProgress
from fakes.tiny_platform import tiny_platform, tiny_policy
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.preflight import METRICS_API, Plan
from scaleproof.cluster.rollout import applier, roll_out
from scaleproof.spec.errors import CannotMeasureError

PLATFORM = tiny_platform(("alpha", "beta"))
POLICY = tiny_policy(PLATFORM)
PLAN = Plan(PLATFORM, POLICY, SPACE)


class FakeStack:
    """`failure` is what the engine says after a while."""

    def __init__(self, failure: CannotMeasureError | None = None) -> None:
        self.failure = failure
        self.policies: list = []

    def up(self, progress, *, policy=None, watch=None):
        watch()
        self.policies.append(policy)
        if self.failure is not None:
            raise self.failure
        return {"gatewayUrl": "http://x"}


def test_what_the_cluster_lacks_is_said_before_the_engine_is_started(kube: FakeKube, api: KubeApi) -> None:
    del kube.objects[METRICS_API]
    stack = FakeStack()
    with pytest.raises(CannotMeasureError, match="no metrics-server"):
        roll_out(api, stack, PLAN, [SPACE], FakeProgress())
    assert stack.policies == []


def test_a_failure_is_told_with_what_stands_in_the_way(services: FakeKube, api: KubeApi) -> None:
    stack = FakeStack(CannotMeasureError("`pulumi up` failed: not ready"))
    with pytest.raises(CannotMeasureError, match=r"^`pulumi up` failed"):
        roll_out(api, stack, PLAN, [SPACE], FakeProgress())
    services.broken_images.add("app:1")
    with pytest.raises(CannotMeasureError, match=r"app:1 of .* cannot be pulled .*; `pulumi up` failed"):
        roll_out(api, stack, PLAN, [SPACE], FakeProgress())


def test_another_policy_is_applied_as_such(services: FakeKube, api: KubeApi) -> None:
    stack = FakeStack()
    wider = tiny_policy(PLATFORM, most=6)
    assert roll_out(api, stack, PLAN, [SPACE], FakeProgress()) == {"gatewayUrl": "http://x"}
    applier(api, stack, PLAN, [SPACE], FakeProgress())(wider)
    assert stack.policies == [None, wider]
