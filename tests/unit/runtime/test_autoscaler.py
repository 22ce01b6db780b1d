import itertools
from typing import Any

import pytest

from scaleproof.runtime.autoscaler import POLL_SECONDS, SYNC_SECONDS, Autoscaler

START = 1000.0


def service(replicas: int, use: float | None, *, most: int = 5, window: int = 60) -> dict[str, Any]:
    """A service of ready pods that each use that share of their request."""
    sample = None
    if use is not None:
        sample = {"usage_nanocores": int(use * 1e8), "memory_bytes": 2**20, "timestamp": START, "window_seconds": 15.0}
    pods = [
        {
            "name": f"orders-{number}",
            "created_at": START - 900,
            "ready": True,
            "transition_at": START - 890,
            "deleted": False,
            "requests": {"cpu_millicores": 100, "memory_bytes": 2**20},
            "sample": sample,
        }
        for number in range(replicas)
    ]
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    behavior = {"scaleDown": {"stabilizationWindowSeconds": window}}
    autoscaling = {"minReplicas": 1, "maxReplicas": most, "metrics": [metric], "behavior": behavior}
    return {"autoscaling": autoscaling, "replicas": replicas, "pods": pods}


def state(epoch: int = 0, **services: dict[str, Any]) -> dict[str, Any]:
    return {"epoch": epoch, "services": services}


def synced(autoscaler: Autoscaler, now: float, **services: dict[str, Any]) -> list[dict[str, Any]]:
    """The decisions of the first sync at or after `now`."""
    for tenth in range(200):
        decisions = autoscaler.sync(now + tenth / 10, state(**services))
        if decisions:
            return decisions
    pytest.fail("no sync within 20 s")


def test_twice_the_target_doubles_the_replicas() -> None:
    (decision,) = synced(Autoscaler(seed=1), START, orders=service(2, 1.6))
    assert (decision["current"], decision["desired"], decision["utilization"], decision["target"]) == (2, 4, 160, 80)
    assert decision["service"] == "orders"
    assert "4" in decision["message"]


def test_a_sync_comes_every_fifteen_seconds_and_is_recorded_also_when_nothing_changes() -> None:
    autoscaler = Autoscaler(seed=1)
    times = [
        decision["time"]
        for tenth in range(600)
        for decision in autoscaler.sync(START + tenth / 10, state(orders=service(2, 0.8)))
    ]
    assert len(times) == 4
    assert {round(later - earlier, 6) for earlier, later in itertools.pairwise(times)} == {SYNC_SECONDS}


def test_the_first_phase_is_drawn_from_the_seed() -> None:
    def first(seed: int) -> float:
        return synced(Autoscaler(seed), START, orders=service(1, 0.8))[0]["time"]

    assert first(1) == first(1)
    assert len({first(seed) for seed in range(6)}) > 3


def test_after_a_pause_syncs_are_not_caught_up() -> None:
    autoscaler = Autoscaler(seed=1)
    synced(autoscaler, START, orders=service(1, 0.8))
    assert len(autoscaler.sync(START + 500, state(orders=service(1, 0.8)))) == 1
    assert autoscaler.sync(START + 500.1, state(orders=service(1, 0.8))) == []


def test_the_scale_down_window_is_remembered_until_a_new_epoch() -> None:
    autoscaler = Autoscaler(seed=1)
    assert synced(autoscaler, START, orders=service(4, 0.8))[0]["desired"] == 4
    (held,) = synced(autoscaler, START + 20, orders=service(4, 0.1))
    assert held["desired"] == 4
    decisions = []
    for tenth in range(1000):
        decisions += autoscaler.sync(START + 40 + tenth / 10, state(epoch=1, orders=service(4, 0.1)))
    # Forgotten: the window starts again with the present count and ends a minute later.
    assert [decision["desired"] for decision in decisions[:3]] == [4, 4, 4]
    assert decisions[-1]["desired"] == 1


def test_an_edited_policy_keeps_the_memory_and_counts_at_once() -> None:
    autoscaler = Autoscaler(seed=1)
    synced(autoscaler, START, orders=service(4, 0.8))
    (decision,) = synced(autoscaler, START + 20, orders=service(4, 0.1, most=3))
    assert decision["desired"] == 3


def test_without_samples_nothing_is_scaled_and_the_reason_says_why() -> None:
    (decision,) = synced(Autoscaler(seed=1), START, orders=service(2, None))
    assert decision["desired"] == 2
    assert decision["reason"] == "FailedGetResourceMetric"


def test_it_waits_for_the_next_sync_but_looks_every_second() -> None:
    autoscaler = Autoscaler(seed=1)
    assert autoscaler.wait_seconds(START) == POLL_SECONDS
    due = synced(autoscaler, START, orders=service(1, 0.8))[0]["time"] + SYNC_SECONDS
    assert autoscaler.wait_seconds(due - 0.25) == pytest.approx(0.25, abs=0.11)
    assert autoscaler.wait_seconds(due + 99) == 0


def test_while_every_service_is_held_it_does_not_spin() -> None:
    autoscaler = Autoscaler(seed=1)
    synced(autoscaler, START, orders=service(2, 0.8))
    for second in range(30, 90):
        assert autoscaler.sync(START + second, state()) == [], "a held service is absent, and not decided upon"
        assert autoscaler.wait_seconds(START + second) > 0
    (decision,) = synced(autoscaler, START + 90, orders=service(2, 0.8))
    assert decision["time"] < START + 90 + SYNC_SECONDS, "its rhythm went on"
