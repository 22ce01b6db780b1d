"""Compiled and interpreted kernels give the same results; each in its own process, for the choice is made on import."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import numpy as np
from scaleproof.hpa.compiled import COMPILED
from scaleproof.simulator import layout, warm
from scaleproof.simulator.autoscaling_spec import pack
from scaleproof.simulator.kernel import simulate_service
from scaleproof.spec.autoscaling import AutoscalingSpec

if COMPILED:
    warm.warm()
rng = np.random.default_rng(5)
arrivals = np.sort(np.concatenate([rng.random(300) * 90, 20 + rng.random(1500) * 40]))
settings = np.zeros(layout.SETTINGS)
for name, value in dict(LIMIT_CORES=0.25, SPEED_CORES=1, IDLE_CORES=0.004, BURN_CORES=0.2, BURN_SECONDS=3, WARM_SECONDS=5,
        WARM_FACTOR=1.5, DURATION=90, HORIZON=120, SYNC_PHASE=2, SYNC_PERIOD=15, SCRAPE_PHASE=7, SCRAPE_PERIOD=15, DRAIN_LEAST=1,
        DRAIN_MOST=8, MAX_OUTSTANDING=400, TIMEOUT=5, QUEUE_LIMIT=60, BUSY_FACTOR=0.8, IDLE_FACTOR=1.5, IDLE_SECONDS=0.05, REJECTION_SECONDS=0.002,
        COUNTER_LEAST=10, COUNTER_MOST=20).items():
    settings[getattr(layout, name)] = value
spec = AutoscalingSpec.model_validate({"minReplicas": 1, "maxReplicas": 5, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}}})
packed = pack(spec, 200, sync_seconds=15.0)
draws = np.column_stack([4 + 3 * rng.random(16), 0.5 + rng.random(16) / 2, rng.random(16), rng.random(16)])
finished, status = np.full(arrivals.size, np.nan), np.zeros(arrivals.size, np.int8)
seconds, decisions = np.zeros((120, layout.SECOND_COLUMNS)), np.zeros((9, layout.DECISION_COLUMNS))
lived = np.zeros((60, layout.LIVED_COLUMNS))
counts = simulate_service(arrivals, rng.gamma(2, 0.006, arrivals.size), rng.random(arrivals.size), draws, settings, packed.ints,
    packed.floats, packed.rules, packed.metrics, 1, finished, status, seconds, decisions, lived)
print(COMPILED, counts, [repr(float(np.nansum(part))) for part in (finished, status, seconds, decisions, lived)])
"""


def run(*, interpreted: bool) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SCALEPROOF_", "COVERAGE_"))}
    if interpreted:
        environment["SCALEPROOF_INTERPRETED"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=115, check=True
    )
    return done.stdout


def test_compiled_equals_interpreted():
    compiled, interpreted = run(interpreted=False), run(interpreted=True)
    assert compiled.startswith("True ")
    assert interpreted.startswith("False ")
    assert compiled.removeprefix("True ") == interpreted.removeprefix("False ")


def test_warming_says_how_long_it_took():
    environment = {**os.environ, "SCALEPROOF_INTERPRETED": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "scaleproof.simulator.warm"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith("simulator interpreted")
