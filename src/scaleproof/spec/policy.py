"""The policy of a stack: an `autoscaling/v2` spec per service plus its `resources`. No second vocabulary."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from scaleproof.spec.autoscaling import AutoscalingSpec, Quantity
from scaleproof.spec.model import KubernetesModel, SpecModel
from scaleproof.spec.quantity import byte_value, milli_value

POLICY_VERSION: Final = 1


class ResourceList(KubernetesModel):
    """CPU and memory, as in `v1.ResourceList`."""

    cpu: Quantity
    memory: Quantity

    @property
    def cpu_millicores(self) -> int:
        """CPU in thousandths of a core."""
        return milli_value(self.cpu)

    @property
    def memory_bytes(self) -> int:
        """Memory in bytes."""
        return byte_value(self.memory)


class ResourceRequirements(KubernetesModel):
    """`v1.ResourceRequirements` of a replica: what is reserved and what is enforced."""

    requests: ResourceList
    limits: ResourceList

    @model_validator(mode="after")
    def _requests_within_limits(self) -> Self:
        if self.requests.cpu_millicores > self.limits.cpu_millicores:
            msg = f"requests.cpu {self.requests.cpu} is greater than limits.cpu {self.limits.cpu}"
            raise ValueError(msg)
        if self.requests.memory_bytes > self.limits.memory_bytes:
            msg = f"requests.memory {self.requests.memory} is greater than limits.memory {self.limits.memory}"
            raise ValueError(msg)
        return self


class ServicePolicy(SpecModel):
    """How one service scales and what one replica may use."""

    autoscaling: AutoscalingSpec
    resources: ResourceRequirements


class Policy(SpecModel):
    """The whole policy of a stack: `scaleproof:policy` in `Pulumi.<stack>.yaml`."""

    version: Literal[1] = Field(default=POLICY_VERSION, description="Version of this format.")
    services: dict[str, ServicePolicy]
