"""Policies tuned on one part of traffic, judged on the rest, beside what other tools would choose: docs/benchmarks.md.

    .venv/bin/python -m benchmarks.tuner FOLDER [--quick] [--write]

FOLDER holds traces as CSV files (docs/traffic.md says where to get some). `--quick`: generated traffic alone; `--write` keeps the
figures in benchmarks/tuner.json and makes docs/benchmarks.md and its picture of them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import PEERS
from benchmarks.reference import SERVICE, Silence
from benchmarks.tuner_page import BUDGET, Figures, Judged, Later, Scheduled, Unseen, line, write_pages
from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import REPLICA_SECONDS, VIOLATED
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.worlds import clairvoyant_replicas, world_of
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import InfeasibleError
from scaleproof.spec.trace_file import Trace, read_trace, scaled
from scaleproof.tuner.traffic import search
from scaleproof.tuner.traffic.question import DAY_SECONDS, TrafficQuestion, duration, rates_by_second
from scaleproof.tuner.traffic.scheduled_minimum import LEAST_DAYS, schedule_on_traffic
from scaleproof.tuner.traffic.search import tune_on_traffic

MORNINGS = Path(__file__).resolve().parents[1] / "docs/examples/traffic/mornings.csv"
PEAK = 1000.0
LEAST, MOST = 2, 50
SEEDS = range(900, 905)
"""Of the runs that judge; no tuning ever uses them."""
MOST_SECONDS = 2 * 86_400
FEWEST_AT_PEAK = 100.0
"""Traces with a lower peak are not trained on: scaled up, each of their requests would be many at once, as in no real traffic."""
Floats = NDArray[np.float64]


def judged(spec: AutoscalingSpec, rates: Floats) -> Judged:
    """One policy on one trace."""
    worlds = [world_of(rates, SERVICE, seed=seed) for seed in SEEDS]
    found = evaluate(pack_policies([spec], SERVICE), SERVICE, worlds)[0]
    return _judged(found[:, REPLICA_SECONDS], found[:, VIOLATED], rates)


def _judged(replica_seconds: Floats, violated: Floats, rates: Floats) -> Judged:
    best = float(clairvoyant_replicas(rates, SERVICE, at_least=LEAST).sum())
    return Judged(float(replica_seconds.mean()) / best, float(violated.max()) / float(rates.sum()))


def by_peer(rule: object, kind: str, training: Floats, rates: Floats) -> Judged:
    """What a peer would have done after seeing `training`."""
    if kind == "policy":
        return judged(rule(training, SERVICE), rates)  # type: ignore[operator]
    runs = np.array([rule(rates, SERVICE, seed=seed) for seed in SEEDS])  # type: ignore[operator]
    return _judged(runs[:, 0], runs[:, 1], rates)


def hindsight(rates: Floats) -> Judged | None:
    """The cheapest policy of the search's own grid that holds on the very runs that judge; None where none does."""
    question = TrafficQuestion(SERVICE, [as_trace("test", rates)], most_replicas=MOST)
    specs = [knobs.spec() for knobs in search.grid(question)]
    worlds = [world_of(rates, SERVICE, seed=seed) for seed in SEEDS]
    found = evaluate(pack_policies(specs, SERVICE), SERVICE, worlds)
    violation = found[:, :, VIOLATED].max(axis=1) / rates.sum()
    cost = found[:, :, REPLICA_SECONDS].mean(axis=1) / clairvoyant_replicas(rates, SERVICE, at_least=LEAST).sum()
    holding = np.flatnonzero(violation <= BUDGET)
    if holding.size == 0:
        return None
    best = holding[np.argmin(cost[holding])]
    return Judged(float(cost[best]), float(violation[best]))


def tuned(training: Sequence[Trace], **more: object) -> AutoscalingSpec | None:
    """Ours; None where it says that nothing within the bounds holds."""
    question = TrafficQuestion(SERVICE, training, budget=BUDGET, least_replicas=LEAST, most_replicas=MOST, **more)  # type: ignore[arg-type]
    try:
        return tune_on_traffic(question, Silence(), time.monotonic).spec
    except InfeasibleError:
        return None


def as_trace(name: str, rates: Floats) -> Trace:
    """Rates of every second."""
    return Trace(name, rates, 1.0, 0)


def generated() -> dict[str, Floats]:
    """Families of traffic, two hours each, with noise that has a memory of some seconds as real traffic has."""
    seconds = np.arange(7200.0)
    random = np.random.default_rng(7)

    def noisy(level: Floats, noise: float) -> Floats:
        steps = random.standard_normal(seconds.size)
        kept = np.empty_like(steps)
        value = 0.0
        for index, step in enumerate(steps):
            value = 0.6 * value + 0.8 * step
            kept[index] = value
        rates: Floats = np.maximum(0.0, level * (1 + noise * kept))
        return rates

    bursts = np.full(seconds.size, 0.45)
    for begin in random.uniform(0, 7200, 8):
        bursts += 0.35 * np.clip((seconds - begin) / 90, 0, 1) * np.exp(-np.clip(seconds - begin, 0, None) / 240)
    families = {
        "two waves": noisy(0.6 + 0.35 * np.sin(2 * np.pi * seconds / 3600), 0.015),
        "constant": noisy(np.full(seconds.size, 0.8), 0.02),
        "bursts": noisy(bursts, 0.03),
        "morning": noisy(0.3 + 0.6 / (1 + np.exp(-(seconds - 3600) / 500)), 0.03),
    }
    return {name: PEAK * rates for name, rates in families.items()}


def recorded(folder: Path) -> dict[str, Floats]:
    """Every CSV file of the folder; of long ones the last two days."""
    return {file.stem: rates_by_second(read_trace(file))[-MOST_SECONDS:] for file in sorted(folder.glob("*.csv"))}


def to_peak(rates: Floats) -> Floats:
    """With its highest second at PEAK."""
    return rates_by_second(scaled(as_trace("", rates), PEAK))


def halves(traces: Mapping[str, Floats]) -> dict[str, tuple[Floats, Floats]]:
    """(first, second) part in time, scaled alike."""
    parts = {}
    for name, rates in traces.items():
        whole = to_peak(rates)
        middle = whole.size // 2
        parts[name] = whole[:middle], whole[middle:]
    return parts


def later_traffic(traces: Mapping[str, Floats]) -> list[Later]:
    """Trained on the first half of each trace, judged on its second half."""
    parts = halves(traces)
    rows: list[Later] = []

    def add(name: str, found: Sequence[Judged | None]) -> None:
        rows.append(Later(name, tuple(found)))
        print(line(rows[-1]), flush=True)

    for peer in PEERS:
        add(peer.name, [by_peer(peer.rule, peer.kind, first, second) for first, second in parts.values()])
    add("**scaleproof**", [ours(name, first, second) for name, (first, second) in parts.items()])
    add(
        "scaleproof, requests per replica",
        [ours(name, first, second, of_requests=True) for name, (first, second) in parts.items()],
    )
    add("hindsight (grid, on the judging runs)", [hindsight(second) for _, second in parts.values()])
    return rows


def ours(name: str, first: Floats, second: Floats, **more: object) -> Judged | None:
    """Tuned on one part, judged on the other."""
    spec = tuned([as_trace(name, first)], **more)
    return None if spec is None else judged(spec, second)


def unseen_traffic(traces: Mapping[str, Floats]) -> list[Unseen]:
    """Trained on all other traces."""
    whole = {name: to_peak(rates) for name, rates in traces.items()}
    rows = []
    for name, rates in whole.items():
        spec = tuned(
            [as_trace(other, whole[other]) for other, each in traces.items() if other != name and each.max() >= FEWEST_AT_PEAK]
        )
        rows.append(
            Unseen(
                name,
                "nothing holds" if spec is None else _short(spec),
                None if spec is None else judged(spec, rates),
                hindsight(rates),
            )
        )
        print(rows[-1], flush=True)
    return rows


def offices() -> Trace:
    """Two weeks of minutes: every working day rises within ten minutes of 08:00 and falls in the evening, weekends are quiet."""
    random = np.random.default_rng(11)
    minutes = np.arange(14 * 1440)
    of_day, day = minutes % 1440, minutes // 1440
    rises = np.clip((of_day - 480) / 10, 0, 1) * np.clip((1140 - of_day) / 120, 0, 1)
    working = np.where(day % 7 < 5, 1.0, 0.15)  # noqa: PLR2004  it begins on a Monday
    level = 0.15 + 0.7 * working * rises - 0.15 * working * np.exp(-(((of_day - 750) / 40) ** 2))
    rates = PEAK * np.maximum(0.02, level * (1 + 0.02 * random.standard_normal(minutes.size)))
    return Trace("offices", rates, 60.0, 0, began=20_605 * float(DAY_SECONDS))


def scheduled_minimums(long: Sequence[Trace]) -> list[Scheduled]:
    """Of every trace of days: tuned on the earlier ones, with a schedule and without, judged on the later ones."""
    rows = []
    for trace in long:
        question = TrafficQuestion(SERVICE, [scaled(trace, PEAK)], budget=BUDGET, least_replicas=LEAST, most_replicas=MOST)
        found = schedule_on_traffic(question, "UTC", Silence(), time.monotonic)
        without, beside = found.without, found.with_schedule
        rows.append(
            Scheduled(
                trace.name.removesuffix(".csv"),
                found.pattern.explained,
                found.tuned_seconds / DAY_SECONDS,
                found.judged_seconds / DAY_SECONDS,
                None if without is None else Judged(without.cost, without.violation),
                None if beside is None else Judged(beside.cost, beside.violation),
                0 if found.schedule is None else len(found.schedule.windows),
                found.pays,
            )
        )
        print(rows[-1], flush=True)
    return rows


def days_of(folder: Path) -> list[Trace]:
    """The folder's traces that a schedule can be made of."""
    known = [read_trace(file) for file in sorted(folder.glob("*.csv"))]
    return [trace for trace in known if trace.began is not None and duration(trace) >= LEAST_DAYS * DAY_SECONDS]


def _short(spec: AutoscalingSpec) -> str:
    (metric,) = spec.metrics
    target = metric.resource.target.average_utilization if metric.resource else None
    return f"{spec.min_replicas}-{spec.max_replicas} at {target} %"


def main() -> int:
    """Prints the rows as they come."""
    arguments = [each for each in sys.argv[1:] if not each.startswith("--")]
    quick, write = "--quick" in sys.argv, "--write" in sys.argv
    if (not arguments and not quick) or set(sys.argv[1:]) - set(arguments) - {"--quick", "--write"}:
        print(__doc__, file=sys.stderr)
        return 2
    traces, long = generated(), [read_trace(MORNINGS), offices()]
    if not quick:
        traces = {**recorded(Path(arguments[0])), **traces}
        long = [*days_of(Path(arguments[0])), *long]
    print("| | " + " | ".join(traces) + " | mean |")
    figures = Figures(
        tuple(traces), tuple(later_traffic(traces)), tuple(unseen_traffic(traces)), tuple(scheduled_minimums(long))
    )
    if write:
        write_pages(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
