"""An HPA and its Deployment as one workload."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.rule_facts import GONE, facts
from scaleproof.rules.workload import surge_of
from scaleproof.spec.errors import BadInputError

WEB = "deployment.spec.template.spec.containers"
SIDECAR = {
    "name": "proxy",
    "image": "envoy",
    "resources": {"requests": {"cpu": "50m"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
}


def web(known):
    return next(each for each in known.workloads if each.name == "web")


def test_the_policy_s_services_come_first_then_the_hpas(tmp_path):
    known = facts(tmp_path)
    assert [(each.name, each.namespace) for each in known.workloads] == [("orders", ""), ("front", ""), ("web", "shop")]


def test_sidecars_count_and_a_limit_is_the_request_where_none_is_given(tmp_path):
    found = web(facts(tmp_path, manifests={f"{WEB}.0.resources": {"limits": {"cpu": "400m", "memory": "256Mi"}}}))
    assert (found.requests.cpu_millicores, found.limits.cpu_millicores) == (400, 400)


def test_one_container_that_says_nothing_makes_the_sum_unknown(tmp_path):
    containers = [{"name": "web", "resources": {"requests": {"cpu": "200m"}}}, SIDECAR]
    found = web(facts(tmp_path, manifests={WEB: containers}))
    assert found.requests.cpu_millicores == 250
    assert found.limits.cpu_millicores is None
    assert found.requests.memory_bytes is None


def test_autoscaling_v1_is_a_cpu_target(tmp_path):
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 3, "targetCPUUtilizationPercentage": 70}
    found = web(facts(tmp_path, manifests={"hpa.apiVersion": "autoscaling/v1", "hpa.spec": spec}))
    assert found.cpu_target == (0, 70)
    assert found.autoscaling.min_replicas == 1


def test_an_hpa_whose_workload_is_not_there_is_still_one(tmp_path):
    found = web(facts(tmp_path, manifests={"deployment": GONE}))
    assert found.requests.cpu_millicores is None
    assert found.pod_source is None


def test_an_hpa_that_is_none_is_named_with_its_line(tmp_path):
    known = facts(tmp_path, manifests={"hpa.spec.maxReplicas": 1})
    with pytest.raises(BadInputError, match=r"manifests.yaml:\d+: .*HorizontalPodAutoscaler web-hpa: minReplicas 2 is greater"):
        _ = known.workloads


@given(st.integers(1, 1000), st.integers(0, 100))
def test_a_surge_in_per_cent_is_rounded_up(most, percent):
    surge = surge_of(most, f"{percent}%")
    assert 0 <= surge * 100 - most * percent < 100


@pytest.mark.parametrize(("text", "surge"), [(None, 3), (2, 2), ("2", 2), ("25%", 3), ("all", 0), ("x%", 0)])
def test_surges(text, surge):
    assert surge_of(10, text) == surge
