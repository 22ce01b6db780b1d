"""What a verb prints at its end: a few aligned lines of plain text, the same with and without a terminal."""

from __future__ import annotations

from scaleproof.report.columns import aligned
from scaleproof.report.policy_change import changed_fields
from scaleproof.report.wording import MISSING, amount, duration, number, percent, sentence
from scaleproof.simulator.calibration import Calibration, Estimate
from scaleproof.telemetry.marks import MARKED_SHARE_LIMIT
from scaleproof.telemetry.summary import Summary
from scaleproof.tuner.results import Prediction, Proof, TuningResult, Verdict


def summary_lines(summary: Summary) -> list[str]:
    """A run: the promise per service, the peak, the cost, errors and marks."""
    rows = [("service", "served well", "promise", "", "p50", "p95", "core-s", "most replicas")]
    for name, service in summary.services.items():
        rows.append(
            (
                name,
                percent(1 - service.violation.share),
                percent(1 - service.budget),
                "kept" if service.keeps_slo else "MISSED",
                duration(service.latency.p50_s),
                duration(service.latency.p95_s),
                amount(service.core_seconds),
                str(service.peak_replicas),
            )
        )
    lines = aligned(rows)
    lines.append(
        f"peak: {number(summary.peak_users)} users, {amount(summary.peak_rate_per_second)} requests/s, "
        f"{percent(summary.served_share_at_peak)} of its last minute answered"
    )
    lines.append(
        f"cost: {amount(summary.cost.total_core_seconds)} core-seconds ({amount(summary.cost.total_replica_seconds)} replica-seconds)"
    )
    if summary.errors:
        lines.append("errors: " + ", ".join(f"{kind} {number(count)}" for kind, count in list(summary.errors.items())[:5]))
    if summary.marked_share:
        seconds = ", ".join(f"{code} {count} s" for code, count in summary.marks.items() if count)
        enough = "too many for a verdict" if summary.marked_share > MARKED_SHARE_LIMIT else "few enough"
        lines.append(f"disturbed: {percent(summary.marked_share)} of the seconds ({seconds}): {enough}")
    if summary.unrouted:
        lines.append(
            f"{number(summary.unrouted)} requests went to paths that no service's routes serve: no promise is about them"
        )
    if summary.closed_loop:
        lines.append(
            "closed loop: users waited for their answers, so a slow moment meant fewer requests; "
            "the shares above are of the requests that were sent"
        )
    if summary.interrupted:
        lines.append("interrupted before its end")
    return lines


def calibration_lines(calibration: Calibration) -> list[str]:
    """What a replica of each service needs and holds."""
    rows = [("service", "CPU a request", "capacity of a replica", "by replicas", "request", "start-up")]
    notes = []
    for name, service in calibration.services.items():
        rows.append(
            (
                name,
                f"{amount(service.cpu_seconds_per_request.value * 1000)} ms",
                f"{_estimate(service.capacity_per_second)} /s",
                ", ".join(f"{count}: {amount(rate)}" for count, rate in service.capacity_by_replicas.items()) or MISSING,
                f"{service.request_millicores}m of {service.limit_millicores}m",
                f"{amount(service.start_seconds[0])} to {amount(service.start_seconds[1])} s",
            )
        )
        if service.bottleneck:
            notes.append(f"{name}: more replicas stop helping because they share {service.bottleneck}")
    return aligned(rows) + notes


def tuning_lines(result: TuningResult) -> list[str]:
    """What would change, what it is expected to bring, and why."""
    if not result.feasible:
        return [sentence(result.infeasible_reason or "no policy keeps the SLO")]
    if not result.changed:
        return ["The policy stays as it is: no change is worth more than the measurement's noise."]
    rows = [("service", "field", "before", "after"), *changed_fields(result.before, result.after)]
    return [
        *aligned(rows),
        f"expected cost: {_estimate(result.before_cost)} → {_estimate(result.after_cost)} core-seconds",
        f"expected violation of the worst service: {_share(result.before_violation)} → {_share(result.after_violation)}",
        *(f"- {reason}" for reason in result.reasons),
    ]


def prediction_lines(prediction: Prediction) -> list[str]:
    """What the simulator expects, with its 90 % intervals."""
    rows = [("simulated", "90 % interval")]
    rows.append(("cost, core-seconds", _estimate(prediction.cost)))
    rows.append(("replica-seconds", _estimate(prediction.replica_seconds)))
    rows += [(f"violation of {name}", _share(found)) for name, found in prediction.violation_by_service.items()]
    rows += [
        (f"p95 of {name}", f"{duration(found.value)} ({duration(found.low)} to {duration(found.high)})")
        for name, found in prediction.p95_seconds.items()
    ]
    return aligned(rows)


def verdict_lines(verdict: Verdict) -> list[str]:
    """The decision and why."""
    label = " (indicative)" if verdict.indicative else ""
    lines = [f"verdict: {verdict.decision}{label}"]
    rows = [("", "before", "after", "difference (90 %)", "")]
    for change in verdict.changes:
        share = change.metric == "violation"
        text = percent if share else duration if change.metric == "p95_seconds" else amount
        scale, unit = (100.0, " points") if share else (1.0, "")
        difference = change.difference
        rows.append(
            (
                change.metric.replace("_", " ") + (f" of {change.service}" if change.service else ""),
                text(change.before),
                text(change.after),
                f"{difference.value * scale:+.4g} ({difference.low * scale:+.4g} to {difference.high * scale:+.4g}){unit}",
                "" if change.significant else "within the noise",
            )
        )
    lines += aligned(rows) if verdict.changes else []
    lines += [f"- {reason}" for reason in verdict.reasons]
    if verdict.restored:
        lines.append("The stack file and the running policy went back to what they were.")
    return lines


def proof_lines(proof: Proof) -> list[str]:
    """The answer, then the verdict."""
    answer = "yes" if proof.holds else "no"
    if any(run.marked_share > MARKED_SHARE_LIMIT for run in proof.runs_of(proof.in_force)):
        answer = "could not measure"
    return [f"Holds {number(proof.users)} users? {answer.capitalize()}", *verdict_lines(proof.verdict)]


def _estimate(value: Estimate) -> str:
    return f"{amount(value.value)} ({amount(value.low)} to {amount(value.high)})"


def _share(value: Estimate) -> str:
    return f"{percent(value.value)} ({percent(value.low)} to {percent(value.high)})"
