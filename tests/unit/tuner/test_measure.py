from __future__ import annotations

import pytest

from fakes.world import plan, policy, world
from scaleproof.spec.autoscaling import HorizontalPodAutoscalerBehavior
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.policy import Policy
from scaleproof.spec.shapes import Shape, spike
from scaleproof.telemetry.run import read_run
from scaleproof.telemetry.summary import summarise
from scaleproof.tuner.measure import is_steady, measure, settle_seconds

SHORT = Shape("ramp", ((0.0, 1.0), (20.0, 1.0)))


def with_down(rules: dict[str, object] | None) -> Policy:
    base = policy()
    behavior = None if rules is None else HorizontalPodAutoscalerBehavior.model_validate({"scaleDown": rules})
    orders = base.services["orders"]
    changed = orders.model_copy(update={"autoscaling": orders.autoscaling.model_copy(update={"behavior": behavior})})
    return base.model_copy(update={"services": {**base.services, "orders": changed}})


def test_a_run_is_written_whole_and_read_back(tmp_path):
    here = world()
    run = measure(here.rig, plan(users=200, shape=SHORT), policy(), label="load", run_root=tmp_path)
    again = read_run(run.path)
    assert run.path.parent == tmp_path
    assert again.meta == run.meta
    assert (again.meta.label, again.meta.users, again.meta.machine) == ("load", 200, {"digest": "machine-1"})
    assert summarise(again).requests == len(run.schedule) > 100


def test_it_observes_until_the_steady_count_is_back(tmp_path):
    here = world()
    shape = spike(base=0.1, lead=5, rise=5, hold=40, fall=2, tail=5)  # the load ends while replicas are still many
    run = measure(here.rig, plan(shape=shape), policy(), label="a", run_root=tmp_path)
    assert run.replicas["time_s"].max() > run.meta.duration_seconds + 30
    assert is_steady(here.platform, policy())


def test_a_service_that_never_comes_back_is_cut_off(tmp_path):
    here = world()
    stuck = here.platform.states()["orders"]
    here.platform.states = lambda: {"orders": stuck, "dashboard": stuck.__class__(desired=2, ready=2, total=2)}
    measure(here.rig, plan(users=200, shape=SHORT), policy(), label="a", run_root=tmp_path)
    assert any("not back at the steady count" in line for line in here.progress.lines)


def test_two_runs_in_the_same_second_have_two_folders(tmp_path):
    here = world()
    first = measure(here.rig, plan(users=50, shape=SHORT), policy(), label="a", run_root=tmp_path)
    here.platform.busy_until, here.platform.now = 0.0, first.meta.started_at - 3.0
    second = measure(here.rig, plan(users=50, shape=SHORT), policy(), label="a", run_root=tmp_path)
    assert second.path.name == f"{first.path.name}-2"


def test_an_interrupted_load_is_kept_and_ends_it_all(tmp_path):
    here = world()
    here.generator.interrupt_at = 1
    with pytest.raises(KeyboardInterrupt):
        measure(here.rig, plan(users=200, shape=SHORT), policy(), label="a", run_root=tmp_path)
    assert [read_run(folder).meta.interrupted for folder in tmp_path.iterdir()] == [True]


def test_a_load_without_requests(tmp_path):
    here = world()
    here.generator.weights = {}
    with pytest.raises(CannotMeasureError, match="no request at all"):
        measure(here.rig, plan(users=200, shape=SHORT), policy(), label="a", run_root=tmp_path)


@pytest.mark.parametrize(
    ("down", "seconds"),
    [
        (None, 300 + 90),  # Kubernetes' default window, and some syncs
        ({"stabilizationWindowSeconds": 120}, 120 + 90),
        ({"stabilizationWindowSeconds": 60, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]}, 60 + 90 + 90),
    ],
)
def test_settling_may_take_what_the_policy_needs(down, seconds):
    assert settle_seconds(with_down(down)) == seconds
