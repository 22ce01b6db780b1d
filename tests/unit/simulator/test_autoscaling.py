from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaleproof.hpa.controller import HorizontalController, Pod, Sample
from scaleproof.hpa.reasons import NAMES
from scaleproof.simulator import autoscaling, layout
from scaleproof.simulator.autoscaling_spec import held, pack
from scaleproof.simulator.layout import READY, STARTING, Slots
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import BadInputError

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
CPU_VALUE = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "120m"}}}
REQUESTS = {"type": "Pods", "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "20"}}}
BEHAVIORS = [
    None,
    {},
    {"scaleDown": {"stabilizationWindowSeconds": 60}},
    {
        "scaleUp": {"stabilizationWindowSeconds": 30, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]},
        "scaleDown": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Min",
            "tolerance": "0.2",
            "policies": [
                {"type": "Percent", "value": 50, "periodSeconds": 60},
                {"type": "Pods", "value": 1, "periodSeconds": 45},
            ],
        },
    },
    {"scaleUp": {"selectPolicy": "Disabled"}, "scaleDown": {"tolerance": "0"}},
]


def spec_of(metrics: list[object], behavior: object, low: int = 1, high: int = 8) -> AutoscalingSpec:
    document: dict[str, object] = {"minReplicas": low, "maxReplicas": high, "metrics": metrics}
    if behavior is not None:
        document["behavior"] = behavior
    return AutoscalingSpec.model_validate(document)


def slots_of(count: int) -> Slots:
    return Slots(
        np.zeros((count, layout.CPU_COLUMNS)),
        np.zeros((count, layout.QUEUE_COLUMNS), np.int64),
        np.zeros((count, layout.LIFE_COLUMNS)),
        np.zeros((count, layout.STATE_COLUMNS), np.int64),
        np.full((count, layout.SAMPLE_COLUMNS), np.nan),
    )


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    behavior=st.sampled_from(BEHAVIORS),
    metrics=st.sampled_from([[CPU], [CPU_VALUE], [REQUESTS], [CPU, REQUESTS], []]),
)
def test_the_kernel_decides_as_the_controller_does(seed, behavior, metrics):
    """Twenty-five syncs over random pods and samples: the same count and the same reason every time."""
    rng = np.random.default_rng(seed)
    spec = spec_of(metrics, behavior)
    packed = pack(spec, 200, sync_seconds=15.0)
    memory = autoscaling.new_memory(packed.ints)
    controller = HorizontalController(spec)
    current = int(rng.integers(1, 9))
    for sync in range(25):
        now = 1000.0 + 15.0 * sync
        table = slots_of(12)
        pods = []
        for index in range(current):
            kind = int(rng.choice([READY, READY, READY, STARTING]))
            created = now - float(rng.choice([5.0, 20.0, 200.0, 900.0]))
            changed = created + float(rng.uniform(0, now - created))
            table.state[index, layout.STATE] = kind
            table.life[index, layout.CREATED] = created
            table.life[index, layout.CHANGED_AT] = changed
            sampled = rng.random() < 0.8
            cores, requests = float(rng.uniform(0, 0.4)), float(rng.uniform(0, 60))
            sample_at = now - float(rng.uniform(0, 15))
            if sampled:
                row = table.samples[index]
                row[layout.SAMPLE_AT], row[layout.SAMPLE_WINDOW] = sample_at, 15.0
                row[layout.SAMPLE_CPU_NANO], row[layout.SAMPLE_REQUESTS] = np.floor(cores * 1e9), requests
            milli = int(np.ceil(np.floor(cores * 1e9) / 1e6))
            pod = Pod(
                name=f"p{index}",
                start_time=created,
                ready=kind == READY,
                ready_since=changed,
                requests_milli={"cpu": 200},
                samples={"cpu": Sample(milli, sample_at, 15.0)} if sampled else {},
            )
            pods.append((pod, int(np.ceil(requests * 1000))))
        served = {"requests": {pod.name: value for pod, value in pods if pod.samples}}
        expected = controller.reconcile(now, current_replicas=current, pods=[pod for pod, _ in pods], metrics=served)
        desired, reason, _ = autoscaling.decide(
            now, current, table, packed.ints, packed.floats, packed.rules, packed.metrics, memory
        )
        assert (desired, NAMES[reason]) == (expected.desired_replicas, expected.reason)
        current = desired


@pytest.mark.parametrize(
    ("current", "desired", "why"), [(9, 8, "AboveMaxReplicas"), (1, 2, "BelowMinReplicas"), (0, 0, "ScalingDisabled")]
)
def test_outside_the_bounds_metrics_do_not_matter(current, desired, why):
    packed = pack(spec_of([CPU], {}, low=2), 200, sync_seconds=15.0)
    memory = autoscaling.new_memory(packed.ints)
    table = slots_of(12)
    table.state[:current, layout.STATE] = READY
    found = autoscaling.decide(0.0, current, table, packed.ints, packed.floats, packed.rules, packed.metrics, memory)
    assert (found[0], NAMES[found[1]]) == (desired, why)


def test_what_cannot_be_simulated_is_refused():
    memory = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Mi"}}}
    with pytest.raises(BadInputError, match=r"services.shop.autoscaling.metrics: Resource memory cannot be simulated"):
        pack(spec_of([memory], None), 200, sync_seconds=15.0, service="shop")


def test_a_held_count_has_no_metric():
    assert held(3).ints[autoscaling.METRIC] == autoscaling.METRIC_NONE
