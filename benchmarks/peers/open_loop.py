"""Ottoscalr's open-loop simulation: CPU as it was, replicas as an HPA would have wanted them, more of them after a lag.

Source: flipkart-incubator/ottoscalr pkg/reco/reco.go (simulateHPA, findOptimalHPAConfigurations).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel


@kernel
def simulated(
    cores: NDArray[np.float64], lag_steps: float, target: int, pod: float, red_line: float, least: int, most: int
) -> tuple[int, NDArray[np.float64]]:
    """Every step's cores below the red line: more are there after the lag, fewer at once."""
    wanted = np.ceil(100 * cores / np.floor(target * 1.1) / pod)  # 1.1: HPA's tolerance
    bounded = np.minimum(most, np.maximum(least, wanted)) * pod
    due, more = np.zeros(cores.size), np.zeros(cores.size)
    first = last = 0  # of what is on its way
    ready = bounded[0]
    available = np.zeros(cores.size)
    for step in range(cores.size):
        while first < last and due[first] <= step:
            ready += more[first]
            first += 1
        if bounded[step] > ready:
            missing = bounded[step] - ready - more[first:last].sum()
            if missing > 0:
                due[last], more[last] = step + lag_steps, missing
                last += 1
        else:
            ready = bounded[step]
            first = last
        available[step] = ready * red_line
    return int(wanted.min()), available


@kernel
def highest_target(
    cores: NDArray[np.float64], lag_steps: float, pod: float, red_line: float, least: int, most: int, low: int, high: int
) -> tuple[int, int, NDArray[np.float64]]:
    """By bisection: (target, or less than `low`; fewest replicas wanted and what was available in the last trial, as there)."""
    calculated, available = 0, cores
    while low <= high:
        middle = (low + high) // 2
        calculated, available = simulated(cores, lag_steps, middle, pod, red_line, least, most)
        if np.all(cores <= available):
            low = middle + 1
        else:
            high = middle - 1
    return high, calculated, available
