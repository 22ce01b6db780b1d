"""What is promised, against what was measured and what callees promise."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Final

from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import Fault, Rule, at


def _above_measured(facts: Facts) -> Iterator[Fault]:
    for name, service in facts.services:
        known = facts.calibrated(name)
        slo = facts.calibration.slo.get(name) if facts.calibration is not None else None
        # Only steps that were judged by this threshold say anything about the share within it.
        if known is None or not known.steps or slo is None or slo[0] != service.slo.latency_seconds:
            continue
        best = max(step.good_share for step in known.steps)
        if best < service.slo.share:
            yield Fault(
                f"{name}: promises {service.slo.share:.4g} within {service.slo.latency_ms:g} ms; the best that was measured, at the lowest "
                f"rate, is {best:.4g}",
                at("platform", "services", name, "slo", "share"),
                name,
            )


def _above_callee(facts: Facts) -> Iterator[Fault]:
    for name, service in facts.services:
        for position, callee in enumerate(service.calls):
            other = facts.platform.services[callee].slo if facts.platform is not None else service.slo
            if service.slo.latency_ms <= other.latency_ms and service.slo.share >= other.share:
                yield Fault(
                    f"{name} promises {service.slo.share:.4g} within {service.slo.latency_ms:g} ms, and waits for {callee}, which promises "
                    f"{other.share:.4g} within {other.latency_ms:g} ms",
                    at("platform", "services", name, "calls", position),
                    name,
                )


def _timeouts_add_up(facts: Facts) -> Iterator[Fault]:
    for name, service in facts.services:
        if service.request_timeout_seconds is None or facts.platform is None:
            continue
        parts = [(callee, facts.platform.services[callee].request_timeout_seconds) for callee in service.calls]
        known = [(callee, seconds) for callee, seconds in parts if seconds is not None]
        together = sum(seconds for _, seconds in known)
        if together > service.request_timeout_seconds:
            terms = " + ".join(f"{callee} {seconds:g} s" for callee, seconds in known)
            yield Fault(
                f"{name} gives up after {service.request_timeout_seconds:g} s, but may wait for {terms}",
                at("platform", "services", name, "request_timeout_seconds"),
                name,
            )


def _circle(facts: Facts) -> Iterator[Fault]:
    graph = TopologicalSorter({name: set(service.calls) for name, service in facts.services})
    try:
        graph.prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        yield Fault(
            f"services call each other in a circle: {' → '.join(circle)}",
            at("platform", "services", circle[0], "calls"),
            circle[0],
        )


RULES: Final = (
    Rule(
        id="slo-above-measured",
        title="An SLO above what was ever measured",
        severity="error",
        why="No number of replicas keeps a promise that one replica does not keep without load: the search finds no policy.",
        fix="promise less, or make the slow requests faster; the calibration's lowest step says what is possible",
        check=_above_measured,
    ),
    Rule(
        id="slo-tighter-than-callee",
        title="A promise tighter than the one of a service that is waited for",
        severity="warning",
        why="Whenever the callee uses what it was promised, the caller has broken its own promise already.",
        fix="give the callee the tighter SLO, or the caller the looser one",
        check=_above_callee,
    ),
    Rule(
        id="call-timeouts-add-up",
        title="The timeouts of calls add up beyond the caller's own",
        severity="warning",
        why="The caller gives up while its callees still work for it; under overload most of their work is for nobody.",
        fix="shorten the callees' timeouts, or pass the remaining time on to them",
        check=_timeouts_add_up,
    ),
    Rule(
        id="calls-in-a-circle",
        title="Services call each other in a circle",
        severity="error",
        why="Each waits for the others' replicas: when one is full all are, and none gets free. The simulator refuses it.",
        fix="break the circle: a queue, or a third service that both call",
        check=_circle,
    ),
)
