from __future__ import annotations

import pytest

from scaleproof.cluster.trouble import Patience, Scene, happened_at, troubles

NOW = 1_795_478_400.0
STAMP = "2026-11-24T00:00:00Z"


def pod(state: dict | None = None, conditions: list | None = None, **container: object) -> dict:
    status = {"containerStatuses": [{"name": "orders", "image": "orders:9", "state": state or {}, **container}]}
    return {"metadata": {"namespace": "shop", "name": "orders-1"}, "status": {**status, "conditions": conditions or []}}


def waiting(reason: str, message: str = "") -> dict:
    return {"waiting": {"reason": reason, "message": message}}


def event(reason: str, message: str, stamp: str = STAMP) -> dict:
    involved = {"kind": "ReplicaSet", "namespace": "shop", "name": "orders-6c9"}
    return {
        "metadata": {"namespace": "shop"},
        "reason": reason,
        "message": message,
        "involvedObject": involved,
        "lastTimestamp": stamp,
    }


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_pulled(reason: str) -> None:
    (found,) = troubles(Scene(NOW, [pod(waiting(reason, 'rpc error: "not found"'))], []))
    assert found.code == "image"
    assert "orders:9 of shop/orders-1 cannot be pulled" in found.message
    assert "tag" in found.hint


def test_a_quota_says_what_was_asked_and_what_is_left() -> None:
    message = (
        'Error creating: pods "orders-x" is forbidden: exceeded quota: small, requested: requests.cpu=150m, '
        "used: requests.cpu=450m, limited: requests.cpu=500m"
    )
    (found,) = troubles(Scene(NOW, [], [event("FailedCreate", message)]))
    assert found.message == (
        "the ResourceQuota small of namespace shop is too small: replicaset shop/orders-6c9 needs requests.cpu=150m more, "
        "requests.cpu=450m of requests.cpu=500m are used"
    )


def test_pods_that_a_policy_refuses() -> None:
    message = 'Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
    (found,) = troubles(Scene(NOW, [], [event("FailedCreate", message)]))
    assert found.code == "admission"
    assert "PodSecurity" in found.message


def test_no_room_a_missing_secret_and_a_container_that_keeps_ending() -> None:
    no_room = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1",
    }
    pods = [
        pod(conditions=[no_room]),
        pod(waiting("CreateContainerConfigError", 'secret "redis-auth" not found')),
        pod(waiting("CrashLoopBackOff"), restartCount=3, lastState={"terminated": {"exitCode": 1, "reason": "Error"}}),
        pod(waiting("CrashLoopBackOff"), restartCount=1),
    ]
    found = troubles(Scene(NOW, pods, []))
    assert [each.code for each in found] == ["configuration", "scheduling", "crash"]
    assert "Insufficient cpu." in found[1].message
    assert "preemption" not in found[1].message


def test_what_goes_and_what_was_before_does_not_count() -> None:
    going = pod(waiting("ImagePullBackOff"))
    going["metadata"]["deletionTimestamp"] = STAMP
    old = event("FailedCreate", "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1", "2026-11-23T23:50:00Z")
    assert troubles(Scene(NOW, [going], [old])) == []
    recent = event("FailedCreate", old["message"])
    assert troubles(Scene(NOW, [], [recent], since=NOW + 1)) == []


def test_a_trouble_may_pass_within_its_patience() -> None:
    patience = Patience()
    broken = [pod(waiting("ErrImagePull"))]
    assert patience.lasting(Scene(NOW, broken, [])) is None
    assert patience.lasting(Scene(NOW + 9, broken, [])) is None
    assert patience.lasting(Scene(NOW + 9.5, [pod({"running": {}})], [])) is None
    assert patience.lasting(Scene(NOW + 11, broken, [])) is None
    assert patience.lasting(Scene(NOW + 21, broken, [])).code == "image"


def test_when_an_event_was_last_seen() -> None:
    assert happened_at({"metadata": {"creationTimestamp": STAMP}}) == NOW
    assert happened_at({"metadata": {}, "series": {"lastObservedTime": "2026-11-24T00:00:05.5Z"}}) == NOW + 5.5
