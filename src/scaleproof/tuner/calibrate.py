"""Calibrating: every service under a staircase of rates at 1, 2 and 4 replicas, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scaleproof.simulator.calibration import Calibration, ServiceCalibration, Stamp
from scaleproof.simulator.call_graph import callers_first
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.policy import Policy
from scaleproof.spec.shapes import Shape
from scaleproof.tuner.bottleneck import GROWTH_SHARE, OWN_CPU, capacity_of
from scaleproof.tuner.calibration_fit import fit_service, idle_cores, missed_by
from scaleproof.tuner.cpu_fit import cpu_curve
from scaleproof.tuner.measure import Rig
from scaleproof.tuner.overload_fit import OVERLOADS, fit_overload
from scaleproof.tuner.ports import LoadPlan, Progress
from scaleproof.tuner.staircase import IDLE_SECONDS, Climb, Staircase, rate_per_user

LEVELS: Final = (1, 2, 4)
PROBE_RATES: Final = (10.0, 30.0, 90.0)
"""For a first guess: so far apart that one of them is a fair load of most services, and the first one of the others."""
PROBE_STEP_SECONDS: Final = 2.0
_DRAWN_ACTIONS: Final = 6000
_DRAWN_SECONDS: Final = 60.0
_HIGH_ENOUGH: Final = 0.8
"""One replica has to be driven to this share of its quota, or its capacity would be extrapolated."""
_MOST_STAIRCASES: Final = 3
_MOST_TOGETHER: Final = 2


@dataclass(frozen=True)
class Pace:
    """How thoroughly: rates as shares of what would use up the quota, and seconds a step."""

    single: tuple[float, ...]
    several: tuple[float, ...]
    single_seconds: float
    several_seconds: float
    again: tuple[float, ...] = (0.75, 0.9, 1.0)
    overload_seconds: float = 8.0
    """What a saturated request costs decides over a flash crowd: of steps of 5 s it is known to within 7 %."""


THOROUGH: Final = Pace(
    single=(0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0), several=(0.5, 0.65, 0.8), single_seconds=7.0, several_seconds=6.0
)
QUICK: Final = Pace(
    single=(0.4, 1.0, 1.7), several=(0.5, 0.8), single_seconds=4.5, several_seconds=4.5, again=(0.75, 1.0), overload_seconds=5.0
)


@dataclass(frozen=True)
class WholeStage:
    """A progress whose stage is the whole calibration, while each load only knows how long itself has lasted."""

    progress: Progress
    clock: Callable[[], float]
    begun: float

    def stage(self, title: str, seconds: float | None = None) -> None:  # noqa: ARG002  the port's signature
        """The stage stays the calibration's."""
        self.progress.advance(self.clock() - self.begun, title)

    def advance(self, elapsed_seconds: float, note: str = "") -> None:  # noqa: ARG002  the port's signature
        """The calibration has lasted since it began."""
        self.progress.advance(self.clock() - self.begun, note)

    def say(self, line: str) -> None:
        """One line worth keeping."""
        self.progress.say(line)


@dataclass
class Expedition:
    """All climbs of one calibration, and what is held meanwhile."""

    rig: Rig
    locustfile: Path
    seed: int
    begun: float
    held: dict[str, int]
    climbs: dict[str, list[Climb]] = field(default_factory=dict)
    overloads: dict[str, Climb] = field(default_factory=dict)
    saturation: dict[str, float] = field(default_factory=dict)
    """Requests/s that would use up one replica's quota, as far as is known."""

    def hold(self, replicas: Mapping[str, int]) -> None:
        """Have exactly so many replicas of these services, and the others as they were."""
        self.held.update(replicas)
        self.rig.target.hold(dict(self.held))

    def climb(self, staircase: Staircase) -> Climb:
        """Send a staircase and read what it did."""
        per_user = self._rate_per_user(staircase.services)
        self.seed += 1
        load = self.rig.spec.load
        plan = staircase.plan(
            rate_per_user=per_user,
            think_seconds=load.think_seconds,
            most_users=load.users,
            seed=self.seed,
            locustfile=self.locustfile,
        )
        sent = self.rig.generator.run(plan, WholeStage(self.rig.progress, self.rig.clock, self.begun))
        if sent.interrupted:
            raise KeyboardInterrupt
        seen = self.rig.target.observe(sent.started_at - IDLE_SECONDS, self.rig.clock())
        shifted = {name: frame.assign(time_s=frame["time_s"] - IDLE_SECONDS) for name, frame in seen.tables.items()}
        tables = {**shifted, **sent.tables}
        if tables["requests"].empty:
            raise CannotMeasureError(
                f"calibration of {', '.join(sorted(staircase.services))}: no request was answered",
                hint="see `scaleproof logs` for the service and the gateway",
            )
        return Climb(staircase=staircase, replicas=dict(self.held), tables=tables)

    def _rate_per_user(self, services: frozenset[str]) -> float:
        flat = Shape("steps", ((0.0, 1.0), (_DRAWN_SECONDS, 1.0)))
        load = self.rig.spec.load
        users = math.ceil(_DRAWN_ACTIONS / _DRAWN_SECONDS * load.mean_think_seconds)
        plan = LoadPlan(
            users=users,
            shape=flat,
            seed=self.seed,
            think_seconds=load.think_seconds,
            locustfile=self.locustfile,
            services=services,
        )
        rate = rate_per_user(self.rig.generator.draw(plan), users, _DRAWN_SECONDS)
        if rate <= 0:
            raise BadInputError(
                f"{self.locustfile}: no task begins at {', '.join(sorted(services))}, so it cannot be calibrated",
                hint='add a task with `@serves("<service>")`, see loadtests/journeys',
            )
        return rate


def calibrate(
    rig: Rig, policy: Policy, *, locustfile: Path, budget_millicores: int | None = None, quick: bool = False, seed: int = 1
) -> Calibration:
    """Measure every service that the locustfile reaches. The autoscaler is suspended meanwhile, and works again afterwards.

    `budget_millicores` bounds the sum of limits of what is held at once. Raises CannotMeasureError where the platform does not
    answer, BadInputError where no task reaches a service, KeyboardInterrupt after an interrupted load.
    """
    pace = QUICK if quick else THOROUGH
    calls = {name: dict.fromkeys(service.calls, 1.0) for name, service in rig.spec.services.items()}
    order = tuple(reversed(callers_first(rig.spec.services, calls)))
    trip = Expedition(rig=rig, locustfile=locustfile, seed=seed * 1000, begun=rig.clock(), held=dict.fromkeys(order, 1))
    levels = levels_of(policy, budget_millicores, quick=quick)
    rig.progress.stage("Calibrating: what a replica needs and holds", seconds=expected_seconds(levels, pace))
    try:
        trip.hold({})
        for name in order:
            _probe(trip, policy, name)
            for count in levels[name]:
                _climb_level(trip, policy, name, count, pace)
    finally:
        rig.target.release()
    return _fitted(trip, policy, order)


def levels_of(policy: Policy, budget_millicores: int | None, *, quick: bool) -> dict[str, list[int]]:
    """Replicas to measure each service at: 1, 2 and 4 as far as maxReplicas and the budget go; the first and last if quick."""
    limits = {name: service.resources.limits.cpu_millicores for name, service in policy.services.items()}
    levels: dict[str, list[int]] = {}
    for name, service in policy.services.items():
        # The services measured before stay at their highest level, so count everybody's.
        others = sum(limits[other] * max(levels.get(other, [1])) for other in limits if other != name)
        fits = [
            count
            for count in LEVELS
            if count <= service.autoscaling.max_replicas
            and (budget_millicores is None or others + count * limits[name] <= budget_millicores)
        ] or [1]
        levels[name] = sorted({fits[0], fits[-1]}) if quick else fits
    return levels


def expected_seconds(levels: Mapping[str, Sequence[int]], pace: Pace) -> float:
    """A guess for the progress: steps, some seconds to start each load, some to start replicas."""
    total = 0.0
    loads = 0
    for counts in levels.values():
        for count in counts:
            total += len(pace.single) * pace.single_seconds if count == 1 else len(pace.several) * pace.several_seconds + 8
        total += PROBE_STEP_SECONDS * len(PROBE_RATES) + pace.overload_seconds * len(OVERLOADS)
        loads += len(counts) + 2
    return total + 2.5 * loads


def _probe(trip: Expedition, policy: Policy, name: str) -> None:
    """A first coarse guess of a service's CPU a request."""
    trip.rig.progress.say(f"calibration: {name}: a first guess")
    climb = trip.climb(Staircase(frozenset({name}), PROBE_RATES, PROBE_STEP_SECONDS))
    limit = policy.services[name].resources.limits.cpu_millicores / 1000
    # Requests cost more at low rates: the guess is about half of the truth, which the quick staircase allows for.
    try:
        trip.saturation[name] = _saturation(trip, name, limit, [climb])
    except CannotMeasureError:
        trip.saturation[name] = PROBE_RATES[-1]


def _climb_level(trip: Expedition, policy: Policy, name: str, count: int, pace: Pace) -> None:
    trip.rig.progress.say(f"calibration: {name} at {count} replica{'s' if count > 1 else ''}")
    trip.hold({name: count})
    limit = policy.services[name].resources.limits.cpu_millicores / 1000
    if count > 1:
        rates = tuple(share * trip.saturation[name] * count for share in pace.several)
        _climb_together(trip, name, Staircase(frozenset({name}), rates, pace.several_seconds), limit)
        return
    shares = pace.single
    climbs = trip.climbs.setdefault(name, [])
    for _ in range(_MOST_STAIRCASES):
        rates = tuple(share * trip.saturation[name] for share in shares)
        climbs.append(trip.climb(Staircase(frozenset({name}), rates, pace.single_seconds)))
        trip.saturation[name] = _saturation(trip, name, limit, climbs)
        if name not in trip.overloads:
            _overload(trip, name, pace)
            trip.saturation[name] = _saturation(trip, name, limit, climbs)
        reached = max(step.rate_per_replica for entry in climbs for step in entry.steps(name, 1.0))
        if reached >= _HIGH_ENOUGH * trip.saturation[name]:
            return
        shares = pace.again


def _climb_together(trip: Expedition, name: str, staircase: Staircase, limit_cores: float) -> None:
    """Several replicas; once more where they held too little and nothing but their own CPU was busy.

    A busy neighbour of the machine makes a request dearer for some seconds, which looks like that; only what is seen twice is
    taken for what one replica costs another.
    """
    slo, climbs = trip.rig.spec.services[name].slo, trip.climbs[name]
    alone = [step for climb in climbs for step in climb.steps(name, slo.latency_seconds) if step.replicas == 1]
    single = capacity_of(alone, slo.share, trip.saturation[name])
    for attempt in range(_MOST_TOGETHER):
        if attempt:
            trip.rig.progress.say(f"calibration: {name}: together they held less than expected, once more")
        climb = trip.climb(staircase)
        climbs.append(climb)
        expected = trip.held[name] * single
        held = capacity_of(climb.steps(name, slo.latency_seconds), slo.share, expected)
        if held >= GROWTH_SHARE * expected or missed_by(climb, name, slo, limit_cores) != OWN_CPU:
            return


def _overload(trip: Expedition, name: str, pace: Pace) -> None:
    trip.rig.progress.say(f"calibration: {name} beyond its limit")
    rates = tuple(share * trip.saturation[name] for share in OVERLOADS)
    trip.overloads[name] = trip.climb(Staircase(frozenset({name}), rates, pace.overload_seconds))


def _saturation(trip: Expedition, name: str, limit_cores: float, climbs: Sequence[Climb]) -> float:
    """The rate that uses up one replica's quota, after these climbs: with requests that all follow another, once that is known."""
    idle = idle_cores(name, climbs)
    usable = max(limit_cores - idle, 0.1 * limit_cores)
    if name in trip.overloads:
        overload = fit_overload(name, trip.overloads[name], limit_cores=limit_cores, idle_cores=idle)
        if overload.busy_seconds is not None:
            return usable / overload.busy_seconds
    return cpu_curve(name, climbs, idle_cores=idle, limit_cores=limit_cores).rate_at(usable)


def _fitted(trip: Expedition, policy: Policy, order: Sequence[str]) -> Calibration:
    rig = trip.rig
    life = rig.target.observe(trip.begun, rig.clock()).tables
    services: dict[str, ServiceCalibration] = {}
    for name in order:
        services[name] = fit_service(
            name,
            trip.climbs[name],
            overload=trip.overloads[name],
            spec=rig.spec,
            policy=policy,
            life=life,
            callees=services,
            seed=trip.seed,
        )
        found = services[name]
        rig.progress.say(
            f"calibration: {name}: {found.cpu_seconds_per_request.value * 1000:.2f} ms CPU a request, a replica holds "
            f"{found.capacity_per_second.value:.0f} requests/s, starts in {found.start_seconds[0]:.1f}-{found.start_seconds[1]:.1f} s"
            + (f"; {found.bottleneck} stops growth" if found.bottleneck else "")
            + (f"; refuses when {found.queue_limit:.0f} wait" if found.queue_limit else "; refuses nobody")
        )
    return Calibration(
        stamp=replace_time(rig.target.stamp(), rig.clock()),
        slo={name: (rig.spec.services[name].slo.latency_seconds, rig.spec.services[name].slo.share) for name in order},
        services={name: services[name] for name in rig.spec.services},
    )


def replace_time(stamp: Stamp, now: float) -> Stamp:
    """The stamp with the time of this measurement."""
    return stamp.model_copy(update={"measured_at": now})
