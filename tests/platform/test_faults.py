"""kill -9 of everything that can be killed, under load: each comes back, and the report shows the dip."""

import os
import signal
import time

import pytest

from scaleproof.report.dips import dips_of


def pid_of(status, name):
    if name in status["services"]:
        return status["services"][name]["replicas"][0]["pid"]
    return next(component["pid"] for component in status["components"] if component["name"] == name)


def is_whole(status):
    return all(component["ready"] for component in status["components"]) and all(
        service["ready"] >= service["min"] for service in status["services"].values()
    )


@pytest.mark.timeout(420)
def test_everything_killed_comes_back(project):
    project.edit_policy("minReplicas: 1", "minReplicas: 2")
    project.scaleproof("up")
    load = project.start("load", "--users", "1000", "--shape", "steps", "--label", "faults")
    time.sleep(25)
    for victim in ("orders", "redis", "postgres", "autoscaler", "envoy"):
        before = pid_of(project.status(), victim)
        os.kill(before, signal.SIGKILL)
        deadline = time.monotonic() + 45
        while True:
            time.sleep(1)
            status = project.status()
            if is_whole(status) and pid_of(status, victim) != before:
                break
            assert time.monotonic() < deadline, f"{victim} did not come back: {status['components']}"
        time.sleep(5)
    out, err = load.communicate(timeout=360)
    assert load.returncode in {0, 1, 3}, out + err
    run = project.last_run()
    crashed = set(run.events[run.events["kind"] == "crashed"]["component"])
    assert {"orders", "redis", "postgres", "autoscaler", "envoy"} <= crashed
    assert {dip.component for dip in dips_of(run)} >= {"envoy", "postgres"}, "the report names what failed requests"
    late = run.requests[run.requests["intended_s"] > run.meta.duration_seconds - 20]
    assert late["ok"].mean() == 1.0, "everything works again at the end"
