"""How often a second tuning leaves the policy alone: tune, apply, measure again, calibrate again, tune.

.venv/bin/python -m benchmarks.fixed_point [SERVICES]
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.reference import Silence
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.trace_file import Trace, scaled
from scaleproof.tuner.traffic.question import TrafficQuestion
from scaleproof.tuner.traffic.search import TrafficTuning, tune_on_traffic

CAPACITY_NOISE, CPU_NOISE = 0.01, 0.005
"""Standard deviations of what a calibration finds, relative."""
CAREFUL = 0.96
"""The low end of a calibrated capacity, relative to its middle."""


def tuned(question: TrafficQuestion) -> TrafficTuning:
    """Its answer."""
    return tune_on_traffic(question, Silence(), lambda: 0.0)


def wave(seed: int, *, minutes: int = 30, noise: float = 0.02) -> Trace:
    """A wave between 300 and 1,000 requests/s that rises in ten minutes."""
    random = np.random.default_rng(seed)
    seconds = np.arange(60 * minutes)
    rates = 650 + 350 * np.sin(2 * np.pi * seconds / 1200 + random.uniform(0, 6))
    return Trace(f"wave {seed}", rates * np.maximum(0, 1 + noise * random.standard_normal(seconds.size)), 1.0, 0)


def tuned_twice(number: int) -> tuple[TrafficTuning, TrafficTuning]:
    """A random service on a random wave; the second tuning sees another wave, another calibration, and the first one's policy."""
    random = np.random.default_rng([5, number])
    capacity = float(random.uniform(60, 250))
    cpu = float(random.uniform(0.3, 0.42) / capacity)
    start = float(random.uniform(5, 40))

    def measured(trace: int) -> TrafficQuestion:
        found = capacity * float(random.normal(1, CAPACITY_NOISE))
        middle = ServiceModel(
            cpu_seconds_per_request=cpu * float(random.normal(1, CPU_NOISE)),
            capacity_per_second=found,
            request_millicores=350,
            limit_millicores=700,
            start_seconds=(start, 1.5 * start),
        )
        careful = middle.model_copy(update={"capacity_per_second": CAREFUL * found})
        traffic = scaled(wave(100 + 2 * number + trace), 8 * capacity)
        return TrafficQuestion(careful, [traffic], most_runs=32, service_in_force=middle, seed=1 + trace)

    first = tuned(measured(0))
    again = measured(1)
    return first, tuned(TrafficQuestion(**{**vars(again), "current": first.spec}))


def main() -> None:
    """Prints a line a service, and the count."""
    services = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    stayed = 0
    for number in range(services):
        first, second = tuned_twice(number)
        stayed += second.spec == first.spec
        was, now = first.best.target, second.best.target
        outcome = (
            "unchanged"
            if second.spec == first.spec
            else f"changed: {was} % to {now} %, cost {first.score.cost:.3f} to {second.score.cost:.3f}"
        )
        print(f"service {number + 1}: {outcome}", flush=True)
    print(f"{stayed} of {services} unchanged")


if __name__ == "__main__":
    main()
