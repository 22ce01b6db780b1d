"""What a report says, as data: the answer, the figures, and sentences with their evidence. Pure; rendering is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from scaleproof.report.dips import Dip, dips_of
from scaleproof.report.key_figures import KeyFigure, key_figures
from scaleproof.report.policy_change import change_sentence, policy_diff
from scaleproof.report.reproduce import not_measured, reproduce_commands, run_facts
from scaleproof.report.result_tables import Table, result_tables
from scaleproof.report.subject import Side, Subject
from scaleproof.report.timeline import Timeline, timeline_of
from scaleproof.report.wording import amount, clock, duration, is_known, listed, memory, number, percent, plural, sentence
from scaleproof.telemetry.cost import cost
from scaleproof.telemetry.marks import MARKED_SHARE_LIMIT, MARKS
from scaleproof.telemetry.percentiles import histogram_between, histogram_quantile
from scaleproof.telemetry.spans import MOST_CALLS, Edge, edges_of
from scaleproof.telemetry.summary import Summary, summarise
from scaleproof.tuner.results import Proof

Tone = Literal["good", "bad", "caution", "neutral"]
Answer = Literal["yes", "no", "could not measure"]
PEAK_SHARE: Final = 0.95
"""Share of the peak's last minute that should be answered."""

Evidence = dict[str, float | int | str | bool]


@dataclass(frozen=True)
class Finding:
    """One sentence and what it rests on. `code` is never renamed."""

    code: str
    sentence: str
    tone: Tone = "neutral"
    side: str | None = None
    """Before or After, where the sentence is about one of two runs."""
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True)
class MeasuredSide:
    """A side of the report with everything derived from its run."""

    side: Side
    summary: Summary
    timeline: Timeline

    @property
    def measurable(self) -> bool:
        """The machine could measure, and the load was not cut off."""
        return self.summary.marked_share <= MARKED_SHARE_LIMIT and not self.summary.interrupted


@dataclass(frozen=True)
class Findings:
    """A whole report as data."""

    subject: Subject
    sides: tuple[MeasuredSide, ...]
    question: str
    answer: Answer
    headline: str
    """What happened, in one or two sentences."""
    labels: tuple[str, ...]
    """Such as `indicative`."""
    change: str | None
    """What the policy change is, in one sentence; None where nothing changed."""
    diff: str
    key_figures: tuple[KeyFigure, ...]
    findings: tuple[Finding, ...]
    tables: tuple[Table, ...]
    commands: tuple[str, ...]
    facts: dict[str, str]
    not_measured: tuple[str, ...]


def find(subject: Subject) -> Findings:
    """Everything the report says about the subject."""
    summaries = _summaries(subject)
    sides = tuple(
        MeasuredSide(side, summary, timeline_of(side.run)) for side, summary in zip(subject.sides, summaries, strict=True)
    )
    proof, last = subject.proof, sides[-1]
    answer = _answer(subject, sides)
    change, diff = None, ""
    if proof is not None:
        tuning = proof.tuning
        change = change_sentence(tuning.before, tuning.after) if tuning.before != tuning.after else None
        diff = tuning.diff or policy_diff(tuning.before, tuning.after)
    elif subject.kind == "comparison":
        policies = [each.side.run.meta.policy for each in sides]
        change, diff = change_sentence(*policies), policy_diff(*policies)
    return Findings(
        subject=subject,
        sides=sides,
        question=f"Holds {number(last.side.run.meta.users)} users?",
        answer=answer,
        headline=_headline(subject, sides, answer),
        labels=_labels(subject, sides),
        change=change,
        diff=diff,
        key_figures=key_figures(subject, summaries),
        findings=tuple(_findings(subject, sides)),
        tables=result_tables(subject, summaries),
        commands=reproduce_commands(subject),
        facts=run_facts(subject),
        not_measured=not_measured(subject),
    )


def _summaries(subject: Subject) -> list[Summary]:
    """The runs' summaries, with the cost of all of them counted up to the same time: until the last is back at its steady count."""
    spent = [cost(side.run) for side in subject.sides]
    until = max(each.until_s for each in spent)
    summaries = []
    for side, each in zip(subject.sides, spent, strict=True):
        summary, common = summarise(side.run), each if each.until_s == until else cost(side.run, until)
        services = {
            name: replace(found, replica_seconds=common.replica_seconds[name], core_seconds=common.core_seconds[name])
            for name, found in summary.services.items()
        }
        summaries.append(replace(summary, cost=common, services=services))
    return summaries


def _answer(subject: Subject, sides: tuple[MeasuredSide, ...]) -> Answer:
    if subject.proof is None:
        side = sides[-1]
        return "could not measure" if not side.measurable else "yes" if side.summary.keeps_slo else "no"
    proof = subject.proof
    if any(run.marked_share > MARKED_SHARE_LIMIT for run in proof.runs_of(proof.in_force)):
        return "could not measure"
    return "yes" if proof.holds else "no"


def _headline(subject: Subject, sides: tuple[MeasuredSide, ...], answer: Answer) -> str:
    if subject.proof is not None:
        return _proof_headline(subject.proof, answer)
    side = sides[-1]
    total = side.summary.violation
    if answer == "could not measure":
        why = "the load was interrupted" if side.summary.interrupted else "the machine was disturbed while measuring"
        return f"No verdict: {why}. The figures below show what was seen."
    kept = [name for name, service in side.summary.services.items() if service.keeps_slo]
    missed = [name for name in side.summary.services if name not in kept]
    kind = "sent" if side.summary.closed_loop else "intended"
    served = f"{percent(1 - total.share)} of {number(total.intended)} {kind} requests were served well"
    if answer == "yes":
        return f"{served}: every service kept its promise."
    return f"{served}; {listed(missed)} did not keep {'its' if len(missed) == 1 else 'their'} promise."


def _proof_headline(proof: Proof, answer: Answer) -> str:
    verdict = proof.verdict
    if not proof.tuning.changed and not proof.tuning.feasible:
        first = "No policy was found that keeps the SLO with the margin; the policy stays as it is."
    elif not proof.tuning.changed:
        first = "The policy stays as it is: no change was worth more than the noise of the measurement."
    elif verdict.decision == "unchanged":
        first = "The policy stays as it is."
    elif verdict.decision == "better":
        first = "The new policy is better and is now in force."
    elif verdict.decision == "not better":
        first = "The new policy was not better; the old one is back in force."
    else:
        first = "Whether the new policy is better could not be decided; the old one is back in force."
    if not verdict.restored:
        first = first.replace("; the old one is back in force", "")
    if answer == "could not measure":
        first += " The machine was disturbed while measuring."
    return first


def _labels(subject: Subject, sides: tuple[MeasuredSide, ...]) -> tuple[str, ...]:
    labels = []
    if subject.proof is not None and subject.proof.verdict.indicative:
        labels.append("indicative")
    if any(each.summary.closed_loop for each in sides):
        labels.append("closed loop")
    if any(each.summary.interrupted for each in sides):
        labels.append("interrupted")
    return tuple(labels)


def _findings(subject: Subject, sides: tuple[MeasuredSide, ...]) -> list[Finding]:
    found: list[Finding] = []
    if subject.proof is not None:
        names = subject.proof.tuning.before.services
        verdict, tuning = subject.proof.verdict, subject.proof.tuning
        tones: dict[str, Tone] = {"better": "good", "not better": "bad", "inconclusive": "caution", "unchanged": "neutral"}
        tone = tones[verdict.decision]
        # The first reason is the verdict; what follows are its figures, and a higher cost is no good news.
        found += [
            Finding("verdict-reason", sentence(reason, names=names), tone if number == 0 else "neutral")
            for number, reason in enumerate(verdict.reasons)
        ]
        if not tuning.feasible and tuning.infeasible_reason:
            found.append(Finding("infeasible", sentence(tuning.infeasible_reason, names=names), "bad"))
        found += [Finding("tuning-reason", sentence(reason, names=names)) for reason in tuning.reasons]
    for side in sides:
        title = side.side.title if len(sides) > 1 else None
        found += [replace(finding, side=title) for finding in _side_findings(side)]
    found += _calibration_findings(subject)
    return found


def _side_findings(measured: MeasuredSide) -> list[Finding]:
    summary = measured.summary
    found = [_peak(summary), *_instrument(measured)]
    if summary.errors:
        kinds = [f"{name} ({number(count)})" for name, count in list(summary.errors.items())[:4]]
        found.append(
            Finding(
                "errors",
                f"{plural(sum(summary.errors.values()), 'request')} failed or never left the generator: {listed(kinds)}.",
                "caution",
                evidence=dict(summary.errors),
            )
        )
    found += [_dip(dip) for dip in dips_of(measured.side.run)]
    found += [_chatty(edge) for edge in edges_of(measured.side.run) if edge.chatty]
    if summary.marked_share:
        seconds = {code: count for code, count in summary.marks.items() if count}
        meanings = {mark.code: mark for mark in MARKS}
        host = measured.side.run.tables["host"]
        why = [meanings[code].meaning(float(host[meanings[code].column].max())) for code in seconds]
        found.append(
            Finding(
                "marked-seconds",
                f"{percent(summary.marked_share)} of the seconds are marked as disturbed: {listed(why)}.",
                "neutral" if measured.measurable else "bad",
                evidence={"marked_share": summary.marked_share, **seconds},
            )
        )
    return found


def _dip(dip: Dip) -> Finding:
    back = f"back after {duration(dip.restart_seconds)}" if dip.restart_seconds is not None else "not back by the end"
    bad = f"{number(dip.bad)} of the {plural(dip.intended, 'request')} meanwhile {'was' if dip.bad == 1 else 'were'} not served well"
    none = f"the {plural(dip.intended, 'request')} meanwhile {'was' if dip.intended == 1 else 'were all'} served well"
    return Finding(
        "dip",
        f"{dip.component} {dip.what} at {clock(dip.time_s)} and was {back}; {bad if dip.bad else none}.",
        "caution",
        evidence={"time_s": dip.time_s, "component": dip.component, "bad": dip.bad, "intended": dip.intended},
    )


def _chatty(edge: Edge) -> Finding:
    return Finding(
        "chatty-edge",
        f"{edge.caller} calls {edge.callee} {edge.calls_per_request:.1f} times to serve one {edge.entry}: "
        f"more than {MOST_CALLS:.0f} calls could be one that asks for all of it.",
        "caution",
        evidence={
            "entry": edge.entry,
            "caller": edge.caller,
            "callee": edge.callee,
            "calls_per_request": edge.calls_per_request,
            "requests": edge.requests,
        },
    )


def _peak(summary: Summary) -> Finding:
    return Finding(
        "peak",
        f"At the peak {number(summary.peak_users)} users asked for {amount(summary.peak_rate_per_second)} requests/s; "
        f"{percent(summary.served_share_at_peak)} of the peak's last minute were answered without failure.",
        "good" if summary.served_share_at_peak >= PEAK_SHARE else "bad",
        evidence={"served_share_at_peak": summary.served_share_at_peak, "peak_rate_per_second": summary.peak_rate_per_second},
    )


def _instrument(measured: MeasuredSide) -> list[Finding]:
    run = measured.side.run
    host = run.tables["host"]
    cores = float((host["generator_cores"] + host["gateway_cores"]).quantile(0.95)) if len(host) else float("nan")
    memory_bytes = float((host["generator_memory_bytes"] + host["gateway_memory_bytes"]).max()) if len(host) else 0.0
    bounds, counts = histogram_between(run.tables["gateway"], 0.0, measured.timeline.end_s)
    gateway_p95 = histogram_quantile(bounds, counts, 0.95)
    sent_p95 = measured.summary.sent_latency.p95_s
    parts = []
    if memory_bytes > 0:
        parts.append(f"the load generator and the gateway took {amount(cores)} cores (p95) and {memory(memory_bytes)}")
    if is_known(gateway_p95):
        parts.append(
            f"from sending, p95 is {duration(sent_p95)} by the generator and {duration(gateway_p95)} by the gateway's own histogram"
        )
    evidence: Evidence = {
        "cores_p95": cores,
        "memory_bytes": memory_bytes,
        "sent_p95_s": sent_p95,
        "gateway_p95_s": gateway_p95,
    }
    return [Finding("instrument", sentence("; ".join(parts)), evidence=evidence)] if parts else []


def _calibration_findings(subject: Subject) -> list[Finding]:
    if subject.calibration is None:
        return []
    found = []
    for name, service in subject.calibration.services.items():
        capacity = service.capacity_per_second
        start = service.start_seconds
        found.append(
            Finding(
                "capacity",
                f"One replica of {name} serves {amount(capacity.value)} requests/s within its SLO (90 % interval "
                f"{amount(capacity.low)} to {amount(capacity.high)}) and takes {amount(start[0])} to {amount(start[1])} s to start.",
                evidence={"service": name, "capacity_per_second": capacity.value, "low": capacity.low, "high": capacity.high},
            )
        )
        if service.bottleneck:
            found.append(
                Finding(
                    "bottleneck",
                    f"More replicas of {name} stop helping because they share {service.bottleneck}.",
                    "caution",
                    evidence={"service": name, "bottleneck": service.bottleneck},
                )
            )
    return found
