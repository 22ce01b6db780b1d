from __future__ import annotations

import pytest

from scaleproof.cluster.pods import seconds, view

AT = "2026-11-24T00:00:00Z"
LATER = "2026-11-24T00:00:07Z"


def pod(**status: object) -> dict:
    return {
        "metadata": {"name": "orders-1-a", "creationTimestamp": AT, "labels": {"app.kubernetes.io/name": "orders"}},
        "status": {"phase": "Running", "startTime": AT, **status},
    }


READY = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": LATER}]}
UNREADY = {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": LATER}]}


@pytest.mark.parametrize(
    ("status", "was_ready", "state"),
    [
        ({}, False, "starting"),  # nothing said of it yet
        (UNREADY, False, "starting"),  # its probe has not succeeded yet
        (READY, False, "ready"),
        (UNREADY, True, "unready"),  # its probe fails again
        ({"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}, True, "failed"),
        ({"phase": "Failed"}, True, "failed"),
    ],
)
def test_state(status: dict, was_ready: bool, state: str) -> None:
    assert view(pod(**status)).state(was_ready=was_ready) == state


def test_a_pod_that_is_asked_to_go_drains_since_it_was_asked() -> None:
    going = pod(**READY)
    going["metadata"] |= {"deletionTimestamp": "2026-11-24T00:01:10Z", "deletionGracePeriodSeconds": 30}
    seen = view(going)
    assert seen.state(was_ready=True) == "draining"
    assert seen.deleted_at == seconds("2026-11-24T00:00:40Z")


def test_times_and_restarts() -> None:
    ended = {"restartCount": 2, "lastState": {"terminated": {"reason": "OOMKilled"}}}
    seen = view(pod(**READY, containerStatuses=[ended]))
    assert seen.ready_at - seen.created_at == 7
    assert (seen.restarts, seen.last_end, seen.finished) == (2, "OOMKilled", False)
