"""The search on traffic: what it finds is the best there is, holds on other runs, is simple, and stays when asked again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.fixed_point import tuned, tuned_twice, wave
from benchmarks.reference import SERVICE
from fakes.progress import FakeProgress
from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import REPLICA_SECONDS, VIOLATED
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.worlds import world_of
from scaleproof.spec.errors import BadInputError, InfeasibleError
from scaleproof.spec.trace_file import Trace
from scaleproof.tuner.traffic import checkpoint, search
from scaleproof.tuner.traffic.checkpoint import Checkpoint, key_of
from scaleproof.tuner.traffic.knobs import TrafficKnobs
from scaleproof.tuner.traffic.question import TrafficQuestion, playable, rates_by_second, trials_of
from scaleproof.tuner.traffic.race import Judge, race


@pytest.fixture(scope="module")
def question() -> TrafficQuestion:
    return TrafficQuestion(SERVICE, [wave(1), wave(2, noise=0.05)], most_runs=8)


class Watched(FakeProgress):
    """Remembers how much was done, too; Ctrl-C is pressed when it is so much."""

    def __init__(self, interrupted_at: float = np.inf) -> None:
        super().__init__()
        self.expected = []
        self.notes = []
        self.done = []
        self.interrupted_at = interrupted_at

    def stage(self, title, seconds=None):
        super().stage(title, seconds)
        self.expected.append(seconds)

    def advance(self, elapsed_seconds, note=""):
        super().advance(elapsed_seconds, note)
        self.notes.append(note)
        self.done.append(float(note.split()[0].replace(",", "")))
        if self.done[-1] >= self.interrupted_at:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def watched():
    return Watched()


@pytest.fixture(scope="module")
def answer(question, watched):
    return search.tune_on_traffic(question, watched, lambda: 0.0)


def test_it_costs_less_than_the_default_and_holds_in_runs_never_seen(question, answer) -> None:
    assert answer.considered >= 3000
    assert answer.score.violation <= question.budget
    assert answer.score.cost < 0.8 * answer.default[1].cost
    for trace in question.traces:
        worlds = [world_of(trace.rates, SERVICE, seed=seed) for seed in range(500, 505)]
        found = evaluate(pack_policies([answer.spec], SERVICE), SERVICE, worlds)[0]
        assert found[:, VIOLATED].max() / trace.rates.sum() <= question.budget
        assert found[:, REPLICA_SECONDS].mean() < 8 * trace.rates.size


def test_racing_finds_what_brute_force_finds(question) -> None:
    judge = Judge(question, trials_of(question))
    grid = search.grid(question)
    raced = race(judge, grid)[0]
    brute = Judge(question, judge.trials)
    best = brute.best(grid)
    assert brute.scores[raced].violation <= question.budget
    assert brute.scores[raced].cost <= brute.scores[best].cost * 1.002
    assert len(judge.scores) < len(grid) / 4  # and it was a race


def test_progress_says_how_far_it_is(answer, watched) -> None:
    """Against what turned out: the share shown is never further than a quarter off, and never falls."""
    assert watched.stages == ["searching the policy"]
    done = watched.done
    shown = [elapsed / watched.expected[0] for elapsed in watched.elapsed]
    assert shown == sorted(shown)
    assert max(abs(share - played / done[-1]) for share, played in zip(shown, done, strict=True)) < 0.25
    assert all("s left" in note for note in watched.notes)


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_interrupted_and_continued_it_is_the_same_search(question, answer, watched, share, monkeypatch) -> None:
    """Ctrl-C in the middle of a play: what was saved last is continued, and only the rest is played."""
    monkeypatch.setattr(checkpoint, "PIECE_SECONDS", 3_000_000)
    whole, saved = watched.done[-1], []
    with pytest.raises(KeyboardInterrupt):
        interrupted = Checkpoint(key_of(question, "1"), saved.append)
        search.tune_on_traffic(question, Watched(share * whole), lambda: 0.0, interrupted)
    rest = Watched()
    continued = search.tune_on_traffic(question, rest, lambda: 0.0, Checkpoint(key_of(question, "1"), saved.append, saved[-1]))
    assert dataclasses.replace(continued, trials=()) == dataclasses.replace(answer, trials=())
    assert rest.done[-1] < (1.15 - share) * whole


def test_no_knob_is_turned_for_nothing(answer) -> None:
    assert all(worth.more_cost > search.TIE * answer.score.cost / 2 for worth in answer.worth)
    assert {worth.knob for worth in answer.worth} == set(answer.best.set_fields())


def test_the_frontier_only_gets_dearer_where_it_violates_less(answer) -> None:
    costs = [score.cost for _, score in answer.frontier]
    violations = [score.violation for _, score in answer.frontier]
    assert costs == sorted(costs)
    assert violations == sorted(violations, reverse=True)
    assert len(set(violations)) == len(violations)


def test_what_is_in_force_stays_where_it_is_as_good(question, answer) -> None:
    again = tuned(dataclasses.replace(question, current=answer.spec))
    assert again.kept is not None
    assert again.spec == answer.spec
    wasteful = TrafficKnobs(60, 2, 20).spec()
    replaced = tuned(dataclasses.replace(question, current=wasteful))
    assert replaced.kept is None
    assert replaced.spec == answer.spec


@pytest.mark.parametrize("number", range(2))
def test_tuning_the_tuned_changes_nothing_though_it_was_measured_anew(number) -> None:
    """Other traffic, and a calibration that finds capacity and CPU a little different; benchmarks/fixed_point.py does it for 20 services."""
    first, second = tuned_twice(number)
    assert second.spec == first.spec


def test_ten_rounds_do_not_drift() -> None:
    """Each round starts from the answer of the one before, on other runs; the target never ratchets."""
    question = TrafficQuestion(SERVICE, [wave(3, minutes=20)], most_runs=12)
    answer = tuned(question)
    current, targets = answer.spec, []
    for round_ in range(10):
        found = tuned(dataclasses.replace(question, current=current, seed=20 + round_))
        current = found.spec
        targets.append(current.metrics[0].resource.target.average_utilization)
    moves = np.diff([answer.best.target, *targets])
    assert np.count_nonzero(moves) <= 2
    assert abs(sum(np.sign(moves))) <= 1


def test_requests_per_replica_as_the_metric(question) -> None:
    found = tuned(dataclasses.replace(question, of_requests=True, most_runs=8))
    (metric,) = found.spec.metrics
    assert metric.type == "Pods"
    assert found.score.violation <= question.budget


def test_traffic_that_rises_faster_than_replicas_start_gets_them_beforehand() -> None:
    rates = np.full(1200, 140.0)
    rates[::300] = 700.0
    found = tuned(TrafficQuestion(SERVICE, [Trace("pulses", rates, 1.0, 0)], most_runs=8))
    assert found.best.minimum >= 5


@pytest.mark.parametrize(
    ("rates", "more", "says"),
    [
        (np.zeros(600), {}, "no request in it"),
        (np.full(20, 100.0), {}, "20 s long, but a replica takes up to 25 s to start"),
        (
            np.full(600, 1000.0),
            {"most_replicas": 7},
            "maxReplicas 7 hold 980 requests/s within the SLO, the highest peak is 1000",
        ),
        (np.full(600, 1000.0), {"budget": 0.0}, "a budget between 0 and 1"),
    ],
)
def test_what_cannot_be_tuned_is_said(rates, more, says) -> None:
    with pytest.raises(BadInputError, match=says):
        TrafficQuestion(SERVICE, [Trace("x", rates, 1.0, 0)], **more)


def test_where_nothing_holds_it_is_said_what_would() -> None:
    """Two seconds of 1,400 requests/s in ten minutes, and ten replicas allowed: variations of it are beyond them."""
    rates = np.full(1200, 140.0)
    rates[600:602] = 1400.0
    with pytest.raises(InfeasibleError, match="no policy with at most 10 replicas") as caught:
        tuned(TrafficQuestion(SERVICE, [Trace("x", rates, 1.0, 0)], most_replicas=10, most_runs=8))
    assert "needs 10 replicas at all times" in (caught.value.hint or "")


def test_intervals_become_seconds() -> None:
    assert rates_by_second(Trace("x", np.array([1.0, 2.0]), 3.0, 0)).tolist() == [1, 1, 1, 2, 2, 2]
    with pytest.raises(BadInputError, match=r"an interval is 0.5 s"):
        playable(Trace("x", np.array([1.0, 2.0, 3.0, 4.0]), 0.5, 0))
