"""A platform that answers from the simulator, with a clock of its own: the fake of `runtime.local_platform`. Nothing sleeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from scaleproof.simulator import layout
from scaleproof.simulator.arrivals import from_schedule
from scaleproof.simulator.calibration import Calibration, Stamp
from scaleproof.simulator.evaluator import Evaluator
from scaleproof.simulator.model import Assumptions
from scaleproof.simulator.outcome import RunOutcome
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.telemetry.run import empty_table
from scaleproof.tuner.knobs import Knobs, with_knobs
from scaleproof.tuner.ports import Observations, ServiceState

MEMORY_BYTES = 100 * 2**20


@dataclass
class FakePlatform:
    """`truth` is how the services really behave; a calibration should find it again."""

    truth: Calibration
    spec: Platform
    policy: Policy
    now: float = 1_000_000.0
    host_cpu_share: float = 0.5
    name: str = "local"
    applied: list[Policy] = field(default_factory=list)
    held: dict[str, int] | None = None
    released: int = 0
    tables: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    busy_until: float = 0.0
    loads: int = 0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def stamp(self) -> Stamp:
        return self.truth.stamp.model_copy(update={"measured_at": self.now})

    def apply(self, policy: Policy) -> None:
        self.policy = policy
        self.applied.append(policy)

    def hold(self, replicas: Mapping[str, int]) -> None:
        before = self.held or {name: service.autoscaling.min_replicas for name, service in self.policy.services.items()}
        longest = 0.0
        for service, count in replicas.items():
            for number in range(before.get(service, 1), count):
                longest = max(longest, self._start(service, number))
        self.held = {**before, **replicas}
        self.now += longest

    def release(self) -> None:
        self.held = None
        self.released += 1

    def settle(self, timeout_seconds: float) -> None:
        self.now = max(self.now, self.busy_until)

    def states(self) -> Mapping[str, ServiceState]:
        extra = 0 if self.now >= self.busy_until else 1
        return {
            name: ServiceState(
                desired=service.autoscaling.min_replicas,
                ready=service.autoscaling.min_replicas,
                total=service.autoscaling.min_replicas + extra,
            )
            for name, service in self.policy.services.items()
        }

    def observe(self, start: float, end: float) -> Observations:
        found = {}
        for name in ("replicas", "gateway", "host", "decisions", "events"):
            frame = pd.concat(self.tables[name]) if self.tables.get(name) else empty_table(name)
            frame = frame[(frame["time_s"] >= start) & (frame["time_s"] <= end)]
            found[name] = frame.assign(time_s=frame["time_s"] - start).reset_index(drop=True)
        return Observations(tables=found)

    # --- what the fake generator calls ------------------------------------------------------------------------------

    def serve(self, schedule: pd.DataFrame, duration: float, seed: int) -> pd.DataFrame:
        """Serve a schedule from now on; the clock is at its end afterwards. Returns the requests table."""
        self.loads += 1
        begun = self.now
        policy = self.policy if self.held is None else self._as_held(self.held)
        arrivals = from_schedule(schedule)
        with Evaluator(
            self.truth,
            self.spec,
            arrivals,
            duration_seconds=duration,
            seeds=[seed + 50_000 + self.loads],
            until_steady=self.held is None,
            settle_seconds=420.0 if self.held is None else 0.0,
            assumptions=Assumptions(calibration_noise=False),
            threads=1,
        ) as evaluator:
            outcome = evaluator.runs(policy)[0]
        self._idle(begun)
        self._record(outcome, begun)
        self.now = begun + duration
        self.busy_until = begun + outcome.cost_until_seconds + 1.0
        return self._requests(schedule, outcome)

    def _as_held(self, held: Mapping[str, int]) -> Policy:
        knobs = {
            name: Knobs.of(service.autoscaling).turned(maximum=max(held[name], 1)).turned(minimum=held[name])
            for name, service in self.policy.services.items()
        }
        return with_knobs(self.policy, knobs)

    def _start(self, service: str, number: int) -> float:
        known = self.truth.services[service]
        low, high = known.start_seconds
        seconds = low + (high - low) * ((number * 0.37) % 1.0)
        replica = f"{service}-held-{number}"
        times = np.arange(np.floor(self.now) + 1, np.floor(self.now + seconds) + 1)
        rows = self._rows(times, service, replica, "starting", known.start_burn_cores)
        ready = self._rows(np.array([np.floor(self.now + seconds) + 1]), service, replica, "ready", 0.0)
        self.tables.setdefault("replicas", []).extend([rows, ready])
        self._event("created", service, replica, self.now)
        self._event("ready", service, replica, self.now + seconds)
        return seconds + 2.0

    def _rows(self, times: np.ndarray, service: str, replica: str, state: str, cores: float | np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "time_s": times.astype(float),
                "service": service,
                "replica": replica,
                "state": state,
                "cpu_cores": cores,
                "throttled_share": 0.0,
                "memory_bytes": MEMORY_BYTES,
            }
        )

    def _event(self, kind: str, service: str, replica: str, time_s: float) -> None:
        row = {"time_s": time_s, "kind": kind, "component": service, "replica": replica, "message": kind}
        self.tables.setdefault("events", []).append(pd.DataFrame([row]))

    def _idle(self, begun: float) -> None:
        """Before a load the held replicas have nothing to do."""
        for name, count in (self.held or {}).items():
            for number in range(count):
                rows = self._rows(
                    begun - np.arange(3.0), name, f"{name}-{number}", "ready", self.truth.services[name].idle_cores
                )
                self.tables.setdefault("replicas", []).append(rows)

    def _record(self, outcome: RunOutcome, begun: float) -> None:
        length = 0
        for name, service in outcome.services.items():
            length = max(length, service.seconds.shape[0])
            seconds = np.arange(service.seconds.shape[0])
            ready = np.maximum(service.seconds[:, layout.SECOND_READY], 1)
            each = service.seconds[:, layout.SECOND_CPU] / ready
            for number, (created, ready_at, ended) in enumerate(service.lived):
                last = seconds.size if np.isnan(ended) else ended
                alive = seconds[(seconds + 1 > created) & (seconds + 1 <= last)]
                state = np.where(alive + 1 >= (np.inf if np.isnan(ready_at) else ready_at), "ready", "starting")
                rows = self._rows(begun + alive + 1, name, f"{name}-{number}", "ready", each[alive])
                self.tables.setdefault("replicas", []).append(rows.assign(state=state))
            decisions = pd.DataFrame(
                [
                    {
                        "time_s": begun + decision.time_s,
                        "service": name,
                        "current_replicas": decision.current_replicas,
                        "desired_replicas": decision.desired_replicas,
                        "reason": decision.reason,
                        "message": decision.reason,
                        "utilization": decision.usage,
                        "target": 80.0,
                    }
                    for decision in service.decision_list()
                ]
            )
            if len(decisions):
                self.tables.setdefault("decisions", []).append(decisions)
        host = pd.DataFrame({"time_s": begun + np.arange(length, dtype=float)})
        host["cpu_share"] = self.host_cpu_share
        for column in ("steal_share", "generator_cores", "gateway_cores", "datastores_cores", "generator_lag_s"):
            host[column] = 0.0
        host["generator_memory_bytes"] = host["gateway_memory_bytes"] = 0
        self.tables.setdefault("host", []).append(host)

    def _requests(self, schedule: pd.DataFrame, outcome: RunOutcome) -> pd.DataFrame:
        parts = []
        for name, service in outcome.services.items():
            mine = schedule[schedule["service"] == name].sort_values("intended_s", kind="stable")
            answered = np.isfinite(service.latency_seconds)
            refused = service.status == layout.REFUSED
            latency = np.where(answered, service.latency_seconds, np.where(refused, 0.005, np.nan))
            parts.append(
                pd.DataFrame(
                    {
                        "action": mine["action"].to_numpy(),
                        "step": np.int16(0),
                        "service": name,
                        "name": name,
                        "intended_s": mine["intended_s"].to_numpy(),
                        "sent_s": mine["intended_s"].to_numpy(),
                        "finished_s": mine["intended_s"].to_numpy() + latency,
                        "status": np.where(answered, 200, np.where(refused, 503, 0)).astype(np.int16),
                        "ok": answered,
                        "error": np.where(answered, "", np.where(refused, "503", "timeout")),
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)
