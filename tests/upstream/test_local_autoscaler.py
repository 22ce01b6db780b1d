"""The embedded default's autoscaler, over timelines of the metrics it has: the same decisions, on its own clock."""

from __future__ import annotations

from random import Random

import pytest
from upstream.timelines import timeline
from upstream.verdict import Autoscaler, play

from scaleproof.hpa.controller import HorizontalController, Pod, Sample
from scaleproof.hpa.history import History, Recommendations, ScaleEvents
from scaleproof.hpa.quantities import NANOSECONDS, milli_value, parse_duration, parse_time
from scaleproof.spec.autoscaling import AutoscalingSpec

ORIGIN = parse_time("2026-01-01T00:00:00Z")
TIMELINES = 150


class LocalAutoscaler(Autoscaler):
    """`HorizontalController`, shown what the case says."""

    def __init__(self):
        super().__init__()
        self._controller = None
        self._applied = None

    def decide(self, case, read):
        spec = {key: value for key, value in case["hpa"]["spec"].items() if key != "scaleTargetRef"}
        if self._controller is None:
            self._controller = HorizontalController(AutoscalingSpec.model_validate(spec), options=read.options)
        elif spec != self._applied:
            self._controller.apply(AutoscalingSpec.model_validate(spec))
        self._applied = spec
        metrics = {}
        for item in case.get("customMetrics", {}).get("items", ()):
            metrics.setdefault(item["metric"]["name"], {})[item["describedObject"]["name"]] = milli_value(item["value"])
        decision = self._controller.reconcile(
            seconds(case["now"]), current_replicas=read.seen.current_replicas, pods=pods(case), metrics=metrics
        )
        self.history = since_1970(self._controller._history)
        return decision


def seconds(time):
    """Of the caller's clock, which here starts at ORIGIN."""
    return (parse_time(time) - ORIGIN) / NANOSECONDS


def pods(case):
    samples = {item["metadata"]["name"]: item for item in case.get("podMetrics", {}).get("items", ())}
    for item in case["pods"]["items"]:
        ready = item["status"]["conditions"][0]
        sample = samples.get(item["metadata"]["name"])
        requests = item["spec"]["containers"][0]["resources"]["requests"]
        yield Pod(
            item["metadata"]["name"],
            phase=item["status"]["phase"],
            start_time=seconds(item["status"]["startTime"]),
            ready=ready["status"] == "True",
            ready_since=seconds(ready["lastTransitionTime"]),
            deleting="deletionTimestamp" in item["metadata"],
            requests_milli={name: milli_value(value) for name, value in requests.items()},
            samples={} if sample is None else {name: usage(sample, name) for name in requests},
        )


def usage(sample, name):
    window = parse_duration(sample["window"]) / NANOSECONDS
    return Sample(milli_value(sample["containers"][0]["usage"][name]), seconds(sample["timestamp"]), window)


def since_1970(history):
    times = lambda entries: [time + ORIGIN for time in entries.times]
    events = lambda kept: ScaleEvents(list(kept.changes), times(kept), list(kept.outdated))
    kept = history.recommendations
    recommendations = None if kept is None else Recommendations(list(kept.values), times(kept))
    return History(recommendations, events(history.up), events(history.down))


@pytest.mark.parametrize("chunk", range(2))
def test_upstream_goes_the_same_way(compare, first_seed, chunk):
    rescaled = 0
    for seed in range(first_seed + chunk * TIMELINES, first_seed + (chunk + 1) * TIMELINES):
        cases, ours = play(timeline(Random(seed), kinds=("Resource", "Pods")), LocalAutoscaler())
        assert (found := compare(f"local-{seed}", cases, ours)) is None, found
        rescaled += sum(answer["rescaled"] is not None for answer, _ in ours)
    assert rescaled > 2 * TIMELINES
