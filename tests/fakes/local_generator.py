"""A generator whose requests are answered by the fake platform: the fake of `load.local_generator`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from fakes.local_platform import FakePlatform
from scaleproof.simulator.arrivals import from_shape
from scaleproof.tuner.ports import LoadPlan, LoadResult, Progress


class FakeGenerator:
    """`weights`: share of the actions that begin at each service."""

    def __init__(self, platform: FakePlatform, weights: dict[str, float]) -> None:
        self.platform = platform
        self.weights = weights
        self.plans: list[LoadPlan] = []
        self.interrupt_at: int | None = None
        self.silent = False
        self.drawn: list[int] = []

    def draw(self, plan: LoadPlan) -> pd.DataFrame:
        self.drawn.append(plan.seed)
        rate = plan.users / (sum(plan.think_seconds) / 2)
        rates = {n: w * rate for n, w in self.weights.items() if plan.services is None or n in plan.services}
        arrivals = from_shape(plan.shape, rates, seed=plan.seed) if rates else {}
        frame = pd.DataFrame(
            {
                "intended_s": np.concatenate([*arrivals.values(), np.zeros(0)]),
                "service": np.concatenate([np.full(times.size, name) for name, times in arrivals.items()] + [np.zeros(0, str)]),
            }
        ).sort_values("intended_s", kind="stable", ignore_index=True)
        return frame.assign(action=np.arange(len(frame)), user=0, journey="fake", task="fake")

    def run(self, plan: LoadPlan, progress: Progress, steady: Callable[[], bool] | None = None) -> LoadResult:
        self.plans.append(plan)
        progress.stage("load", plan.shape.duration_seconds)
        progress.advance(0.0, "starting")
        begun = self.platform.now = self.platform.now + 3.0
        schedule = self.draw(plan)
        if self.silent:
            requests = self.platform.serve(schedule, plan.shape.duration_seconds, plan.seed).iloc[:0]
        else:
            requests = self.platform.serve(schedule, plan.shape.duration_seconds, plan.seed)
        return LoadResult(
            started_at=begun,
            duration_seconds=plan.shape.duration_seconds,
            tables={"schedule": schedule, "requests": requests},
            interrupted=self.interrupt_at == len(self.plans),
        )
