"""The report's tables: the same figures that the charts show, for reading and for machines. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scaleproof.report.policy_change import changed_fields
from scaleproof.report.subject import Subject
from scaleproof.report.wording import MISSING, amount, change, clock, duration, is_known, number, percent, points
from scaleproof.simulator.calibration import Estimate
from scaleproof.telemetry.spans import MOST_CALLS, edges_of
from scaleproof.telemetry.summary import Summary

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of plain text; `code` is never renamed."""

    code: str
    title: str
    how_to_read: str
    columns: Cells
    rows: tuple[Cells, ...]


def result_tables(subject: Subject, summaries: Sequence[Summary]) -> tuple[Table, ...]:
    """Promises, policy changes, predictions, frontier, calibration, runs and events; empty ones are left out."""
    tables = [
        _promises(subject, summaries),
        _policy(subject),
        _predictions(subject, summaries),
        _frontier(subject),
        _sensitivity(subject),
        _calibration(subject),
        _runs(subject),
        _calls(subject),
        _events(subject),
        _decisions(subject),
    ]
    return tuple(table for table in tables if table.rows)


def _promises(subject: Subject, summaries: Sequence[Summary]) -> Table:
    rows = []
    for name, spec in subject.sides[-1].run.meta.platform.services.items():
        for side, summary in zip(subject.sides, summaries, strict=True):
            service = summary.services[name]
            total = service.violation
            rows.append(
                (
                    name,
                    side.title,
                    f"{percent(spec.slo.share)} within {duration(spec.slo.latency_seconds)}",
                    percent(1 - total.share),
                    "yes" if service.keeps_slo else "no",
                    f"{number(total.slow)} / {number(total.failed)} / {number(total.never_sent)}",
                    f"{duration(service.latency.p50_s)} / {duration(service.latency.p95_s)}",
                    amount(service.core_seconds),
                    str(service.peak_replicas),
                )
            )
    return Table(
        "promises",
        "Every service and its promise",
        "A promise (SLO) is kept where at least that share of the intended requests was served within that time.",
        (
            "Service",
            "Run",
            "Promise",
            "Served well",
            "Kept?",
            "Slow / failed / never sent",
            "p50 / p95",
            "Core-seconds",
            "Most replicas",
        ),
        tuple(rows),
    )


def _policy(subject: Subject) -> Table:
    rows: list[Cells] = []
    if subject.proof is not None:
        rows = list(changed_fields(subject.proof.tuning.before, subject.proof.tuning.after))
    elif subject.kind == "comparison":
        rows = list(changed_fields(*(side.run.meta.policy for side in subject.sides)))
    return Table(
        "policy", "What differs", "Fields of the policy that differ.", ("Service", "Field", "Before", "After"), tuple(rows)
    )


def _predictions(subject: Subject, summaries: Sequence[Summary]) -> Table:
    rows: list[Cells] = []
    for side, summary in zip(subject.sides, summaries, strict=True):
        expected = side.prediction
        if expected is None:
            continue
        worst = max((service.violation.share for service in summary.services.values()), default=float("nan"))
        checks: list[tuple[str, Estimate, float, Callable[[float | None], str]]] = [
            ("Reserved CPU (core-s)", expected.cost, summary.cost.total_core_seconds, amount),
            ("Replica-seconds", expected.replica_seconds, summary.cost.total_replica_seconds, amount),
            ("Not served well, worst service", expected.violation, worst, percent),
        ]
        checks += [
            (f"p95 of {name}", estimate, summary.services[name].latency.p95_s, duration)
            for name, estimate in expected.p95_seconds.items()
            if name in summary.services
        ]
        for name, estimate, measured, text in checks:
            inside = "yes" if estimate.low <= measured <= estimate.high else "no" if is_known(measured) else MISSING
            rows.append((side.title, name, f"{text(estimate.low)} to {text(estimate.high)}", text(measured), inside))
    return Table(
        "predictions",
        "Predicted and measured",
        "The simulator's 90 % interval over seeds and timing, and what was then measured. Nine of ten should be inside.",
        ("Run", "Figure", "Predicted (90 %)", "Measured", "Inside?"),
        tuple(rows),
    )


def _frontier(subject: Subject) -> Table:
    rows: list[Cells] = []
    if subject.proof is not None:
        for point in subject.proof.tuning.frontier:
            mark = "chosen" if point.chosen else "starting policy" if point.starting else ""
            rows.append(
                (
                    point.label,
                    amount(point.cost.value),
                    f"{percent(point.violation.value)} (up to {percent(point.violation.high)})",
                    "yes" if point.keeps_slo else "no",
                    mark,
                )
            )
    return Table(
        "frontier",
        "Policies at the frontier",
        "Simulated: for each of these no other tried policy was both cheaper and less often in violation.",
        ("Policy", "Core-seconds", "Not served well, worst service", "Keeps the SLO with margin", ""),
        tuple(rows),
    )


def _sensitivity(subject: Subject) -> Table:
    rows: list[Cells] = []
    if subject.proof is not None:
        rows = [
            (
                one.label,
                change(1.0, 1.0 + one.cost_change),
                points(0.0, one.violation_change),
                "yes" if one.keeps_slo else "no",
            )
            for one in subject.proof.tuning.sensitivity
        ]
    return Table(
        "sensitivity",
        "What one more change would do",
        "Simulated: the chosen policy with one field changed.",
        ("Change", "Cost", "Not served well, worst service", "Keeps the SLO with margin"),
        tuple(rows),
    )


def _calibration(subject: Subject) -> Table:
    rows: list[Cells] = []
    if subject.calibration is not None:
        for name, service in subject.calibration.services.items():
            cpu, capacity = service.cpu_seconds_per_request, service.capacity_per_second
            rows.append(
                (
                    name,
                    f"{amount(cpu.value * 1000)} ms ({amount(cpu.low * 1000)} to {amount(cpu.high * 1000)})",
                    f"{amount(capacity.value)} /s ({amount(capacity.low)} to {amount(capacity.high)})",
                    ", ".join(f"{count}: {amount(rate)} /s" for count, rate in service.capacity_by_replicas.items()) or MISSING,
                    f"{service.request_millicores}m of {service.limit_millicores}m",
                    f"{amount(service.start_seconds[0])} to {amount(service.start_seconds[1])} s",
                    service.bottleneck or MISSING,
                )
            )
    return Table(
        "calibration",
        "What one replica needs and holds",
        "Measured by step load; ranges are 90 % intervals.",
        (
            "Service",
            "CPU per request",
            "Capacity of one replica",
            "Capacity by replicas",
            "Request of limit",
            "Start-up",
            "Shared bottleneck",
        ),
        tuple(rows),
    )


def _runs(subject: Subject) -> Table:
    rows: list[Cells] = []
    if subject.proof is not None:
        rows = [
            (
                run.label,
                run.policy,
                percent(run.violation),
                "kept" if run.keeps_slo else "missed",
                amount(run.cost),
                amount(run.replica_seconds),
                percent(run.served_share_of_peak),
                percent(run.marked_share),
                run.folder,
            )
            for run in subject.proof.verdict.runs
        ]
    return Table(
        "runs",
        "Every measured run",
        "All runs had the same seed: the same users with the same intentions at the same times.",
        (
            "Run",
            "Policy",
            "Not served well",
            "SLO",
            "Core-seconds",
            "Replica-seconds",
            "Answered at the peak",
            "Seconds marked",
            "Folder",
        ),
        tuple(rows),
    )


def _calls(subject: Subject) -> Table:
    rows = [
        (
            side.title,
            edge.entry,
            f"{edge.caller} → {edge.callee}",
            f"{edge.calls_per_request:.1f}",
            number(edge.requests),
            number(edge.failed),
            "yes" if edge.chatty else "no",
        )
        for side in subject.sides
        for edge in edges_of(side.run)
    ]
    return Table(
        "calls",
        "Calls between services",
        f"Of the requests whose trace was recorded: how often serving one makes a service call another, repeated attempts included. "
        f"More than {MOST_CALLS:.0f} calls are chatty: one question could be asked instead.",
        ("Run", "Request", "Edge", "Calls a request", "Requests recorded", "Calls failed", "Chatty?"),
        tuple(rows[:200]),
    )


def _events(subject: Subject) -> Table:
    rows: list[Cells] = []
    for side in subject.sides:
        events = side.run.tables["events"]
        rows += [
            (
                side.title,
                clock(event["time_s"]),
                str(event["kind"]).replace("_", " "),
                str(event["component"]),
                str(event["replica"] or ""),
                str(event["message"] or ""),
            )
            for event in events[(events["time_s"] >= 0) & ~events["kind"].isin(["created"])].to_dict("records")
        ]
    return Table(
        "events",
        "Crashes, restarts, starts and stops",
        "Times count from the start of the load.",
        ("Run", "Time", "Event", "Component", "Replica", "Message"),
        tuple(rows[:500]),
    )


def _decisions(subject: Subject) -> Table:
    rows: list[Cells] = []
    for side in subject.sides:
        rows += [
            (
                side.title,
                clock(row["time_s"]),
                str(row["service"]),
                f"{row['current_replicas']} → {row['desired_replicas']}",
                str(row["reason"]),
                str(row["message"]),
            )
            for row in side.run.tables["decisions"].to_dict("records")
            if row["time_s"] >= 0
        ]
    return Table(
        "decisions",
        "Every decision of the autoscaler",
        "Also those that changed nothing.",
        ("Run", "Time", "Service", "Replicas", "Reason", "Message"),
        tuple(rows[:1000]),
    )
