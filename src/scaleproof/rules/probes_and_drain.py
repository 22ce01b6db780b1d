"""How replicas come and go: probes that kill under load, starts that take too long, ends that lose requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import Fault, Rule, Spot, at
from scaleproof.rules.workload import containers, pod_spec
from scaleproof.spec.manifest_file import Manifest

PROPAGATION_SECONDS: Final = 2.0
"""Until every gateway and node has heard that a pod is no endpoint any more; Envoy Gateway takes about one (docs of this project)."""
PATIENCE_SECONDS: Final = 30
"""A liveness probe should stand overload for so long: that is what new replicas take."""
DEFAULT_GRACE_SECONDS: Final = 30
_PERIOD, _FAILURES, _TIMEOUT = 10, 3, 1
"""Kubernetes' defaults of a probe."""


def _no_drain(facts: Facts) -> Iterator[Fault]:
    for name, service in facts.services:
        if service.drain_seconds < PROPAGATION_SECONDS:
            yield Fault(
                f"{name}: drain_seconds {service.drain_seconds:g}, but its endpoint may be used for {PROPAGATION_SECONDS:g} s after its end "
                "was decided",
                at("platform", "services", name, "drain_seconds"),
                name,
            )


def _drain_below_slo(facts: Facts) -> Iterator[Fault]:
    for name, service in facts.services:
        longest = service.request_timeout_seconds or service.slo.latency_seconds
        if PROPAGATION_SECONDS <= service.drain_seconds < longest:
            yield Fault(
                f"{name}: drain_seconds {service.drain_seconds:g}, but a request may take {longest:g} s",
                at("platform", "services", name, "drain_seconds"),
                name,
            )


def _no_pre_stop(facts: Facts) -> Iterator[Fault]:
    for manifest in facts.scalable():
        serving = [(index, each) for index, each in enumerate(containers(manifest)) if each.get("ports")]
        for index, container in serving if facts.scaler_of(manifest) is not None else ():
            lifecycle = container.get("lifecycle")
            if not (isinstance(lifecycle, dict) and lifecycle.get("preStop")):
                yield Fault(
                    f"container {container.get('name', index)} of {manifest.kind} {manifest.name} has no preStop hook",
                    _container(manifest, index),
                    manifest.name,
                )


def _short_grace(facts: Facts) -> Iterator[Fault]:
    for manifest in facts.scalable():
        grace = pod_spec(manifest).get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS)
        for index, container in enumerate(containers(manifest)):
            wait = _sleep_seconds(container)
            if wait is not None and isinstance(grace, int) and grace <= wait:
                yield Fault(
                    f"container {container.get('name', index)} of {manifest.name} sleeps {wait} s before it ends, and is killed after {grace} s",
                    _container(manifest, index, "lifecycle", "preStop"),
                    manifest.name,
                )


def _liveness(facts: Facts) -> Iterator[Fault]:
    for manifest in facts.scalable():
        for index, container in enumerate(containers(manifest)):
            probe = _probe(container, "livenessProbe")
            # A TCP probe is answered by the kernel, however busy the replica is.
            if probe is None or not (probe.get("httpGet") or probe.get("grpc") or probe.get("exec")):
                continue
            period, failures = _number(probe, "periodSeconds", _PERIOD), _number(probe, "failureThreshold", _FAILURES)
            patience = period * failures
            if patience < PATIENCE_SECONDS or (
                _number(probe, "timeoutSeconds", _TIMEOUT) <= 1 and patience <= PATIENCE_SECONDS
            ):
                timeout = _number(probe, "timeoutSeconds", _TIMEOUT)
                yield Fault(
                    f"container {container.get('name', index)} of {manifest.name} is killed when {failures} answers in {patience} s take "
                    f"more than {timeout} s",
                    _container(manifest, index, "livenessProbe"),
                    manifest.name,
                )


def _no_readiness(facts: Facts) -> Iterator[Fault]:
    for manifest in facts.scalable():
        if facts.scaler_of(manifest) is None:
            continue
        for index, container in enumerate(containers(manifest)):
            if container.get("ports") and _probe(container, "readinessProbe") is None:
                yield Fault(
                    f"container {container.get('name', index)} of {manifest.kind} {manifest.name} has no readinessProbe",
                    _container(manifest, index),
                    manifest.name,
                )


def _slow_start(facts: Facts) -> Iterator[Fault]:
    for name, service in facts.services:
        known = facts.calibrated(name)
        if known is not None and known.start_seconds[1] > service.start_timeout_seconds:
            yield Fault(
                f"{name}: started in up to {known.start_seconds[1]:.0f} s, given up after {service.start_timeout_seconds:g} s",
                at("platform", "services", name, "start_timeout_seconds"),
                name,
            )


def _killed_while_starting(facts: Facts) -> Iterator[Fault]:
    for manifest in facts.scalable():
        known = facts.calibrated(manifest.name)
        for index, container in enumerate(containers(manifest)) if known is not None else ():
            liveness, start = _probe(container, "livenessProbe"), _probe(container, "startupProbe")
            if liveness is None or known is None:
                continue
            allowed = _allowed_seconds(start) if start is not None else _allowed_seconds(liveness)
            if known.start_seconds[1] > allowed:
                which = "startupProbe" if start is not None else "livenessProbe"
                yield Fault(
                    f"container {container.get('name', index)} of {manifest.name} is killed after {allowed} s without an answer, "
                    f"a start takes up to {known.start_seconds[1]:.0f} s",
                    _container(manifest, index, which),
                    manifest.name,
                )


def _allowed_seconds(probe: Mapping[str, Any]) -> int:
    """From the container's start until the probe has failed for good."""
    return _number(probe, "initialDelaySeconds", 0) + _number(probe, "periodSeconds", _PERIOD) * _number(
        probe, "failureThreshold", _FAILURES
    )


def _sleep_seconds(container: Mapping[str, Any]) -> int | None:
    """How long the preStop hook sleeps: `sleep`, or an `exec` of sleep; None where it does something else."""
    lifecycle = container.get("lifecycle")
    hook = lifecycle.get("preStop") if isinstance(lifecycle, dict) else None
    if not isinstance(hook, dict):
        return None
    if isinstance(hook.get("sleep"), dict):
        return _number(hook["sleep"], "seconds", 0)
    run = hook.get("exec")
    words = " ".join(str(word) for word in (run.get("command") or [])).split() if isinstance(run, dict) else []
    for word, following in pairwise(words):
        if word.rsplit("/", 1)[-1] == "sleep" and following.isdecimal():
            return int(following)
    return None


def _probe(container: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    found = container.get(name)
    return found if isinstance(found, dict) else None


def _number(node: Mapping[str, Any], name: str, default: int) -> int:
    value = node.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _container(manifest: Manifest, index: int, *path: str) -> Spot:
    return at(manifest, "spec", "template", "spec", "containers", index, *path)


RULES: Final = (
    Rule(
        id="no-drain",
        title="Replicas end before the gateway knows",
        severity="error",
        why="Scaling down happens many times a day. A replica that is gone while its endpoint is still used takes requests with it, each time.",
        fix="set drain_seconds to 10, and serve on after SIGTERM until nothing comes any more",
        check=_no_drain,
    ),
    Rule(
        id="drain-below-request-time",
        title="The drain is shorter than a request may take",
        severity="warning",
        why="Requests that began before the end was decided are cut off when the replica is killed.",
        fix="set drain_seconds above the longest request: its timeout, at least the SLO's threshold",
        check=_drain_below_slo,
    ),
    Rule(
        id="no-pre-stop",
        title="An autoscaled container without a preStop hook",
        severity="warning",
        why="SIGTERM and the removal of the endpoint start at the same moment. A server that ends at SIGTERM refuses what gateways still send.",
        fix="add lifecycle.preStop.sleep.seconds: 5 (Kubernetes 1.30 and later), below terminationGracePeriodSeconds",
        check=_no_pre_stop,
    ),
    Rule(
        id="grace-below-pre-stop",
        title="The pod is killed while its preStop hook still waits",
        severity="error",
        why="The grace period counts from the start of the hook: nothing is left for the server to finish its requests.",
        fix="set terminationGracePeriodSeconds above the hook's sleep and the longest request",
        check=_short_grace,
    ),
    Rule(
        id="liveness-kills-under-load",
        title="A liveness probe that kills under load",
        severity="warning",
        why="A replica at its CPU limit answers late. The probe kills it, the others get its load and are killed next: overload becomes an outage.",
        fix="probe the port (tcpSocket), or allow a minute: timeoutSeconds 5, periodSeconds 10, failureThreshold 6",
        check=_liveness,
    ),
    Rule(
        id="no-readiness-probe",
        title="An autoscaled container without a readiness probe",
        severity="error",
        why="A new replica gets requests as soon as its process runs, before it can answer: every scale-up fails some.",
        fix="add a readinessProbe on a path that answers once the replica can serve",
        check=_no_readiness,
    ),
    Rule(
        id="start-above-timeout",
        title="A replica needs longer to start than it may",
        severity="error",
        why="Under load a start takes longest. A replica that is given up and started again never helps.",
        fix="raise start_timeout_seconds well above the longest start that was measured",
        check=_slow_start,
    ),
    Rule(
        id="probe-kills-while-starting",
        title="A probe kills replicas that are still starting",
        severity="error",
        why="Under load a start takes longest, so that new replicas are killed just when they are needed.",
        fix="add a startupProbe that allows twice the longest start that was measured",
        check=_killed_while_starting,
    ),
)
