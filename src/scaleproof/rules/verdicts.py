"""What `scaleproof check` adds: the policy as simulated or measured, against the SLOs and against the committed baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import Fault, Rule, Spot, at
from scaleproof.rules.words import percent
from scaleproof.tuner.regression import Growth, Metric

_TUNE: Final = "`scaleproof tune --dry-run` says which policy would hold"
_ACCEPT: Final = "make it as it was, or accept it with `scaleproof check --write-baseline`"


def _missed(facts: Facts) -> Iterator[Fault]:
    for outcome in facts.outcomes:
        for name, found in outcome.violation.items():
            allowed = _allowed(facts, name)
            if allowed is not None and found.value > allowed:
                yield Fault(
                    f"{name}: {percent(found.value)} of the requests are violated, {outcome.origin} "
                    f"({percent(found.low)} to {percent(found.high)}); allowed {percent(allowed)}",
                    _policy(facts, name),
                    name,
                )


def _close(facts: Facts) -> Iterator[Fault]:
    for outcome in facts.outcomes:
        for name, found in outcome.violation.items():
            allowed = _allowed(facts, name)
            if allowed is not None and found.value <= allowed < found.high:
                yield Fault(
                    f"{name}: {percent(found.value)} of the requests are violated, {outcome.origin}, in one of ten runs up to "
                    f"{percent(found.high)}; allowed {percent(allowed)}",
                    _policy(facts, name),
                    name,
                )


def _refused(facts: Facts) -> Iterator[Fault]:
    if facts.refused is not None:
        yield Fault(facts.refused, at("policy"))


def _cost(facts: Facts) -> Iterator[Fault]:
    for growth in _grown(facts, "cost"):
        yield Fault(
            f"cost {growth.before:,.0f} → {growth.after:,.0f} core-seconds, {growth.origin}: {_relative(growth)}",
            at("policy", "services"),
        )


def _violation(facts: Facts) -> Iterator[Fault]:
    for growth in _grown(facts, "violation"):
        difference = growth.difference
        yield Fault(
            f"{growth.service}: violation {percent(growth.before)} → {percent(growth.after)}, {growth.origin}: "
            f"{difference.value * 100:+.2g} points ({difference.low * 100:+.2g} to {difference.high * 100:+.2g}), "
            f"{growth.limit * 100:g} are allowed",
            _policy(facts, growth.service or ""),
            growth.service,
        )


def _cpu(facts: Facts) -> Iterator[Fault]:
    for growth in _grown(facts, "cpu_per_request"):
        yield Fault(
            f"{growth.service}: cpu per request {growth.before * 1000:.2g} ms → {growth.after * 1000:.2g} ms, {growth.origin}: "
            f"{_relative(growth)}",
            at("calibration" if growth.origin == "calibrated" else "platform", "services", growth.service or ""),
            growth.service,
        )


def _memory(facts: Facts) -> Iterator[Fault]:
    for growth in _grown(facts, "memory_peak"):
        yield Fault(
            f"{growth.service}: memory peak {growth.before / 2**20:,.0f} MiB → {growth.after / 2**20:,.0f} MiB: {_relative(growth)}",
            at("calibration", "services", growth.service or ""),
            growth.service,
        )


def _other_load(facts: Facts) -> Iterator[Fault]:
    if facts.incomparable:
        yield Fault(f"the baseline is of another load: {'; '.join(facts.incomparable)}", at("baseline", "load"))


def _grown(facts: Facts, metric: Metric) -> list[Growth]:
    return [growth for growth in facts.growths if growth.metric == metric and growth.regressed]


def _allowed(facts: Facts, service: str) -> float | None:
    """The violation that is allowed: platform.yaml's `check.max_violation`, otherwise the SLO's budget."""
    if facts.platform is None or service not in facts.platform.services:
        return None
    return facts.platform.check.max_violation or facts.platform.services[service].slo.budget


def _policy(facts: Facts, service: str) -> Spot:
    return at("policy", "services", service, "autoscaling") if facts.policy is not None else at("platform", "services", service)


def _relative(growth: Growth) -> str:
    difference = growth.difference
    value, low, high = (percent(share, signed=True) for share in (difference.value, difference.low, difference.high))
    return f"{value} ({low} to {high}), {percent(growth.limit)} is allowed"


RULES: Final = (
    Rule(
        id="slo-missed",
        title="The policy does not keep the SLO at the spec's users",
        severity="error",
        why="That share of the requests fails or is slower than promised when as many users come as platform.yaml says.",
        fix=_TUNE,
        check=_missed,
    ),
    Rule(
        id="slo-missed-by-chance",
        title="The policy keeps the SLO only on average",
        severity="warning",
        why="The interval holds nine of ten runs: some of them miss the SLO.",
        fix=_TUNE,
        check=_close,
    ),
    Rule(
        id="simulation-refused",
        title="The simulator cannot answer for this policy",
        severity="error",
        why="Nothing is extrapolated beyond what was calibrated: whether the policy holds is not known.",
        fix="calibrate what is new, or stay within what was measured",
        check=_refused,
    ),
    Rule(
        id="cost-regression",
        title="The change costs more than is allowed",
        severity="error",
        why="The same users, seed by seed, need more requested core-seconds than with the baseline.",
        fix=_ACCEPT,
        check=_cost,
    ),
    Rule(
        id="violation-regression",
        title="More requests are violated than with the baseline",
        severity="error",
        why="The same users, seed by seed, are served worse, beyond what chance explains.",
        fix=_ACCEPT,
        check=_violation,
    ),
    Rule(
        id="cpu-per-request-regression",
        title="A request needs more CPU than with the baseline",
        severity="error",
        why="Each replica holds fewer users: cost grows by as much, or the SLO is missed where maxReplicas ends.",
        fix=_ACCEPT,
        check=_cpu,
    ),
    Rule(
        id="memory-regression",
        title="A replica takes more memory than with the baseline",
        severity="warning",
        why="Where it is a leak, replicas are killed after some days; where it is not, fewer of them fit a node.",
        fix=_ACCEPT,
        check=_memory,
    ),
    Rule(
        id="baseline-of-another-load",
        title="The baseline is of another load",
        severity="error",
        why="Figures under other users, shapes or journeys cannot be compared, so that nothing says whether the change is worse.",
        fix="look at the figures, and accept them with `scaleproof check --write-baseline`",
        check=_other_load,
    ),
)
