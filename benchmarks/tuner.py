"""Policies tuned on one part of traffic, judged on the rest, beside what other tools would choose: docs/benchmarks.md.

    .venv/bin/python -m benchmarks.tuner FOLDER [--quick] [--write]

FOLDER holds traces as CSV files (docs/traffic.md says where to get some). `--quick`: generated traffic alone; `--write` makes
docs/benchmarks.md anew.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import PEERS
from benchmarks.reference import SERVICE, Silence
from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import REPLICA_SECONDS, VIOLATED
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.worlds import clairvoyant_replicas, world_of
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import InfeasibleError
from scaleproof.spec.trace_file import Trace, read_trace, scaled
from scaleproof.tuner.traffic import search
from scaleproof.tuner.traffic.question import TrafficQuestion, rates_by_second
from scaleproof.tuner.traffic.search import tune_on_traffic

ROOT = Path(__file__).resolve().parents[1]
PEAK = 1000.0
BUDGET = 0.001
LEAST, MOST = 2, 50
SEEDS = range(900, 905)
"""Of the runs that judge; no tuning ever uses them."""
MOST_SECONDS = 2 * 86_400
FEWEST_AT_PEAK = 100.0
"""Traces with a lower peak are not trained on: scaled up, each of their requests would be many at once, as in no real traffic."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Over all runs of one trace."""

    cost: float
    """Replica-seconds relative to the clairvoyant's, mean."""
    violation: float
    """The worst run's share of requests."""

    @property
    def holds(self) -> bool:
        """In every run."""
        return self.violation <= BUDGET


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


def rows_of_later_traffic(traces: Mapping[str, Floats]) -> list[tuple[str, list[Judged | None]]]:
    """Trained on the first half of each trace, judged on its second half."""
    parts = halves(traces)
    rows: list[tuple[str, list[Judged | None]]] = []
    for peer in PEERS:
        rows.append((peer.name, [by_peer(peer.rule, peer.kind, first, second) for first, second in parts.values()]))
        print(line(*rows[-1]), flush=True)
    ours = [(tuned([as_trace(name, first)]), second) for name, (first, second) in parts.items()]
    rows.append(("**scaleproof**", [None if spec is None else judged(spec, second) for spec, second in ours]))
    print(line(*rows[-1]), flush=True)
    of_requests = [(tuned([as_trace(name, first)], of_requests=True), second) for name, (first, second) in parts.items()]
    rows.append(
        ("scaleproof, requests per replica", [None if spec is None else judged(spec, second) for spec, second in of_requests])
    )
    print(line(*rows[-1]), flush=True)
    rows.append(("hindsight (grid, on the judging runs)", [hindsight(second) for _, second in parts.values()]))
    print(line(*rows[-1]), flush=True)
    return rows


def rows_of_unseen_traffic(traces: Mapping[str, Floats]) -> list[tuple[str, str, Judged | None, Judged | None]]:
    """(trace, policy, judged, hindsight): trained on all other traces."""
    whole = {name: to_peak(rates) for name, rates in traces.items()}
    rows = []
    for name, rates in whole.items():
        spec = tuned(
            [as_trace(other, whole[other]) for other, each in traces.items() if other != name and each.max() >= FEWEST_AT_PEAK]
        )
        rows.append(
            (
                name,
                "nothing holds" if spec is None else _short(spec),
                None if spec is None else judged(spec, rates),
                hindsight(rates),
            )
        )
        print(rows[-1], flush=True)
    return rows


def _short(spec: AutoscalingSpec) -> str:
    (metric,) = spec.metrics
    target = metric.resource.target.average_utilization if metric.resource else None
    return f"{spec.min_replicas}-{spec.max_replicas} at {target} %"


def cell(found: Judged | None) -> str:
    """`1.301`, with the violation where it does not hold."""
    if found is None:
        return "–"
    return f"{found.cost:.3f}" if found.holds else f"{found.cost:.3f} (violates {100 * found.violation:.2g} %)"


def line(name: str, found: Sequence[Judged | None]) -> str:
    """A row of a table, with how many hold and their mean cost."""
    holding = [each for each in found if each is not None and each.holds]
    mean = (
        f"{np.mean([each.cost for each in holding]):.3f}"
        if len(holding) == len(found)
        else f"holds on {len(holding)} of {len(found)}"
    )
    return "| " + " | ".join([name, *(cell(each) for each in found), mean]) + " |"


def page(
    traces: Mapping[str, Floats],
    later: list[tuple[str, list[Judged | None]]],
    unseen: list[tuple[str, str, Judged | None, Judged | None]],
) -> str:
    """docs/benchmarks.md."""
    names = list(traces)
    text = [
        "# Benchmarks of the tuner",
        "",
        "Made by `.venv/bin/python -m benchmarks.tuner FOLDER --write`; [docs/traffic.md](traffic.md) says where to get traces.",
        "",
        (
            "One service: 2.5 ms CPU a request, request 250m, limit 500m, within the SLO up to 140 requests/s a replica, start-up 15 to 25 s; "
            "2 to 50 replicas; every trace scaled to a peak of 1,000 requests/s. Figures are replica-seconds relative to the clairvoyant's (the fewest "
            "replicas that hold each second, known in advance, without start-up). A policy holds where at most 0.1 % of requests are violated in the worst of "
            "five runs that differ in start-up times and phases; otherwise the violation stands beside the cost."
        ),
        "",
        "## Trained on the first half of a trace, judged on the second",
        "",
        "| | " + " | ".join(names) + " | mean, where all hold |",
        "|" + "---|" * (len(names) + 2),
        *(line(name, found) for name, found in later),
        "",
        (
            "Every peer is its own tool's rule, written anew from its documentation and source (`benchmarks/peers`, each with its source); a mean over traces "
            "says nothing of a policy that does not hold on all of them."
        ),
        "",
        "## Trained on all other traces, judged on one never seen",
        "",
        f"(Left out of training: traces of fewer than {FEWEST_AT_PEAK:g} requests/s at their recorded peak. Scaled up, each request becomes many at once.)",
        "",
        "| trace | policy | cost | hindsight |",
        "|---|---|---|---|",
        *(f"| {name} | {policy} | {cell(found)} | {cell(best)} |" for name, policy, found, best in unseen),
        "",
    ]
    return "\n".join(text)


def main() -> int:
    """Prints the tables as they come."""
    arguments = [each for each in sys.argv[1:] if not each.startswith("--")]
    quick, write = "--quick" in sys.argv, "--write" in sys.argv
    if (not arguments and not quick) or set(sys.argv[1:]) - set(arguments) - {"--quick", "--write"}:
        print(__doc__, file=sys.stderr)
        return 2
    traces = generated()
    if not quick:
        traces = {**recorded(Path(arguments[0])), **traces}
    print("| | " + " | ".join(traces) + " | mean |")
    later = rows_of_later_traffic(traces)
    unseen = rows_of_unseen_traffic(traces)
    text = page(traces, later, unseen)
    if write:
        (ROOT / "docs/benchmarks.md").write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
