"""What a replica needs and holds, where traffic is simulated second by second."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from scaleproof.simulator.calibration import ServiceCalibration
from scaleproof.spec.model import SpecModel

LONGEST_START_SECONDS: Final = 240.0
"""Beyond it, the rules for pods older than the CPU initialisation period (300 s) would begin to matter."""

_ROUNDING: Final = 1e-6

# Columns of `ServiceModel.packed`: float64[COLUMNS].
CPU_SECONDS: Final = 0  # a request
CAPACITY: Final = 1  # requests/s of a replica within the SLO
MOST_SERVED: Final = 2  # requests/s of a replica at its CPU limit
IDLE_CORES: Final = 3
WARM_SECONDS: Final = 4
WARM_SHARE: Final = 5
NODE_REPLICAS: Final = 6
NODE_SECONDS: Final = 7
REQUEST_MILLI: Final = 8
LIMIT_CORES: Final = 9
COLUMNS: Final = 10


class ServiceModel(SpecModel):
    """One service; requests are spread evenly over its ready replicas. The fields are named as in a measured calibration."""

    version: Literal[1] = 1
    cpu_seconds_per_request: Annotated[float, Field(gt=0, description="CPU seconds of a request.")]
    capacity_per_second: Annotated[float, Field(gt=0, description="Requests/s that one replica serves within the SLO.")]
    request_millicores: Annotated[int, Field(gt=0, description="CPU request of a replica.")]
    limit_millicores: Annotated[int, Field(gt=0, description="CPU limit of a replica.")]
    start_seconds: Annotated[
        tuple[float, float], Field(description="Least and greatest seconds from start to readiness; uniform between them.")
    ] = (0.0, 0.0)
    start_burn_cores: Annotated[float, Field(ge=0, description="CPU while starting.")] = 0.0
    start_burn_seconds: Annotated[float, Field(ge=0, description="How long the start burns, from its begin.")] = 0.0
    warm_up_seconds: Annotated[float, Field(ge=0, description="Seconds after readiness with less capacity.")] = 0.0
    warm_up_factor: Annotated[float, Field(ge=1, description="By how much the capacity is less meanwhile (1: not at all).")] = (
        1.0
    )
    idle_cores: Annotated[float, Field(ge=0, description="CPU of a ready replica without requests.")] = 0.0
    node_replicas: Annotated[
        int, Field(ge=1, description="Replicas that the nodes have room for; further ones wait node_seconds for a node.")
    ] = 1_000_000
    node_seconds: Annotated[float, Field(ge=0, description="Seconds until the cluster autoscaler has added a node.")] = 0.0

    @model_validator(mode="after")
    def _can_be_simulated(self) -> Self:
        least, most = self.start_seconds
        if not 0 <= least <= most:
            msg = f"start_seconds: expected 0 <= least <= greatest, found [{least:g}, {most:g}]"
            raise ValueError(msg)
        if most + self.node_seconds > LONGEST_START_SECONDS:
            msg = f"start_seconds and node_seconds: at most {LONGEST_START_SECONDS:g} s together, found {most + self.node_seconds:g}"
            raise ValueError(msg)
        if self.idle_cores >= self.limit_millicores / 1000:
            msg = f"idle_cores: {self.idle_cores:g} leaves nothing of the limit of {self.limit_millicores}m"
            raise ValueError(msg)
        if self.most_served_per_second < self.capacity_per_second * (1 - _ROUNDING):
            msg = (
                f"capacity_per_second: {self.capacity_per_second:g} requests/s of {self.cpu_seconds_per_request:g} CPU seconds are more "
                f"than the limit of {self.limit_millicores}m allows ({self.most_served_per_second:.4g})"
            )
            raise ValueError(msg)
        return self

    @classmethod
    def of(cls, measured: ServiceCalibration, *, careful: bool = False) -> Self:
        """The same service as it was calibrated: the middles of what was measured, or with `careful` the unfavourable ends."""
        # CPU a request is no end to take: less of it hides load from the autoscaler, more of it brings replicas sooner.
        cpu = measured.cpu_seconds_per_request.value
        capacity = measured.capacity_per_second.low if careful else measured.capacity_per_second.value
        at_limit = (measured.limit_millicores / 1000 - measured.idle_cores) / cpu
        return cls(
            cpu_seconds_per_request=cpu,
            capacity_per_second=min(capacity, at_limit),
            request_millicores=measured.request_millicores,
            limit_millicores=measured.limit_millicores,
            start_seconds=measured.start_seconds,
            start_burn_cores=measured.start_burn_cores,
            start_burn_seconds=measured.start_burn_seconds,
            warm_up_seconds=measured.warm_up_seconds,
            warm_up_factor=max(1.0, measured.warm_up_factor),
            idle_cores=measured.idle_cores,
        )

    @property
    def most_served_per_second(self) -> float:
        """Requests/s at the CPU limit."""
        return (self.limit_millicores / 1000 - self.idle_cores) / self.cpu_seconds_per_request

    @property
    def utilization_at_capacity(self) -> float:
        """Per cent of the request that a replica uses when it serves its capacity."""
        used = self.capacity_per_second * self.cpu_seconds_per_request + self.idle_cores
        return 100_000 * used / self.request_millicores

    def packed(self) -> NDArray[np.float64]:
        """As the kernel reads it: float64[COLUMNS]."""
        row = np.zeros(COLUMNS)
        row[CPU_SECONDS] = self.cpu_seconds_per_request
        row[CAPACITY] = self.capacity_per_second
        row[MOST_SERVED] = max(self.most_served_per_second, self.capacity_per_second)  # they may differ by rounding
        row[IDLE_CORES] = self.idle_cores
        row[WARM_SECONDS] = self.warm_up_seconds
        row[WARM_SHARE] = 1.0 / self.warm_up_factor
        row[NODE_REPLICAS] = self.node_replicas
        row[NODE_SECONDS] = self.node_seconds
        row[REQUEST_MILLI] = self.request_millicores
        row[LIMIT_CORES] = self.limit_millicores / 1000
        return row
