"""What goes into a simulation, typed: assumptions beyond the calibration, and one service ready for the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator import layout
from scaleproof.simulator.autoscaling_spec import PackedSpec, pack
from scaleproof.simulator.calibration import Calibration, ServiceCalibration, Stamp
from scaleproof.simulator.dear_moments import MomentRates
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy, ServicePolicy

Arrivals = Mapping[str, NDArray[np.float64]]
"""Per service the sorted intended times of its requests in seconds since the start. Calls between services are added."""

ArrivalsBySeed = Callable[[int], Arrivals]


@dataclass(frozen=True)
class Assumptions:
    """What no calibration measures. The defaults are Kubernetes' periods and nothing unforeseen; `of` gives those of a target."""

    sync_seconds: float = 15.0
    scrape_seconds: float = 15.0
    counter_seconds: tuple[float, float] = (0.0, 0.0)
    """Least and greatest time between two readings of a replica's counters, where a scrape finds the last reading; (0, 0): a
    scrape reads them itself."""
    sync_phase_seconds: float | None = None
    """When the first sync is, where that is known; None: it is drawn."""
    scrape_phase_seconds: float | None = None
    """The same of the first scrape."""
    propagation_seconds: tuple[float, float] = (0.5, 1.0)
    """From a replica's readiness to its first request: the readiness poll and the gateway's view of its endpoints."""
    drain_seconds: float = 1.0
    """A draining replica stays at least so long, and at most so much longer as the service's `drain_seconds` says."""
    start_under_load: float = 1.0
    """A start takes this many times what it took in the calibration, where nothing else ran meanwhile."""
    max_outstanding: int | None = None
    """Requests in one service at once, beyond which the gateway answers 503 (a circuit breaker); None: no limit."""
    calibration_noise: bool = True
    """Every simulated run draws the calibrated means from their intervals, so that results carry their uncertainty."""
    dear_moments: MomentRates | None = None
    """Seconds in which everything costs more; drawn together with the calibration's noise. None: none."""

    @classmethod
    def of(cls, stamp: Stamp) -> Assumptions:
        """Those of the target that a calibration was measured on."""
        if stamp.target != "kube":
            return EMBEDDED
        return replace(KUBERNETES, counter_seconds=CADVISOR_SECONDS) if stamp.runtime == "cri-o" else KUBERNETES


EMBEDDED: Final = Assumptions(
    drain_seconds=3.2,
    start_under_load=1.2,
    dear_moments=MomentRates(per_second=1 / 130, mean_seconds=1.0, factors=(1.3, 1.7)),
)
"""A draining replica is first taken out of balance (1 s), then quiet (1 s), then ends under its limit: 3.2 to 3.3 s as measured. Six
starts in the spikes of `benchmarks/abba.py` took 1.1 to 1.3 times the middle of what the calibration saw, and in 400 loaded seconds
requests cost half as much again three times. A cluster has them too; it was not asked yet."""

KUBERNETES: Final = Assumptions(propagation_seconds=(0.5, 2.0), drain_seconds=7.5)
"""A replica is there for 5 s of `preStop` (`components.replica_pod`), and as measured 2 to 3 s more until it has ended."""

CADVISOR_SECONDS: Final = (10.0, 20.0)
"""A kubelet asks containerd for the counters whenever it is scraped: measured windows are 15.0 s. With CRI-O it hands out what
cAdvisor read last, every 10 s and jittered by up to as much again (k8s.io/kubernetes/pkg/kubelet/cadvisor/util.go,
UsingLegacyCadvisorStats; cadvisor_linux.go)."""


@dataclass(frozen=True)
class ServiceSetup:
    """One service under one policy, in the arrays of `layout`; phases are filled in per simulated run."""

    name: str
    settings: NDArray[np.float64]
    hpa: PackedSpec
    initial_replicas: int
    max_replicas: int
    request_millicores: int
    slo_seconds: float
    station_seconds: float
    """Seconds that the shared bottleneck needs for a request, one after the other; 0 where none was found."""
    calibration: ServiceCalibration
    key: str
    """Equal for equal policies of this service."""

    @property
    def request_cores(self) -> float:
        """Requested cores of one replica."""
        return self.request_millicores / 1000


def set_up(
    name: str,
    calibration: ServiceCalibration,
    platform: Platform,
    policy: ServicePolicy,
    assumptions: Assumptions,
    *,
    duration_seconds: float,
    horizon_seconds: float,
) -> ServiceSetup:
    """The kernel's settings of a service. A run starts at the policy's minReplicas, long ready."""
    service = platform.services[name]
    limit = policy.resources.limits.cpu_millicores / 1000
    settings = np.zeros(layout.SETTINGS)
    settings[layout.LIMIT_CORES] = limit
    settings[layout.SPEED_CORES] = calibration.concurrency
    settings[layout.IDLE_CORES] = min(calibration.idle_cores, limit)
    settings[layout.BURN_CORES] = min(calibration.start_burn_cores, limit)
    settings[layout.BURN_SECONDS] = calibration.start_burn_seconds * assumptions.start_under_load
    settings[layout.WARM_SECONDS] = calibration.warm_up_seconds
    settings[layout.WARM_FACTOR] = calibration.warm_up_factor
    settings[layout.BUSY_FACTOR] = calibration.busy_factor
    settings[layout.IDLE_FACTOR] = calibration.idle_factor
    settings[layout.IDLE_SECONDS] = calibration.idle_seconds
    settings[layout.REQUEST_CORES] = policy.resources.requests.cpu_millicores / 1000
    settings[layout.DURATION] = duration_seconds
    settings[layout.HORIZON] = horizon_seconds
    settings[layout.SYNC_PERIOD] = assumptions.sync_seconds
    settings[layout.SCRAPE_PERIOD] = assumptions.scrape_seconds
    settings[layout.COUNTER_LEAST], settings[layout.COUNTER_MOST] = assumptions.counter_seconds
    settings[layout.DRAIN_LEAST] = assumptions.drain_seconds
    settings[layout.DRAIN_MOST] = service.drain_seconds + assumptions.drain_seconds
    settings[layout.MAX_OUTSTANDING] = np.inf if assumptions.max_outstanding is None else assumptions.max_outstanding
    settings[layout.TIMEOUT] = platform.gateway.request_timeout_seconds
    settings[layout.QUEUE_LIMIT] = np.inf if calibration.queue_limit is None else calibration.queue_limit
    settings[layout.REJECTION_SECONDS] = calibration.rejection_cpu_seconds
    hpa = pack(
        policy.autoscaling, policy.resources.requests.cpu_millicores, sync_seconds=assumptions.sync_seconds, service=name
    )
    most = max(calibration.capacity_by_replicas.values(), default=0.0)
    return ServiceSetup(
        name=name,
        settings=settings,
        hpa=hpa,
        initial_replicas=policy.autoscaling.min_replicas,
        max_replicas=policy.autoscaling.max_replicas,
        request_millicores=policy.resources.requests.cpu_millicores,
        slo_seconds=service.slo.latency_seconds,
        station_seconds=1 / most if calibration.bottleneck is not None and most > 0 else 0.0,
        calibration=calibration,
        key=policy.model_dump_json(exclude_none=True),
    )


def check_services(calibration: Calibration, platform: Platform, policy: Policy) -> None:
    """Raises BadInputError where a service of the platform has no policy or no calibration."""
    for name in platform.services:
        if name not in policy.services:
            raise BadInputError(f"policy: service {name} is missing", hint="give every service of platform.yaml a policy")
        if name not in calibration.services:
            raise BadInputError(f"calibration: service {name} is missing", hint="run `scaleproof calibrate` again")
