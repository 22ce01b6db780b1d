"""What the autoscaler sees, and how late: metrics-server's scrapes and its rules for a rate.

Source: sigs.k8s.io/metrics-server/pkg/storage/pod.go and pkg/scraper/client/resource/decode.go: the rate between the last
two scrapes; a new container has none before its second scrape, unless at its first one it is at least 10 s old and younger
than the resolution: then the rate since its start counts.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator.layout import (
    CREATED,
    SAMPLE_AT,
    SAMPLE_CPU_NANO,
    SAMPLE_REQUESTS,
    SAMPLE_WINDOW,
    SCRAPED_AT,
    SCRAPED_CPU,
    SCRAPED_REQUESTS,
)

FRESH_CONTAINER_SECONDS: Final = 10.0


@kernel
def scrape(
    slot: int,
    now: float,
    cpu_seconds: float,
    requests: float,
    resolution: float,
    life: NDArray[np.float64],
    samples: NDArray[np.float64],
) -> None:
    """Read a replica's counters at `now`: CPU seconds and requests since creation."""
    since = samples[slot, SCRAPED_AT]
    cpu_before = samples[slot, SCRAPED_CPU]
    requests_before = samples[slot, SCRAPED_REQUESTS]
    if np.isnan(since):
        age = now - life[slot, CREATED]
        if FRESH_CONTAINER_SECONDS <= age < resolution:
            since = life[slot, CREATED]
            cpu_before = 0.0
            requests_before = 0.0
    samples[slot, SCRAPED_AT] = now
    samples[slot, SCRAPED_CPU] = cpu_seconds
    samples[slot, SCRAPED_REQUESTS] = requests
    if not np.isnan(since) and now > since:
        window = now - since
        samples[slot, SAMPLE_AT] = now
        samples[slot, SAMPLE_WINDOW] = window
        # A nanocore of slack: the counters are sums of floats, where the kernel's are whole numbers.
        samples[slot, SAMPLE_CPU_NANO] = np.floor((cpu_seconds - cpu_before) / window * 1e9 + 1e-3)
        samples[slot, SAMPLE_REQUESTS] = (requests - requests_before) / window
