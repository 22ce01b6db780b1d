"""Replicas scale 1 → many → 1 under a spike, and scaling itself fails no request."""

import pytest

from scaleproof.telemetry.cost import replica_counts


@pytest.mark.timeout(420)
def test_scaling_up_and_down_fails_no_request(project):
    # 25 % so that what one replica can hold makes many replicas; neither overload nor the machine is what is tested here.
    project.edit_policy("averageUtilization: 80", "averageUtilization: 25")
    project.edit_policy("stabilizationWindowSeconds: 60", "stabilizationWindowSeconds: 30")
    project.scaleproof("up")
    # Whether the SLO holds, or the machine is quiet enough to say so, does not matter: 0, 1 and 3 are all fine.
    project.scaleproof("load", "--users", "1800", "--shape", "spike", "--label", "spike", expect=(0, 1, 3))
    run = project.last_run()
    counts = replica_counts(run, "orders")
    assert counts["total"].iloc[0] == 1, "one at first"
    assert counts["total"].max() >= 3, "many under the spike"
    assert counts["total"].iloc[-1] == 1, "few afterwards"
    failed = run.requests[~run.requests["ok"]]
    # A replica that is full while the next ones start refuses by itself, saying when to come again: too few replicas, not scaling.
    by_scaling = failed[failed["error"] != "http 503, retry later"]
    by_kind = by_scaling.groupby(["status", "error"]).size().to_dict()
    assert by_kind == {}, "no reset, no 502, no 503 of the gateway, no timeout"
    assert len(failed) < 0.05 * len(run.requests), "the platform answered: the above says something"
    drained = run.events[run.events["kind"] == "draining"]
    assert len(drained) >= 2, "replicas were really taken away under load"
