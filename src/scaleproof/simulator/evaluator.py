"""Many policies against the same few simulated runs: what a search asks.

Draws are made once and reused (common random numbers), services whose policy and callers did not change are not simulated
again, and both cores work: the compiled kernel releases the interpreter's lock.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import COMPILED
from scaleproof.simulator.arrivals import checked
from scaleproof.simulator.calibration import Calibration, Estimate
from scaleproof.simulator.call_graph import ancestors, callers_first
from scaleproof.simulator.draws import RunDraws, draw_run
from scaleproof.simulator.intervals import estimate
from scaleproof.simulator.limits import refuse_beyond
from scaleproof.simulator.model import Arrivals, ArrivalsBySeed, Assumptions, ServiceSetup, check_services, set_up
from scaleproof.simulator.outcome import RunOutcome
from scaleproof.simulator.run import ServedRequests, finish, serve
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy

Row = TypeVar("Row")
World = tuple[int, int]
"""Seed and phase of a run."""


@dataclass(frozen=True)
class Evaluation:
    """One policy over the runs asked for; one entry a run."""

    policy: Policy
    cost: NDArray[np.float64]
    """Requested core-seconds."""
    replica_seconds: NDArray[np.float64]
    violation_by_service: Mapping[str, NDArray[np.float64]]
    p95_by_service: Mapping[str, NDArray[np.float64]]
    steady_at_seconds: NDArray[np.float64]
    cost_by_service: Mapping[str, NDArray[np.float64]]

    @property
    def violation(self) -> NDArray[np.float64]:
        """The worst service's, one entry a run."""
        worst: NDArray[np.float64] = np.max(np.vstack(list(self.violation_by_service.values())), axis=0)
        return worst

    @property
    def cost_estimate(self) -> Estimate:
        """Median and 90 % interval."""
        return estimate(self.cost)

    @property
    def violation_estimate(self) -> Estimate:
        """Median and 90 % interval of the worst service's violation."""
        return estimate(self.violation)


class Evaluator:
    """Evaluates policies over `len(seeds) * phases` simulated runs. Use it as a context manager, or call `close`.

    `cost_until_seconds`: cost counts up to there, for every policy alike; None: up to the end of the load, or with
    `until_steady` until the services are back at their steady count (at most `settle_seconds` after the load).
    `keep`: how many kernel results of single services are remembered.
    """

    def __init__(
        self,
        calibration: Calibration,
        platform: Platform,
        arrivals: Arrivals | ArrivalsBySeed,
        *,
        duration_seconds: float,
        seeds: Sequence[int],
        phases: int = 1,
        until_steady: bool = False,
        settle_seconds: float = 0.0,
        cost_until_seconds: float | None = None,
        assumptions: Assumptions | None = None,
        threads: int | None = None,
        keep: int = 48,
    ) -> None:
        if duration_seconds <= 0 or not seeds or phases < 1:
            raise BadInputError("simulate: expected a duration above 0, at least one seed and one phase")
        self.calibration = calibration
        self.platform = platform
        self.duration_seconds = duration_seconds
        self.assumptions = assumptions or Assumptions.of(calibration.stamp)
        self._horizon = float(np.ceil(max(duration_seconds + settle_seconds, cost_until_seconds or 0.0)))
        self._until_steady = until_steady
        self._cost_until = cost_until_seconds
        calls = {name: calibration.services[name].calls for name in platform.services if name in calibration.services}
        self._order = callers_first(platform.services, calls)
        self._influences = {name: tuple(sorted(ancestors(name, calls) | {name})) for name in self._order}
        self._arrivals = arrivals
        self._seeds = tuple(seeds)
        self._phases = phases
        self._draws: dict[World, RunDraws] = {}
        self._served: OrderedDict[tuple[World, str, tuple[str, ...]], ServedRequests] = OrderedDict()
        self._keep = keep
        self._lock = threading.Lock()
        workers = threads or (os.cpu_count() or 1 if COMPILED else 1)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="simulator")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def evaluate(
        self,
        policies: Sequence[Policy],
        *,
        seeds: Sequence[int] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Evaluation]:
        """Evaluate every policy over the runs of these seeds (default: all), so that losers can be dropped early.

        `progress(done, total)` is called after every simulated run. Raises BadInputError as `simulate` does.
        """
        chosen = self._worlds(self._seeds if seeds is None else seeds)
        setups = [self._set_up(policy) for policy in policies]
        tasks = [(setup, world) for setup in setups for world in chosen]
        rows = self._all(tasks, _figures, progress)
        return [
            _evaluation(policy, rows[index * len(chosen) : (index + 1) * len(chosen)]) for index, policy in enumerate(policies)
        ]

    def runs(self, policy: Policy, *, progress: Callable[[int, int], None] | None = None) -> list[RunOutcome]:
        """The whole outcome of every run of one policy."""
        setup = self._set_up(policy)
        return self._all([(setup, world) for world in self._worlds(self._seeds)], _whole, progress)

    def _all(
        self,
        tasks: Sequence[tuple[Mapping[str, ServiceSetup], World]],
        reduce: Callable[[RunOutcome], Row],
        progress: Callable[[int, int], None] | None,
    ) -> list[Row]:
        rows = []
        for row in self._pool.map(lambda task: reduce(self._run(*task)), tasks):
            rows.append(row)
            if progress is not None:
                progress(len(rows), len(tasks))
        return rows

    def _worlds(self, seeds: Sequence[int]) -> list[World]:
        return [(seed, phase) for seed in seeds for phase in range(self._phases)]

    def _set_up(self, policy: Policy) -> dict[str, ServiceSetup]:
        check_services(self.calibration, self.platform, policy)
        refuse_beyond(self.calibration, policy)
        return {
            name: set_up(
                name,
                self.calibration.services[name],
                self.platform,
                policy.services[name],
                self.assumptions,
                duration_seconds=self.duration_seconds,
                horizon_seconds=self._horizon,
            )
            for name in self._order
        }

    def _draws_of(self, world: World) -> RunDraws:
        with self._lock:
            if world not in self._draws:
                seed, phase = world
                given = self._arrivals(seed) if callable(self._arrivals) else self._arrivals
                arrivals = checked(given, self.platform.services)
                self._draws[world] = draw_run(self.calibration, self._order, arrivals, self.assumptions, seed=seed, phase=phase)
            return self._draws[world]

    def _run(self, setups: Mapping[str, ServiceSetup], world: World) -> RunOutcome:
        draws = self._draws_of(world)
        served: dict[str, ServedRequests] = {}
        for name in self._order:
            key = (world, name, tuple(setups[other].key for other in self._influences[name]))
            with self._lock:
                known = self._served.get(key)
                if known is not None:
                    self._served.move_to_end(key)
            if known is None:
                known = serve(setups[name], draws, served)
                with self._lock:
                    self._served[key] = known
                    while len(self._served) > self._keep:
                        self._served.popitem(last=False)
            served[name] = known
        outcome = finish(setups, self._order, draws, served, until_steady=self._until_steady)
        if self._cost_until is None:
            return outcome
        return RunOutcome(outcome.seed, outcome.phase, outcome.services, self._cost_until)


@dataclass(frozen=True)
class _Figures:
    """What an evaluation keeps of a run, so that the arrays of requests can go."""

    cost: float
    replica_seconds: float
    steady_at_seconds: float
    violation: Mapping[str, float]
    p95: Mapping[str, float]
    cost_by_service: Mapping[str, float]


def _whole(outcome: RunOutcome) -> RunOutcome:
    return outcome


def _figures(outcome: RunOutcome) -> _Figures:
    until = outcome.cost_until_seconds
    services = outcome.services
    return _Figures(
        cost=outcome.cost(),
        replica_seconds=outcome.replica_seconds(),
        steady_at_seconds=outcome.steady_at_seconds,
        violation={name: service.violation for name, service in services.items()},
        p95={name: service.percentile_seconds(95) for name, service in services.items()},
        cost_by_service={name: service.replica_seconds(until) * service.request_cores for name, service in services.items()},
    )


def _evaluation(policy: Policy, rows: Sequence[_Figures]) -> Evaluation:
    names = tuple(rows[0].violation) if rows else ()
    return Evaluation(
        policy=policy,
        cost=np.array([row.cost for row in rows]),
        replica_seconds=np.array([row.replica_seconds for row in rows]),
        violation_by_service={name: np.array([row.violation[name] for row in rows]) for name in names},
        p95_by_service={name: np.array([row.p95[name] for row in rows]) for name in names},
        steady_at_seconds=np.array([row.steady_at_seconds for row in rows]),
        cost_by_service={name: np.array([row.cost_by_service[name] for row in rows]) for name in names},
    )
