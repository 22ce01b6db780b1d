"""What the autoscaler sees, and how late: metrics-server's scrapes and its rules for a rate.

Source: sigs.k8s.io/metrics-server/pkg/storage/pod.go and pkg/scraper/client/resource/decode.go: the rate between the last
two scrapes; a new container has none before its second scrape, unless at its first one it is at least 10 s old and younger
than the resolution: then the rate since its start counts.

Not every kubelet reads the counters when it is scraped. With CRI-O it hands out what cAdvisor read last, with the time of that
reading (github.com/google/cadvisor/manager/container.go: nextHousekeepingInterval, jitter): a sample is some seconds old, its window
is the time between two readings, and a scrape that finds no new reading changes nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import kernel
from scaleproof.simulator.layout import (
    COUNTER_LEAST,
    COUNTER_MOST,
    CREATED,
    NEXT_READ,
    READ_AT,
    READ_CPU,
    READ_DRAW,
    READ_REQUESTS,
    SAMPLE_AT,
    SAMPLE_CPU_NANO,
    SAMPLE_REQUESTS,
    SAMPLE_WINDOW,
    SCRAPED_AT,
    SCRAPED_CPU,
    SCRAPED_REQUESTS,
)

FRESH_CONTAINER_SECONDS: Final = 10.0
GOLDEN_RATIO: Final = 0.6180339887498949


@kernel
def read_counters(
    slot: int, now: float, cpu_seconds: float, requests: float, settings: NDArray[np.float64], samples: NDArray[np.float64]
) -> None:
    """The kubelet reads a replica's counters at `now`, and will again after a time within its bounds.

    These times are a Weyl sequence from the replica's own draw: as even as uniform draws, without a table of them.
    """
    samples[slot, READ_AT] = now
    samples[slot, READ_CPU] = cpu_seconds
    samples[slot, READ_REQUESTS] = requests
    draw = samples[slot, READ_DRAW]
    samples[slot, NEXT_READ] = now + settings[COUNTER_LEAST] + draw * (settings[COUNTER_MOST] - settings[COUNTER_LEAST])
    samples[slot, READ_DRAW] = (draw + GOLDEN_RATIO) % 1.0


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
    """Metrics-server gets a replica's counters as they were at `now`: CPU seconds and requests since creation."""
    since = samples[slot, SCRAPED_AT]
    if now <= since:
        return
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
