"""Which replica gets a request: Envoy's LEAST_REQUEST, the better of two drawn at random.

Source: Envoy, "Supported load balancers", weighted least request with equal weights and choice_count 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator.layout import LENGTH


@kernel
def pick_two(draw: float, count: int) -> tuple[int, int]:
    """Two different positions below `count` (at least 2) from one uniform draw in [0, 1)."""
    scaled = draw * count
    first = min(int(scaled), count - 1)
    second = min(int((scaled - first) * (count - 1)), count - 2)
    if second >= first:
        second += 1
    return first, second


@kernel
def less_loaded(queue: NDArray[np.int64], first: int, second: int) -> int:
    """The slot with fewer requests outstanding; the first where equal."""
    if queue[second, LENGTH] < queue[first, LENGTH]:
        return second
    return first
