"""Many `autoscaling/v2` specs as the arrays that one call of the kernel reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator import autoscaling
from scaleproof.simulator.autoscaling_spec import PackedSpec, pack
from scaleproof.simulator.traffic.kernel import PERIOD
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import BadInputError

LARGEST_MAXIMUM: Final = 100_000
"""The kernel has room for as many replicas at once: 56 bytes each, on every core."""


@dataclass(frozen=True)
class PackedPolicies:
    """One row a policy; the columns are named in `simulator.autoscaling`."""

    ints: NDArray[np.int64]
    floats: NDArray[np.float64]
    rules: NDArray[np.int64]
    """int64[policies, most rules, 3]; each policy reads its own number of them."""
    metrics: NDArray[np.int64]
    """int64[policies, 2]: kind and target."""

    def __len__(self) -> int:
        return int(self.ints.shape[0])

    def chosen(self, rows: Sequence[int] | NDArray[np.int64]) -> PackedPolicies:
        """These rows, in this order."""
        return PackedPolicies(self.ints[rows], self.floats[rows], self.rules[rows], self.metrics[rows])


def pack_policies(
    specs: Sequence[AutoscalingSpec], service: ServiceModel, names: Sequence[str] | None = None
) -> PackedPolicies:
    """Raises BadInputError for a spec that has not exactly one metric, CPU or requests per replica; `names` are for errors."""
    titles = [f"policy {number}" for number in range(1, len(specs) + 1)] if names is None else names
    return in_rows([packed_policy(spec, service.request_millicores, name) for spec, name in zip(specs, titles, strict=True)])


def packed_policy(spec: AutoscalingSpec, request_millicores: int, name: str) -> PackedSpec:
    """One policy. Raises BadInputError as `pack_policies`."""
    try:
        row = pack(spec, request_millicores, sync_seconds=PERIOD)
    except BadInputError as error:
        raise BadInputError(f"{name}: {error.message}", hint=error.hint) from None
    if row.metrics.shape[0] != 1:
        raise BadInputError(
            f"{name}: {row.metrics.shape[0]} metrics; traffic is simulated with exactly one",
            hint="Resource cpu, or Pods with requests/s of a replica",
        )
    if row.ints[autoscaling.MIN_REPLICAS] < 1:
        raise BadInputError(f"{name}: minReplicas 0; traffic is simulated with at least 1")
    if row.ints[autoscaling.MAX_REPLICAS] > LARGEST_MAXIMUM:
        raise BadInputError(
            f"{name}: maxReplicas {row.ints[autoscaling.MAX_REPLICAS]}; traffic is simulated with at most {LARGEST_MAXIMUM}"
        )
    return row


def in_rows(packed: Sequence[PackedSpec]) -> PackedPolicies:
    """Policies one below the other."""
    most = max((row.rules.shape[0] for row in packed), default=1)
    rules = np.zeros((len(packed), most, 3), np.int64)
    for number, row in enumerate(packed):
        rules[number, : row.rules.shape[0]] = row.rules
        rules[number, row.rules.shape[0] :] = row.rules[-1]  # a down policy twice says what it says once
    return PackedPolicies(
        np.array([row.ints for row in packed], np.int64).reshape(len(packed), autoscaling.INTS),
        np.array([row.floats for row in packed]).reshape(len(packed), autoscaling.FLOATS),
        rules,
        np.array([row.metrics[0] for row in packed], np.int64).reshape(len(packed), 2),
    )


def requests_at_target(policies: PackedPolicies, service: ServiceModel) -> NDArray[np.float64]:
    """Requests/s of a replica at which each policy sees its target; float64[policies]."""
    target = policies.metrics[:, 1].astype(float)
    of_cpu = policies.metrics[:, 0] == autoscaling.CPU_UTILIZATION
    of_value = policies.metrics[:, 0] == autoscaling.CPU_AVERAGE_VALUE
    cores = np.where(of_value, target / 1000, target * service.request_millicores / 100_000)
    each: NDArray[np.float64] = np.where(
        of_cpu | of_value, (cores - service.idle_cores) / service.cpu_seconds_per_request, target / 1000
    )
    return each


def steady_replicas(policies: PackedPolicies, service: ServiceModel, rate: float) -> NDArray[np.int64]:
    """The count at which each policy would stay under a constant rate, from many replicas down; int64[policies]."""
    wanted = np.ceil(np.divide(rate, np.maximum(requests_at_target(policies, service), 1e-9)) - 1e-9)
    low, high = policies.ints[:, autoscaling.MIN_REPLICAS], policies.ints[:, autoscaling.MAX_REPLICAS]
    return np.clip(wanted, low, high).astype(np.int64)
