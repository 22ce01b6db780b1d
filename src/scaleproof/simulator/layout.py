"""Names of the columns of the kernel's arrays. Plain ints, so that compiled code sees constants."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Settings of one service: float64[SETTINGS].
LIMIT_CORES: Final = 0
SPEED_CORES: Final = 1  # cores that one replica can use at once
IDLE_CORES: Final = 2
BURN_CORES: Final = 3
BURN_SECONDS: Final = 4
WARM_SECONDS: Final = 5
WARM_FACTOR: Final = 6
REQUEST_CORES: Final = 7
DURATION: Final = 8  # of the load; arrivals end here
HORIZON: Final = 9  # of the simulation, not before DURATION
SYNC_PHASE: Final = 10
SYNC_PERIOD: Final = 11
SCRAPE_PHASE: Final = 12
SCRAPE_PERIOD: Final = 13
DRAIN_LEAST: Final = 14  # seconds that a draining replica stays at least
DRAIN_MOST: Final = 15  # then it is killed
MAX_OUTSTANDING: Final = 16  # requests in one service at once; beyond, the gateway answers 503
TIMEOUT: Final = 17
QUEUE_LIMIT: Final = 18  # requests in one replica at once; beyond, it answers 503 at once
REJECTION_SECONDS: Final = 19  # CPU that such a refused request costs
BUSY_FACTOR: Final = 20  # CPU of a request that follows another at once, relative to the drawn work
IDLE_FACTOR: Final = 21  # of one that finds a replica long idle
IDLE_SECONDS: Final = 22  # how soon an idle replica gets there
COUNTER_LEAST: Final = 23  # seconds between two readings of a replica's counters, at least
COUNTER_MOST: Final = 24  # and at most; 0: every scrape reads them itself
SETTINGS: Final = 25

# A slot is a place for one replica. Its CPU: float64[slots, CPU_COLUMNS].
CLOCK: Final = 0  # the time up to which the replica has been simulated
USED: Final = 1  # CPU seconds used in the running quota period
PERIOD_END: Final = 2
REMAINING: Final = 3  # CPU seconds that the request in service still needs
DONE: Final = 4  # CPU seconds spent on requests
THROTTLED: Final = 5  # seconds stopped by the quota while work was waiting
WARM_UNTIL: Final = 6
IDLE_SINCE: Final = 7  # when the last request was done
CPU_COLUMNS: Final = 8

# Its queue: int64[slots, QUEUE_COLUMNS].
HEAD: Final = 0
TAIL: Final = 1
LENGTH: Final = 2
RECEIVED: Final = 3  # requests since creation, refused ones included
QUEUE_COLUMNS: Final = 4

# Its life: float64[slots, LIFE_COLUMNS].
CREATED: Final = 0
READY_AT: Final = 1
ROUTABLE_AT: Final = 2  # the gateway knows it
DRAINED_AT: Final = 3  # draining began
CHANGED_AT: Final = 4  # the Ready condition changed
PROPAGATION: Final = 5  # seconds between readiness and the first request
LIFE_COLUMNS: Final = 6

# Its state: int64[slots, STATE_COLUMNS].
STATE: Final = 0
ORDINAL: Final = 1  # how many replicas were created before it
STATE_COLUMNS: Final = 2

FREE: Final = 0
STARTING: Final = 1
READY: Final = 2
DRAINING: Final = 3

# What the metrics server knows of it: float64[slots, SAMPLE_COLUMNS].
SCRAPED_AT: Final = 0  # when the counters were read that the last scrape got; NaN: never
SCRAPED_CPU: Final = 1  # CPU seconds since creation, at SCRAPED_AT
SCRAPED_REQUESTS: Final = 2
SAMPLE_AT: Final = 3  # NaN: no sample
SAMPLE_WINDOW: Final = 4
SAMPLE_CPU_NANO: Final = 5  # nanocores, truncated as metrics-server does
SAMPLE_REQUESTS: Final = 6  # requests/s
READ_AT: Final = 7  # when the counters were last read, where a scrape does not do that itself; NaN: never
READ_CPU: Final = 8
READ_REQUESTS: Final = 9
NEXT_READ: Final = 10
READ_DRAW: Final = 11  # in [0, 1): how long it is to the next reading
SAMPLE_COLUMNS: Final = 12

# Draws by ordinal of the replica: float64[any, REPLICA_DRAWS].
START_SECONDS: Final = 0
PROPAGATION_SECONDS: Final = 1
QUOTA_PHASE: Final = 2  # share of a period
COUNTER_PHASE: Final = 3  # in [0, 1): where the readings of its counters begin
REPLICA_DRAWS: Final = 4

# Outcome of a request: int8.
LOST: Final = 0  # not finished when the simulation ended, or its replica was killed
SERVED_OK: Final = 1
NO_REPLICA: Final = 2  # 503: none is ready
OVERFLOW: Final = 3  # 503: too many outstanding
REFUSED: Final = 4  # 503 of the replica: it had too many

# One row a second: float64[seconds, SECOND_COLUMNS].
SECOND_TOTAL: Final = 0  # replicas that exist: starting, ready, draining
SECOND_READY: Final = 1
SECOND_DESIRED: Final = 2
SECOND_CPU: Final = 3  # cores, mean over the second that ends here
SECOND_QUEUED: Final = 4
SECOND_THROTTLED: Final = 5  # seconds stopped by the quota, summed over replicas
SECOND_DRAINING: Final = 6
SECOND_COLUMNS: Final = 7

# One row a decision: float64[decisions, DECISION_COLUMNS].
DECIDED_AT: Final = 0
DECIDED_CURRENT: Final = 1
DECIDED_DESIRED: Final = 2
DECIDED_REASON: Final = 3
DECIDED_USAGE: Final = 4  # per cent of the request, or the mean value; NaN where no metric
DECISION_COLUMNS: Final = 5

# One row a replica that ever lived: float64[lives, LIVED_COLUMNS].
LIVED_FROM: Final = 0
LIVED_READY: Final = 1  # NaN: never
LIVED_TO: Final = 2  # NaN: still alive when the simulation ended
LIVED_COLUMNS: Final = 3


class Requests(NamedTuple):
    """A service's requests; one entry a request in order of arrival."""

    arrivals: NDArray[np.float64]
    work: NDArray[np.float64]
    """CPU seconds."""
    choices: NDArray[np.float64]
    """Uniform draws in [0, 1)."""
    following: NDArray[np.int64]
    """The next request in the same queue; -1 where none."""
    finished_at: NDArray[np.float64]
    """When the CPU was done with it; NaN before."""
    status: NDArray[np.int8]


class Slots(NamedTuple):
    """All replicas of a service; one row a slot."""

    cpu: NDArray[np.float64]
    queue: NDArray[np.int64]
    life: NDArray[np.float64]
    state: NDArray[np.int64]
    samples: NDArray[np.float64]
