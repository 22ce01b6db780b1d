"""What runs now, as lines for a person."""

from scaleproof.report.status import status_lines

STATE = {
    "gateway_url": "http://127.0.0.1:8080",
    "cpu_limit": "cgroup",
    "services": {
        "orders": {
            "ready": 1,
            "desired": 2,
            "min": 1,
            "max": 5,
            "held": True,
            "replicas": [{"name": "orders-1", "state": "ready"}, {"name": "orders-2", "state": "starting"}],
        }
    },
    "components": [{"name": "envoy", "ready": True, "restarts": 0}, {"name": "redis", "ready": False, "restarts": 2}],
    "decisions": {"orders": {"message": "1 → 2: a metric is above its target"}},
}


def test_every_part_is_said():
    text = "\n".join(status_lines(STATE))
    for part in (
        "http://127.0.0.1:8080",
        "1–5",
        "orders-1 ready, orders-2 starting",
        "the autoscaler is suspended",
        "not ready, restarted 2 times",
        "orders: 1 → 2: a metric is above its target",
    ):
        assert part in text


def test_without_decisions_nothing_is_invented():
    lines = status_lines({**STATE, "decisions": {}})
    assert lines[-1].startswith("redis")
