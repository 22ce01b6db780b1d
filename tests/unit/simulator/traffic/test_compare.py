"""What policies would have done with recorded traffic: figures over runs, and the bounds of what is simulated."""

import numpy as np
import pytest

from scaleproof.simulator.traffic import compare as module
from scaleproof.simulator.traffic.compare import compare
from scaleproof.simulator.traffic.policies import pack_policies, requests_at_target
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import BadInputError

SERVICE = ServiceModel(
    cpu_seconds_per_request=0.0025,
    capacity_per_second=140,
    request_millicores=250,
    limit_millicores=500,
    start_seconds=(15, 25),
)
QUIET_THEN_BUSY = np.concatenate((np.full(600, 100.0), np.full(600, 400.0)))


def policy(utilization=80, low=1, high=20, **metric):
    cpu = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": utilization}},
    }
    return AutoscalingSpec.model_validate({"minReplicas": low, "maxReplicas": high, "metrics": [metric or cpu]})


def compared(*specs, rates=QUIET_THEN_BUSY, seeds=range(1, 6), **options):
    return compare(rates, pack_policies(specs, SERVICE), SERVICE, seeds=seeds, least_replicas=1, **options)


def test_a_policy_that_never_changes_costs_its_replicas():
    figures = compared(policy(low=5, high=5)).figures[0]
    assert figures.mean_replicas.value == pytest.approx(5)
    assert figures.replica_hours.value == pytest.approx(5 * 1200 / 3600)
    assert figures.core_hours.value == pytest.approx(5 * 1200 / 3600 * 0.25)
    assert (figures.rescales.value, figures.most_replicas, figures.worst_violation) == (0, 5, 0)
    assert figures.holds(0.0)


def test_the_clairvoyant_has_what_each_second_needs():
    best = compared(policy()).clairvoyant
    assert best.mean_replicas == pytest.approx((1 + 3) / 2)  # 100 and 400 requests/s at 140 a replica
    assert best.most_replicas == 3
    assert compared(policy(low=5, high=5)).figures[0].to_clairvoyant.value == pytest.approx(5 / 2)


def test_too_few_replicas_violate_every_busy_second():
    figures = compared(policy(low=1, high=2)).figures[0]
    assert figures.worst_violation == pytest.approx(400 / 500, abs=0.001)  # of all requests, those of the busy half
    assert not figures.holds(0.5)
    assert figures.holds(0.81)


def test_the_interval_is_over_seeds_and_the_worst_one_can_be_run_again():
    found = compared(policy(utilization=110), seeds=range(1, 21))
    figures = found.figures[0]
    assert figures.violation.low < figures.violation.high <= figures.worst_violation
    (again,) = compared(policy(utilization=110), seeds=[figures.worst_seed]).figures
    assert again.worst_violation == figures.worst_violation


def test_the_same_seeds_give_the_same_figures_however_many_are_held_in_memory(monkeypatch):
    both = (policy(), policy(utilization=110))
    whole = compared(*both)
    monkeypatch.setattr(module, "_SECONDS_AT_ONCE", 1)
    done = []
    assert compared(*both, advance=done.append) == whole
    assert sum(done) == 2 * 5 * QUIET_THEN_BUSY.shape[0]


def test_a_policy_is_refused_by_its_files_name():
    external = {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "3"}}}
    for spec, says in (
        (policy(**external), r"b.yaml: .*External queue cannot be simulated"),
        (policy(low=0), "b.yaml: minReplicas 0"),
        (policy(high=200_000), "b.yaml: maxReplicas 200000; traffic is simulated with at most 100000"),
        (policy().model_copy(update={"metrics": policy().metrics * 2}), "b.yaml: 2 metrics"),
    ):
        with pytest.raises(BadInputError, match=says):
            pack_policies([policy(), spec], SERVICE, ["a.yaml", "b.yaml"])


def test_what_a_replica_serves_at_each_kind_of_target():
    def value(kind, source, quantity):
        return {"type": kind, kind.lower(): {**source, "target": {"type": "AverageValue", "averageValue": quantity}}}

    packed = pack_policies(
        [
            policy(80),  # of 250m: 0.2 cores, at 2.5 ms a request
            policy(**value("Resource", {"name": "cpu"}, "300m")),
            policy(**value("Pods", {"metric": {"name": "requests_per_second"}}, "90")),
        ],
        SERVICE,
    )
    assert list(requests_at_target(packed, SERVICE)) == pytest.approx([80, 120, 90])
