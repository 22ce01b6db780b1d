"""What changed since the baseline, in words; secrets are not repeated."""

from __future__ import annotations

from fakes import world
from fakes.rule_facts import facts
from scaleproof.report.explanation import Attribution, calibration_changes, explain, platform_changes
from scaleproof.rules.catalogue import rule_of
from scaleproof.rules.rule import Finding
from scaleproof.simulator.calibration import Estimate
from scaleproof.spec.platform import Platform
from scaleproof.tuner.baseline import Baseline, BaselineLoad, Figures
from scaleproof.tuner.regression import Outcome

LOAD = BaselineLoad(users=6000, shape="ramp", think_seconds=(20, 40), seed=1, requests={})


def baseline_of(known, **changes: object) -> Baseline:
    figures = Figures(seeds=[1], cost=[1.0], violation={"orders": [0.0]})
    fields = {
        "written_by": "1.0",
        "stack": "dev",
        "load": LOAD,
        "platform": known.platform,
        "policy": known.policy,
        "calibration": known.calibration,
        "simulated": figures,
    }
    return Baseline(**{**fields, **changes})


def missed() -> Finding:
    return Finding(rule_of("slo-missed"), "orders: 20 %", "Pulumi.dev.yaml", 1, "x", "orders")


def test_nothing_changed(tmp_path):
    known = facts(tmp_path)
    assert explain(baseline_of(known), known, [], version="1.0") == ("nothing changed since the baseline was written",)


def test_policy_platform_calibration_and_version(tmp_path):
    (tmp_path / "before").mkdir()
    before = facts(tmp_path / "before")
    now = facts(
        tmp_path,
        policy={"services.orders.autoscaling.maxReplicas": 3},
        platform={"services.orders.postgres_connections": 40, "gateway.request_timeout_seconds": 20},
        calibration={"services.orders.cpu_seconds_per_request": {"value": 0.008, "low": 0.008, "high": 0.008}},
    )
    lines = explain(baseline_of(before), now, [missed()], version="1.1")
    assert "policy: orders: most replicas 6 → 3" in lines
    assert "platform: services.orders.postgres_connections: 4 → 40" in lines
    assert "platform: gateway.request_timeout_seconds: 15.0 → 20.0" in lines
    assert "calibration: orders: cpu per request 4 ms → 8 ms" in lines
    assert "scaleproof: 1.0 → 1.1; the simulator may answer differently" in lines
    assert "orders: the peak of 200 requests/s needs 4 replicas: set maxReplicas to 5 or more (it is 3)" in lines
    assert lines[-1].startswith("`scaleproof tune --dry-run`")


def test_what_each_part_is_responsible_for(tmp_path):
    def exactly(value: float) -> Estimate:
        return Estimate(value=value, low=value, high=value)

    known = facts(tmp_path)
    part = Attribution("policy", Outcome("simulated", exactly(1234.0), {"orders": exactly(0.01), "front": exactly(0.2)}))
    lines = explain(baseline_of(known), known, [], [part], version="1.0")
    assert lines[-1] == (
        "with the baseline's policy and everything else as it is now: violation of the worst service 20 %, cost 1,234 core-seconds"
    )


def test_without_a_baseline_only_what_would_mend_it(tmp_path):
    known = facts(tmp_path)
    assert explain(None, known, [], version="1.0") == ()
    assert explain(None, known, [missed()], version="1.0") == (
        "`scaleproof tune --dry-run` shows the cheapest policy that keeps the SLO",
    )


def test_secrets_are_not_repeated():
    before = world.platform()
    orders = before.services["orders"].model_copy(
        update={"environment": {"A": "hunter1"}, "command": ["run", "--token=hunter2"]}
    )
    gateway = {"jwt": {"issuer": "https://u:hunter3@id.example", "audiences": ["a"], "jwks_url": "https://id.example/jwks"}}
    after = Platform.model_validate({**before.model_dump(by_alias=True), "gateway": gateway})
    after = after.model_copy(update={"services": {**after.services, "orders": orders}})
    lines = platform_changes(before, after)
    assert "platform: services.orders.command changed" in lines
    assert any("https://***@id.example" in line for line in lines)
    assert not any("hunter" in line for line in lines)


def test_services_that_come_and_go():
    known = world.truth()
    alone = known.model_copy(update={"services": {"orders": known.services["orders"]}})
    assert calibration_changes(alone, known) == ["calibration: dashboard is new"]
    assert calibration_changes(known, alone) == ["calibration: dashboard is gone"]
    assert calibration_changes(known, known) == []


def test_noise_of_a_calibration_is_not_a_change():
    known = world.truth()
    orders = known.services["orders"]
    nearly = orders.model_copy(update={"memory_peak_bytes": int(orders.memory_peak_bytes * 1.01)})
    assert calibration_changes(known, replace_service(known, nearly)) == []
    more = orders.model_copy(update={"memory_peak_bytes": orders.memory_peak_bytes * 2})
    assert calibration_changes(known, replace_service(known, more)) == ["calibration: orders: memory peak 100 MiB → 200 MiB"]


def replace_service(known, orders):
    return known.model_copy(update={"services": {**known.services, "orders": orders}})
