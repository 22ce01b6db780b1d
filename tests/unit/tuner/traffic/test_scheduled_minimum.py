"""A minimum at times of the day: it pays where every morning rises faster than replicas start, and is not made up where nothing repeats."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pytest

from benchmarks.fixed_point import wave
from benchmarks.reference import SERVICE
from fakes.output_readers import documents
from fakes.progress import FakeProgress
from scaleproof.report.outputs.keda import RequestRate
from scaleproof.report.outputs.keda_cron import keda_cron
from scaleproof.report.scheduled_minimum import schedule_json, schedule_lines
from scaleproof.simulator.traffic.schedule import EVERY_DAY, Schedule, Window, scheduled_replicas
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.trace_file import Trace
from scaleproof.tuner.traffic import search
from scaleproof.tuner.traffic.daily_pattern import DailyPattern
from scaleproof.tuner.traffic.knobs import TrafficKnobs
from scaleproof.tuner.traffic.question import TrafficQuestion, trials_of
from scaleproof.tuner.traffic.race import Judge
from scaleproof.tuner.traffic.scheduled_minimum import (
    OnLaterDays,
    ScheduledMinimum,
    judged,
    schedule_on_traffic,
    split_in_time,
    under_schedule,
)
from scaleproof.tuner.traffic.windows import MOST_WINDOWS

MONDAY = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
MINUTES = np.arange(1440)


def office_day(seed: int) -> np.ndarray:
    """Requests/s of every minute: 220 at night, from 08:00 to 18:00 between 800 and 980, from one minute to the next."""
    noise = np.random.default_rng(seed).uniform(0.95, 1.0, MINUTES.size)
    return np.where((MINUTES >= 480) & (MINUTES < 1080), 900 + 80 * np.sin(MINUTES / 60), 220) * noise


def office(days: int) -> Trace:
    return Trace("office.csv", np.concatenate([office_day(day) for day in range(days)]), 60.0, 0, MONDAY)


@pytest.fixture(scope="module")
def question():
    return TrafficQuestion(SERVICE, [office(2)], most_runs=4)


@pytest.fixture(scope="module")
def found(question):
    with pytest.MonkeyPatch.context() as patched:
        # A coarse grid will do: test_search.py looks at the search itself.
        grid = search.grid(question)[::30]
        patched.setattr(search, "grid", lambda question: grid)
        patched.setattr(search, "PASSES", 1)
        return schedule_on_traffic(question, "UTC", FakeProgress(), lambda: 0.0)


def test_a_steep_morning_pays_for_a_schedule(found, question):
    assert found.pattern.explained > 0.9
    assert (found.tuned_seconds, found.judged_seconds) == (86_400, 86_400)
    assert found.pays
    assert found.with_schedule.violation <= question.budget
    assert found.with_schedule.cost < 0.9 * found.without.cost
    assert 1 <= len(found.schedule.windows) <= MOST_WINDOWS
    opening = [window for window in found.schedule.windows if window.opens + 2 * 15 > 480 > window.opens]
    assert opening, "a window opens before 08:00"
    assert all(480 - window.opens >= 1 for window in opening)


def test_it_is_judged_as_it_is_printed(found, question):
    """The later day, played under the triggers of the ScaledObject, costs what was said."""
    (document,) = documents(keda_cron(found, "orders", None).text)
    spec = document["spec"]
    assert (document["kind"], spec["scaleTargetRef"]["name"]) == ("ScaledObject", "orders")
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (found.with_schedule.knobs.minimum, question.maximum)
    cpu, *crons = spec["triggers"]
    assert cpu == {
        "type": "cpu",
        "metricType": "Utilization",
        "metadata": {"value": str(found.with_schedule.knobs.target)},
    }
    assert [trigger["type"] for trigger in crons] == ["cron"] * len(found.schedule.windows)
    read_again = []
    for trigger in crons:
        told = trigger["metadata"]
        start, end = (int(cron.split()[1]) * 60 + int(cron.split()[0]) for cron in (told["start"], told["end"]))
        read_again.append(Window(EVERY_DAY, start, (end - start) % 1440, int(told["desiredReplicas"])))
    again = judged(question, [split_in_time(office(2))[1]], found.with_schedule.knobs, Schedule(tuple(read_again), "UTC"))
    assert again == found.with_schedule


def test_the_summary_says_what_it_is_worth(found):
    text = "\n".join(schedule_lines(found))
    for words in ("the time of day explains", "tuned on the first 1 d, judged on the last 1 d", "without windows", "every day"):
        assert words in text
    data = schedule_json(found)
    assert data["pays"] is True
    assert data["windows"][0]["start"] == found.schedule.windows[0].start_cron


def test_where_nothing_repeats_nothing_is_searched():
    rates = np.repeat(np.random.default_rng(3).uniform(100, 900, 2 * 96), 15)
    progress = FakeProgress()
    found = schedule_on_traffic(TrafficQuestion(SERVICE, [Trace("x", rates, 60.0, 0, MONDAY)]), "UTC", progress, lambda: 0.0)
    assert not found.pays
    assert found.without is None
    assert progress.stages == []
    assert "no schedule: less than 20 % is no pattern to rely on" in schedule_lines(found)
    assert schedule_json(found)["windows"] == []


@pytest.mark.parametrize(
    ("trace", "zone", "says"),
    [
        (dataclasses.replace(office(2), began=None), "UTC", "do not say which time of the day it was"),
        (office(1), "UTC", "24 h long; what comes back every day shows in 2 days at the least"),
        (office(2), "Europe/Nowhere", "time zone 'Europe/Nowhere' is not known"),
    ],
)
def test_what_no_schedule_can_be_made_of(trace, zone, says):
    with pytest.raises(BadInputError, match=says):
        schedule_on_traffic(TrafficQuestion(SERVICE, [trace]), zone, FakeProgress(), lambda: 0.0)


@pytest.mark.parametrize(("days", "later"), [(2, 1), (3, 1), (5, 1), (6, 2), (24, 8)])
def test_whole_later_days_are_held_out(days, later):
    trace = Trace("x", np.arange(days * 96.0 + 5), 900.0, 0, MONDAY)
    before, after = split_in_time(trace)
    assert after.rates.size == later * 96
    assert np.concatenate((before.rates, after.rates)).tolist() == trace.rates.tolist()
    assert after.began == MONDAY + before.rates.size * 900


def test_runs_under_a_schedule_are_the_same_runs():
    """With one that asks for nothing, the same comes of them."""
    trace = dataclasses.replace(wave(1, minutes=10), began=MONDAY)
    question = TrafficQuestion(SERVICE, [trace], most_runs=4)
    trials = trials_of(question)
    nothing = under_schedule(trials, [trace], Schedule((), "UTC"))
    some = under_schedule(trials, [trace], Schedule((Window(EVERY_DAY, 2, 5, 9),), "UTC"))
    knobs = [TrafficKnobs(100, 2, 12)]
    plain = Judge(question, trials).whole(knobs)
    assert Judge(question, nothing).whole(knobs) == plain
    assert Judge(question, some).whole(knobs)[0].cost > plain[0].cost
    assert (
        some[0].world.scheduled.tolist()
        == scheduled_replicas(Schedule((Window(EVERY_DAY, 2, 5, 9),), "UTC"), MONDAY, 600).tolist()
    )


def figures(cost, violation, target=100):
    return OnLaterDays(TrafficKnobs(target, 2, 16), cost, violation, 10.0)


@pytest.mark.parametrize(
    ("without", "scheduled", "pays", "says"),
    [
        (figures(1.2, 0.0), figures(1.15, 0.0005), True, "it pays: 4.2 % cheaper"),
        (figures(1.2, 0.0), figures(1.195, 0.0), False, "it is not cheaper by 1 %"),
        (figures(1.2, 0.0), figures(1.1, 0.002), False, "the later days are violated by more than 0.1 %"),
        (figures(1.2, 0.002), figures(1.3, 0.001), True, "without them it does not"),
        (None, figures(1.1, 0.0), True, "without them it does not"),
        (None, figures(1.1, 0.002), False, "the later days are violated"),
        (figures(1.2, 0.002), figures(1.1, 0.0011), False, "the later days are violated"),
        (figures(1.2, 0.0), None, False, "on the earlier days, none holds and is cheaper by 1 %"),
    ],
)
def test_what_pays(question, without, scheduled, pays, says):
    schedule = None if scheduled is None else Schedule((Window(EVERY_DAY, 479, 601, 7),), "UTC")
    minimum = ScheduledMinimum(
        question, "UTC", DailyPattern(0.9, (EVERY_DAY,), 3), 86_400, 86_400, without, schedule, scheduled
    )
    assert minimum.pays is pays
    assert says in "\n".join(schedule_lines(minimum))
    assert ("07:59 to 18:00" in "\n".join(schedule_lines(minimum))) is pays


def test_requests_are_read_out_of_a_prometheus(question):
    knobs = TrafficKnobs(112_500, 2, 16, of_requests=True, up_tolerance=0.0)
    minimum = ScheduledMinimum(
        question,
        "Europe/Berlin",
        DailyPattern(0.9, (EVERY_DAY,), 3),
        86_400,
        86_400,
        figures(1.2, 0.0),
        Schedule((Window((1, 2, 3, 4, 5), 479, 601, 7),), "Europe/Berlin"),
        OnLaterDays(knobs, 1.1, 0.0, 9.0),
    )
    text = keda_cron(minimum, "orders", RequestRate("http://prometheus:9090", "sum(rate(x[1m]))")).text
    (document,) = documents(text)
    prometheus, cron = document["spec"]["triggers"]
    assert prometheus["metadata"] == {
        "serverAddress": "http://prometheus:9090",
        "query": "sum(rate(x[1m]))",
        "threshold": "112.5",
    }
    assert cron == {
        "type": "cron",
        "metadata": {"timezone": "Europe/Berlin", "start": "59 7 * * 1-5", "end": "0 18 * * 1-5", "desiredReplicas": "7"},
    }
    assert "tolerance needs Kubernetes 1.35" in text
    with pytest.raises(BadInputError, match="which KEDA asks a Prometheus for"):
        keda_cron(minimum, "orders", None)
