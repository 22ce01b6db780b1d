"""A running platform now: readings that are taken again and again, and what they say beside each other. Pure.

Whoever takes them (`runtime.live`, `cluster.live`, `load.live`, `sources.envoy_stats`) says what counters stand at; rates are made of two
readings here. All times are Unix seconds.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from scaleproof.spec.platform import Platform
from scaleproof.telemetry.percentiles import histogram_quantile

WINDOW_SECONDS: Final = 10.0
"""Rates and quantiles of the gateway are those of so many last seconds."""
KEPT: Final = 120
"""Readings: as many as a sparkline may show."""
NAN: Final = float("nan")

Source = Literal["load", "gateway"]


@dataclass(frozen=True)
class DecisionReading:
    """The autoscaler's last decision about a service."""

    time: float | None
    """None where the target does not tell."""
    current: int
    desired: int
    reason: str
    message: str
    utilization: float
    """As the autoscaler saw it: per cent of the request, or the metric's own unit; NaN where it saw none."""
    target: float


@dataclass(frozen=True)
class ServiceReading:
    """One service's replicas."""

    ready: int
    desired: int
    minimum: int
    maximum: int
    held: bool
    """The autoscaler is suspended."""
    states: Mapping[str, int]
    """Replicas by state, such as ready or starting."""
    request_millicores: int
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    """By replica: a counter."""
    cpu_cores: float | None = None
    """Of all replicas together, where the target tells a rate instead of counters."""
    decision: DecisionReading | None = None


@dataclass(frozen=True)
class Served:
    """What the gateway counted of one service since it started."""

    buckets: Sequence[tuple[float, int]]
    """(upper bound in seconds, answers at most that slow), cumulative, +inf last."""
    answers: int
    failures: int
    """Answers with a status of 500 or more."""
    timeouts: int = 0
    """Of these: what the gateway gave up waiting for. They stand above every finite bound; its other own answers stand in no bucket."""


@dataclass(frozen=True)
class LoadService:
    """What one service got of a load."""

    rate: float
    """Answers a second, lately."""
    p95_s: float
    """From the intended time, lately; NaN where nothing was answered."""
    error_share: float
    """Lately; NaN where nothing was answered."""
    completed: int
    """Since the load's start."""
    good: int
    """Of these: without failure within the SLO's threshold."""


@dataclass(frozen=True)
class LoadReading:
    """A load that is being played from here."""

    users: int
    """Who are there now by the shape."""
    most_users: int
    shape: str
    elapsed_s: float
    """Negative while Locust is still spawning users."""
    duration_s: float
    closed_loop: bool
    generator_cores: float
    """NaN where it is not known yet."""
    services: Mapping[str, LoadService] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """Everything that was seen at one moment."""

    time: float
    services: Mapping[str, ServiceReading]
    gateway: Mapping[str, Served] = field(default_factory=dict)
    load: LoadReading | None = None


@dataclass(frozen=True)
class ServiceNow:
    """One service now. Shares in 0..1; NaN where nothing is known."""

    name: str
    source: Source
    """Whose figures rate, latency, errors and promise are: the load's, counted from the intended time, or the gateway's."""
    rate: float
    p95_s: float
    error_share: float
    good_share: float
    """Of the load so far; of the gateway's last seconds."""
    promise: float
    """The share that must be good."""
    ready: int
    desired: int
    minimum: int
    maximum: int
    held: bool
    states: Mapping[str, int]
    ready_before: tuple[int, ...]
    """Ready replicas of the last readings, the youngest last."""
    cpu_share: float
    """CPU in use over what the ready replicas request."""
    decision: DecisionReading | None

    @property
    def keeps_slo(self) -> bool | None:
        """Whether the promise is kept; None where nothing was asked."""
        return None if math.isnan(self.good_share) else self.good_share >= self.promise


@dataclass(frozen=True)
class Snapshot:
    """What there is to see."""

    time: float
    services: tuple[ServiceNow, ...]
    load: LoadReading | None


class History:
    """The last readings of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._readings: deque[Reading] = deque(maxlen=KEPT)

    def add(self, reading: Reading) -> None:
        """A younger reading."""
        self._readings.append(reading)

    def snapshot(self) -> Snapshot:
        """What the readings say. There must be one."""
        last = self._readings[-1]
        names = [name for name in self._platform.services if name in last.services]
        return Snapshot(last.time, tuple(self._service(name) for name in names), last.load)

    def _service(self, name: str) -> ServiceNow:
        last = self._readings[-1]
        service, slo = last.services[name], self._platform.services[name].slo
        played = last.load.services.get(name) if last.load is not None else None
        if played is not None:
            source: Source = "load"
            rate, p95_s, errors = played.rate, played.p95_s, played.error_share
            good = played.good / played.completed if played.completed else NAN
        else:
            source = "gateway"
            rate, p95_s, errors, good = self._at_gateway(name, slo.latency_seconds)
        return ServiceNow(
            name=name,
            source=source,
            rate=rate,
            p95_s=p95_s,
            error_share=errors,
            good_share=good,
            promise=slo.share,
            ready=service.ready,
            desired=service.desired,
            minimum=service.minimum,
            maximum=service.maximum,
            held=service.held,
            states=service.states,
            ready_before=tuple(each.services[name].ready for each in self._readings if name in each.services),
            cpu_share=self._cpu_share(name),
            decision=service.decision,
        )

    def _at_gateway(self, name: str, threshold_s: float) -> tuple[float, float, float, float]:
        """(rate, p95, share of errors, share of good answers) of the last seconds."""
        last = self._readings[-1]
        now = last.gateway.get(name)
        before, seconds = self._before(WINDOW_SECONDS)
        if now is None or before is None:
            return NAN, NAN, NAN, NAN
        then = before.gateway.get(name, Served((), 0, 0))
        answers, failures = _since(now.answers, then.answers), _since(now.failures, then.failures)
        if not answers:
            return 0.0, NAN, NAN, NAN
        bounds, counts = _buckets_since(now.buckets, then.buckets)
        # What the gateway answered itself is in no bucket; the other failures are, and most of them came quickly.
        unseen = max(0, answers - counts[-1]) if counts else answers
        quick_failures = max(0, failures - unseen - _since(now.timeouts, then.timeouts))
        good = max(0.0, _count_within(bounds, counts, threshold_s) - quick_failures)
        p95_s = histogram_quantile(bounds, counts, 0.95)
        return answers / seconds, p95_s, min(1.0, failures / answers), min(1.0, good / answers)

    def _cpu_share(self, name: str) -> float:
        service = self._readings[-1].services[name]
        requested = service.request_millicores / 1000 * service.ready
        cores = service.cpu_cores
        if cores is None:
            before, seconds = self._before(WINDOW_SECONDS / 2)
            then = before.services[name].cpu_seconds if before is not None and name in before.services else {}
            known = [max(0.0, used - then[replica]) for replica, used in service.cpu_seconds.items() if replica in then]
            cores = sum(known) / seconds if known else None
        return cores / requested if cores is not None and requested > 0 else NAN

    def _before(self, seconds: float) -> tuple[Reading | None, float]:
        """The oldest reading within the last `seconds`, but always an older one if there is any, and how long ago it was."""
        last = self._readings[-1]
        older = [each for each in self._readings if each.time < last.time]
        if not older:
            return None, NAN
        found = next((each for each in older if last.time - each.time <= seconds), older[-1])
        return found, last.time - found.time


def _since(now: int, then: int) -> int:
    """What was counted meanwhile. A counter that fell began anew with the gateway."""
    return now - then if now >= then else now


def _buckets_since(now: Sequence[tuple[float, int]], then: Sequence[tuple[float, int]]) -> tuple[list[float], list[int]]:
    earlier = dict(then)
    if then and now and now[-1][1] < then[-1][1]:
        earlier = {}
    return [bound for bound, _ in now], [max(0, count - earlier.get(bound, 0)) for bound, count in now]


def _count_within(bounds: Sequence[float], counts: Sequence[int], seconds: float) -> float:
    """How many of a cumulative histogram were at most so slow, taken as even within a bucket."""
    low_bound, low_count = 0.0, 0
    for bound, count in zip(bounds, counts, strict=True):
        if bound >= seconds:
            part = (seconds - low_bound) / (bound - low_bound) if math.isfinite(bound) and bound > low_bound else 0.0
            return low_count + part * (count - low_count)
        low_bound, low_count = bound, count
    return float(low_count)
