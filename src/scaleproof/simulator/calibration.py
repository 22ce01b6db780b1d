"""The calibration file: what one replica of each service needs and holds, as measured, with intervals."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from scaleproof.spec.model import SpecModel

CALIBRATION_VERSION: Final = 1


class Estimate(SpecModel):
    """A measured value with its 90 % interval."""

    value: float
    low: float
    high: float


class Stamp(SpecModel):
    """Where and on what a calibration was measured. It serves no other."""

    machine: str = Field(description="Digest of CPU model, cores and memory.")
    target: str = Field(description="local or kube.")
    runtime: str = Field(default="", description="Container runtime of a cluster's nodes, such as containerd or cri-o.")
    image: str = Field(description="Digest of the services' code and of the versions that run them.")
    limits: dict[str, str] = Field(description="cpu/memory limit per service, such as orders: 150m/192Mi.")
    measured_at: float = Field(description="Unix seconds.")


class CalibrationStep(SpecModel):
    """One step of a staircase, as measured: what the fits rest on."""

    replicas: int
    rate_per_replica: float = Field(description="Requests/s that one replica completed.")
    p50_seconds: float
    p95_seconds: float
    good_share: float = Field(description="Share of the intended requests within the SLO.")
    cores_per_replica: float = Field(description="Mean CPU of one replica.")
    requests: int


class ServiceCalibration(SpecModel):
    """One service under a CPU quota. The quota is modelled as a quota (100 ms periods), not as a slower CPU."""

    cpu_seconds_per_request: Estimate = Field(
        description="CPU seconds of one replica a request at capacity, fan-out excluded. Rarer requests are dearer (see idle_factor)."
    )
    busy_factor: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="CPU of a request that follows another at once, relative to cpu_seconds_per_request."
    )
    idle_factor: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="CPU of a request that finds a long idle replica, relative to cpu_seconds_per_request."
    )
    idle_seconds: Annotated[float, Field(gt=0)] = Field(
        default=0.05, description="Time constant in which an idle replica's next request gets dearer (caches go cold)."
    )
    cpu_variation: Annotated[float, Field(ge=0)] = Field(
        default=0.5, description="Coefficient of variation of a request's CPU seconds."
    )
    idle_cores: Annotated[float, Field(ge=0)] = Field(default=0.0, description="CPU of a ready replica without requests.")
    wait_seconds: Estimate = Field(description="Mean time a request waits for others (database, network), at low load.")
    wait_variation: Annotated[float, Field(ge=0)] = Field(
        default=0.7, description="Coefficient of variation of the time a request waits for others."
    )
    concurrency: Annotated[int, Field(gt=0)] = Field(default=1, description="Cores one replica can use at once.")
    capacity_per_second: Estimate = Field(description="Requests/s one replica serves within the SLO.")
    capacity_by_replicas: dict[int, float] = Field(default={}, description="Requests/s within the SLO by number of replicas.")
    usage_at_capacity_cores: float = Field(description="p95 of one replica's CPU at capacity.")
    memory_peak_bytes: int
    request_millicores: int
    limit_millicores: int
    start_seconds: tuple[float, float] = Field(description="Least and greatest seconds from creation to readiness.")
    start_burn_cores: float = Field(description="Mean CPU while starting.")
    start_burn_seconds: float = Field(description="How long the start burns, from creation.")
    warm_up_seconds: float = Field(default=0.0, description="Seconds after readiness with dearer requests.")
    warm_up_factor: float = Field(default=1.0, description="CPU a request costs during warm-up, relative to later.")
    queue_limit: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Requests that wait for one replica's CPU before it answers 503; none: it lets them all wait."
    )
    rejection_cpu_seconds: Annotated[float, Field(ge=0)] = Field(default=0.0, description="CPU seconds that such a 503 costs.")
    calls: dict[str, float] = Field(default={}, description="Calls a request makes to other services.")
    bottleneck: str | None = Field(default=None, description="Shared resource that stopped growth with replicas.")
    highest_rate_per_replica: float = Field(
        description="Highest requests/s a replica was measured at; nothing is extrapolated beyond."
    )
    highest_replicas: int = Field(description="Most replicas measured at once.")
    steps: list[CalibrationStep] = Field(default=[], description="What was measured, for the report.")


class Calibration(SpecModel):
    """The calibration file (JSON)."""

    version: Literal[1] = CALIBRATION_VERSION
    stamp: Stamp
    slo: dict[str, tuple[float, float]] = Field(description="Per service (threshold seconds, share) it was measured for.")
    services: dict[str, ServiceCalibration]
