from __future__ import annotations

import pytest

from scaleproof.spec.errors import CannotMeasureError, ExitCode
from scaleproof.telemetry.marks import assert_measurable, marked_seconds, marked_share


def host(second, cpu=0.5, steal=0.0, lag=0.001):
    return {"time_s": second + 0.5, "cpu_share": cpu, "steal_share": steal, "generator_lag_s": lag}


def test_a_quiet_machine_marks_nothing(make_run):
    run = make_run(duration_seconds=100, host=[host(t) for t in range(100)])
    assert marked_share(run) == 0
    assert_measurable(run)


def test_two_seconds_of_a_hundred_may_be_disturbed_and_a_third_may_not(make_run):
    rows = [host(t) for t in range(100)]
    rows[10], rows[20] = host(10, cpu=0.9), host(20, lag=0.05)
    assert_measurable(make_run(duration_seconds=100, host=rows))
    rows[30] = host(30, cpu=0.99)
    with pytest.raises(CannotMeasureError) as caught:
        assert_measurable(make_run(duration_seconds=100, host=rows))
    assert caught.value.exit_code == ExitCode.CANNOT_MEASURE
    assert "3.0%" in caught.value.message
    assert caught.value.message.index("CPU was above 85 %") < caught.value.message.index("10 ms late"), "worst first"
    assert "--processes" in (caught.value.hint or "")


def test_a_second_with_two_reasons_is_one_second(make_run):
    run = make_run(duration_seconds=100, host=[host(5, cpu=0.9, steal=0.2), host(6)])
    marked = marked_seconds(run)
    assert marked["second"].tolist() == [5]
    assert marked.loc[0, ["host-cpu", "steal", "generator-lag"]].tolist() == [True, True, False]


def test_what_happens_after_the_load_is_not_marked(make_run):
    run = make_run(duration_seconds=10, host=[host(11, cpu=1.0)])
    assert marked_share(run) == 0


def test_unknown_values_mark_nothing(make_run):
    run = make_run(duration_seconds=10, host=[host(1, cpu=float("nan"), lag=float("nan"))])
    assert marked_share(run) == 0
