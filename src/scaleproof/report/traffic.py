"""What policies would have done with recorded traffic, as lines of text and as JSON. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scaleproof import __version__
from scaleproof.report.columns import aligned
from scaleproof.report.wording import amount, number, percent, plural
from scaleproof.simulator.autoscaling import MAX_REPLICAS
from scaleproof.simulator.calibration import Estimate
from scaleproof.simulator.traffic.compare import Comparison
from scaleproof.simulator.traffic.policies import PackedPolicies, requests_at_target
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.trace_file import Trace

COMPARISON_VERSION: Final = 1
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True)
class Compared:
    """The policies that were compared, and for which service."""

    names: tuple[str, ...]
    policies: PackedPolicies
    service: ServiceModel
    budget: float
    """The share of requests that may be violated, in each trace."""


@dataclass(frozen=True)
class OnTrace:
    """What came of it on one trace."""

    trace: Trace
    rates: NDArray[np.float64]
    """Requests of every second."""
    comparison: Comparison
    notes: tuple[str, ...]


def holding(compared: Compared, found: Sequence[OnTrace]) -> tuple[str, ...]:
    """The policies that keep the budget on every trace."""
    return tuple(
        name
        for index, name in enumerate(compared.names)
        if all(each.comparison.figures[index].holds(compared.budget) for each in found)
    )


def traffic_notes(compared: Compared, trace: Trace, rates: NDArray[np.float64]) -> tuple[str, ...]:
    """What a reader must know of the trace and the bounds before believing a figure."""
    service, notes = compared.service, []
    if trace.absent:
        notes.append(
            f"{trace.name}: {trace.absent:,} of {trace.rates.size:,} intervals ({percent(trace.absent / trace.rates.size)}) have no "
            "value; filled with a straight line between their neighbours"
        )
    if rates.shape[0] <= service.start_seconds[1]:
        notes.append(
            f"{trace.name}: {span(rates.shape[0])} long, and a replica takes up to {service.start_seconds[1]:g} s to start: hardly "
            "anything that a policy does shows"
        )
    peak = float(rates.max())
    at_target = requests_at_target(compared.policies, service)
    for index, name in enumerate(compared.names):
        highest = int(compared.policies.ints[index, MAX_REPLICAS])
        if peak > highest * service.capacity_per_second:
            notes.append(
                f"{name}: maxReplicas {highest} holds at most {amount(highest * service.capacity_per_second)} requests/s, the peak of "
                f"{trace.name} is {amount(peak)}: needs {math.ceil(peak / service.capacity_per_second)}"
            )
        if at_target[index] > service.capacity_per_second:
            notes.append(
                f"{name}: at its target a replica serves {amount(float(at_target[index]))} requests/s, more than the "
                f"{amount(service.capacity_per_second)} that it holds within the SLO"
            )
    return tuple(notes)


def comparison_lines(compared: Compared, found: Sequence[OnTrace]) -> list[str]:
    """A table a trace, what to know of it, and which policies hold."""
    lines = []
    for each in found:
        lines += [*_heading(compared, each), *aligned(_rows(compared, each)), *(f"note: {note}" for note in each.notes), ""]
    names = holding(compared, found)
    everywhere = " on every trace" if len(found) > 1 else ""
    return [*lines, f"within {percent(compared.budget)} of requests in every run{everywhere}: {', '.join(names) or 'none'}"]


def comparison_json(compared: Compared, found: Sequence[OnTrace]) -> dict[str, Any]:
    """The same as data: shares in 0..1, `value` a median with its 90 % interval."""
    return {
        "version": COMPARISON_VERSION,
        "scaleproof": __version__,
        "service": compared.service.model_dump(mode="json"),
        "budget_share": compared.budget,
        "seeds": list(found[0].comparison.seeds),
        "traces": [
            {
                "name": each.trace.name,
                "seconds": each.rates.shape[0],
                "interval_seconds": each.trace.interval_seconds,
                "filled_intervals": each.trace.absent,
                "requests": float(each.rates.sum()),
                "mean_requests_per_second": float(each.rates.mean()),
                "peak_requests_per_second": float(each.rates.max()),
                "clairvoyant": asdict(each.comparison.clairvoyant),
                "policies": _figures(compared, each),
                "notes": list(each.notes),
            }
            for each in found
        ],
        "holding": list(holding(compared, found)),
    }


def span(seconds: float) -> str:
    """`24 d`, `1 h 30 min`, `90 s`: the two largest units that there are."""
    parts: list[str] = []
    rest = round(seconds)
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def _heading(compared: Compared, each: OnTrace) -> list[str]:
    service, seeds = compared.service, each.comparison.seeds
    total, mean, peak = (float(value) for value in (each.rates.sum(), each.rates.mean(), each.rates.max()))
    time = f"{span(each.rates.shape[0])} at {span(each.trace.interval_seconds)}"
    start = f"up to {service.start_seconds[1]:g} s to start; {plural(len(seeds), 'run')}"
    holds = f"{amount(service.capacity_per_second)} requests/s a replica within the SLO"
    return [
        f"trace: {each.trace.name}: {time}, {number(total)} requests, mean {amount(mean)}/s, peak {amount(peak)}/s",
        f"service: {holds}, {service.request_millicores}m requested, {start}",
    ]


def _rows(compared: Compared, each: OnTrace) -> list[tuple[str, ...]]:
    best = each.comparison.clairvoyant
    rows: list[tuple[str, ...]] = [
        (
            "policy",
            "mean replicas",
            "replica-hours",
            "core-hours (90 %)",
            "to clairvoyant",
            "violation",
            "worst run",
            "most",
            "rescales",
            f"within {percent(compared.budget)}",
        ),
        (
            "clairvoyant",
            amount(best.mean_replicas),
            amount(best.replica_hours),
            amount(best.core_hours),
            "1",
            "0 %",
            "",
            str(best.most_replicas),
            "",
            "",
        ),
    ]
    for name, figures in zip(compared.names, each.comparison.figures, strict=True):
        cost = figures.core_hours
        rows.append(
            (
                name,
                amount(figures.mean_replicas.value),
                amount(figures.replica_hours.value),
                f"{amount(cost.value)} ({amount(cost.low)} to {amount(cost.high)})",
                f"{figures.to_clairvoyant.value:.3f}",
                percent(figures.violation.value),
                percent(figures.worst_violation) + (f" (seed {figures.worst_seed})" if figures.worst_violation else ""),
                str(figures.most_replicas),
                number(figures.rescales.value),
                "yes" if figures.holds(compared.budget) else "NO",
            )
        )
    return rows


def _figures(compared: Compared, each: OnTrace) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "mean_replicas": _interval(figures.mean_replicas),
            "replica_hours": _interval(figures.replica_hours),
            "core_hours": _interval(figures.core_hours),
            "cost_to_clairvoyant": _interval(figures.to_clairvoyant),
            "violation_share": _interval(figures.violation),
            "worst_violation_share": figures.worst_violation,
            "worst_seed": figures.worst_seed,
            "most_replicas": figures.most_replicas,
            "rescales": _interval(figures.rescales),
            "holds": figures.holds(compared.budget),
        }
        for name, figures in zip(compared.names, each.comparison.figures, strict=True)
    ]


def _interval(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
