"""What measured runs came to, one figure a seed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from scaleproof.simulator.calibration import Calibration
from scaleproof.spec.shapes import Shape
from scaleproof.telemetry.cost import cost
from scaleproof.telemetry.intended import intended_requests
from scaleproof.telemetry.run import Run
from scaleproof.telemetry.slo import violation_of
from scaleproof.tuner.baseline import Figures
from scaleproof.tuner.check_figures import counted_seconds


def measured_figures(runs: Sequence[Run], calibration: Calibration) -> Figures:
    """The runs' cost, violation and CPU a request, calls between services counted as the calibration says."""
    until = counted_seconds(Shape(runs[0].meta.shape_name, tuple(runs[0].meta.shape_points)))
    services = tuple(runs[0].meta.platform.services)
    rows = [intended_requests(run) for run in runs]
    cpu = [_cpu_seconds_per_request(run, frame, calibration) for run, frame in zip(runs, rows, strict=True)]
    return Figures(
        seeds=[run.meta.seed for run in runs],
        cost=[cost(run, until).total_core_seconds for run in runs],
        violation={name: [violation_of(frame[frame["service"] == name]).share for frame in rows] for name in services},
        cpu_seconds_per_request={name: [each[name] for each in cpu] for name in services if all(name in each for each in cpu)},
    )


def failed_share(run: Run) -> float:
    """Share of the intended requests that were answered with an error."""
    rows = intended_requests(run)
    return float(rows["failed"].mean()) if len(rows) else 0.0


def _cpu_seconds_per_request(run: Run, rows: pd.DataFrame, calibration: Calibration) -> Mapping[str, float]:
    """CPU seconds of all replicas during the load, by the requests that were meant for the service; without those it is left out."""
    own = rows["service"].value_counts().to_dict()
    samples = run.tables["replicas"]
    samples = samples[(samples["time_s"] >= 0) & (samples["time_s"] <= run.meta.duration_seconds)]
    times = np.sort(samples["time_s"].unique())
    interval = float(np.median(np.diff(times))) if times.size > 1 else 1.0
    found = {}
    for name in run.meta.platform.services:
        asked = float(own.get(name, 0))
        asked += sum(own.get(caller, 0) * known.calls.get(name, 0.0) for caller, known in calibration.services.items())
        if asked > 0:
            found[name] = float(samples.loc[samples["service"] == name, "cpu_cores"].sum()) * interval / asked
    return found
