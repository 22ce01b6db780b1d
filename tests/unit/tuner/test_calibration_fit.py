"""What a staircase with an odd platform behind it is made of; the ordinary case is in test_calibrate.py."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fakes.world import platform, policy
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.tuner.calibration_fit import fit_service
from scaleproof.tuner.staircase import Climb, Staircase


def climb(replicas: int, rates: tuple[float, ...], *, good: float = 1.0, cores=lambda rate, n: 0.004 + 0.006 * rate, host=0.5):
    """Replicas that use `cores(rate of one, number)` in each 5 s step; `good` of the last step's requests are in time."""
    stairs = Staircase(frozenset({"orders"}), rates, 5.0)
    times, ends, slow = [], [], []
    for index, rate in enumerate(rates):
        step = index * 5.0 + np.arange(0, 5, 1 / rate)
        late = np.arange(step.size) % 10 >= 10 * good if index == len(rates) - 1 else np.zeros(step.size, bool)
        times.append(step)
        slow.append(late)
        ends.append(step + np.where(late, 0.6, 0.01))
    intended, finished = np.concatenate(times), np.concatenate(ends)
    schedule = pd.DataFrame({"action": np.arange(intended.size), "service": "orders", "intended_s": intended})
    requests = schedule.assign(step=0, sent_s=intended, finished_s=finished, status=200, ok=True)
    rows = []
    for second in range(-2, int(stairs.duration_seconds) + 1):
        rate = 0.0 if second <= 0 else rates[min((second - 1) // 5, len(rates) - 1)] / replicas
        rows += [(float(second), "orders", f"orders-{n}", "ready", cores(rate, n)) for n in range(replicas)]
    seen = pd.DataFrame(rows, columns=["time_s", "service", "replica", "state", "cpu_cores"])
    machine = pd.DataFrame({"time_s": np.arange(20.0), "cpu_share": host})
    tables = {"schedule": schedule, "requests": requests, "replicas": seen, "host": machine}
    return Climb(staircase=stairs, replicas={"orders": replicas}, tables=tables)


def life():
    rows = [(1.0, "starting", 0.15), (5.0, "ready", 0.01)]
    table = pd.DataFrame(rows, columns=["time_s", "state", "cpu_cores"])
    table = table.assign(service="orders", replica="orders-1", memory_bytes=2**26)
    return {"replicas": table, "events": pd.DataFrame(columns=["time_s", "kind", "component", "replica"])}


def fitted(climbs):
    return fit_service("orders", climbs, overload=OVERLOADED, spec=platform(), policy=policy(), life=life(), callees={}, seed=1)


SINGLE = climb(1, (8.0, 14.0, 18.0, 22.0))
OVERLOADED = climb(1, (40.0,))


def test_four_replicas_that_hold_four_times_as_much():
    found = fitted([SINGLE, climb(4, (40.0, 64.0))])
    assert found.bottleneck is None
    assert found.capacity_by_replicas[4] == pytest.approx(4 * found.capacity_per_second.value)
    assert found.cpu_seconds_per_request.value == pytest.approx(0.006, rel=0.02)
    assert (found.highest_replicas, found.memory_peak_bytes) == (4, 2**26)


@pytest.mark.parametrize(("host", "name"), [(0.97, "the host's CPU"), (0.5, "the datastores")])
def test_growth_that_stops_names_who_is_saturated(host, name):
    stuck = climb(4, (24.0, 40.0), good=0.5, host=host, cores=lambda rate, n: 0.004 + 0.006 * rate)
    found = fitted([SINGLE, stuck])
    assert found.bottleneck == name
    assert found.capacity_by_replicas[4] < 3 * found.capacity_by_replicas[1]


def test_new_replicas_whose_first_requests_are_dearer_warm_up():
    def cold(rate: float, number: int) -> float:
        early = 1.6 if number > 0 and rate < 11 else 1.0
        return 0.004 + 0.006 * rate * early

    found = fitted([SINGLE, climb(4, (40.0, 64.0), cores=cold)])
    assert found.warm_up_seconds == 5.0
    assert found.warm_up_factor == pytest.approx(1.57, abs=0.08)


def test_replicas_that_cost_the_same_do_not_warm_up():
    assert (fitted([SINGLE, climb(4, (40.0, 64.0))]).warm_up_seconds, fitted([SINGLE]).warm_up_factor) == (0.0, 1.0)


def test_cpu_that_does_not_grow_with_requests():
    with pytest.raises(CannotMeasureError, match="does not grow"):
        fitted([climb(1, (8.0, 14.0), cores=lambda rate, n: 0.02)])


def test_no_cpu_sample_at_all():
    blind = Climb(SINGLE.staircase, SINGLE.replicas, {**SINGLE.tables, "replicas": SINGLE.tables["replicas"].iloc[:0]})
    with pytest.raises(CannotMeasureError, match="no CPU sample"):
        fitted([blind])
