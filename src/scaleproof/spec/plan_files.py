"""The files of `scaleproof plan` beside platform.yaml and the calibration: prices, a team, and what nobody has measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from scaleproof.spec.autoscaling import Quantity
from scaleproof.spec.model import SpecModel
from scaleproof.spec.quantity import byte_value
from scaleproof.spec.yaml_document import read_yaml, validate

PRICES_VERSION: Final = 1
TEAM_VERSION: Final = 1
ASSUMPTIONS_VERSION: Final = 1

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
PlainText = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=80)]
WorkId = Annotated[str, StringConstraints(pattern=r"^[a-z][-a-z]*(:[-a-z0-9]+)?$")]


class Prices(SpecModel):
    """`prices.yaml`: what an hour costs."""

    version: Literal[1] = Field(description="Version of this format.")
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(description="ISO 4217, such as EUR.")
    core_hour: Amount | None = Field(default=None, description="A reserved core.")
    gib_hour: Amount | None = Field(default=None, description="A reserved GiB of memory.")
    node_hour: Amount | None = Field(
        default=None, description="A node of the size in the assumptions file; where given, nodes are what is paid for."
    )
    hours_per_month: Annotated[float, Field(gt=0, le=744)] = 730
    mean_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="Mean over the month of what runs, relative to the peak; 1: the peak lasts all month."
    )

    @model_validator(mode="after")
    def _something_has_a_price(self) -> Self:
        if self.node_hour is None and (self.core_hour is None or self.gib_hour is None):
            msg = "expected node_hour, or core_hour and gib_hour"
            raise ValueError(msg)
        return self


class Person(SpecModel):
    """Somebody who lifts bottlenecks."""

    role: PlainText
    days_per_week: Annotated[float, Field(ge=0.1, le=5)] = Field(description="For this work, spread evenly over five days.")


class Work(SpecModel):
    """Who lifts a bottleneck, and what it takes."""

    owner: str
    effort_days: Annotated[float, Field(gt=0, le=250)] = Field(description="Working days of the owner.")
    support: dict[str, Annotated[float, Field(gt=0, le=250)]] = Field(
        default={}, description="Person → working days beside the owner's."
    )
    after: list[WorkId] = Field(default=[], description="Bottlenecks to be lifted before, beside those known anyway.")

    @property
    def days(self) -> dict[str, float]:
        """Working days by person, the owner first."""
        return {self.owner: self.effort_days, **self.support}


class Team(SpecModel):
    """`team.yaml`: who lifts which bottleneck, and how much time they have."""

    version: Literal[1] = Field(description="Version of this format.")
    people: Annotated[dict[PlainText, Person], Field(min_length=1)]
    work: dict[WorkId, Work] = Field(
        default={}, description="A bottleneck (max-replicas:orders) or all of its kind (max-replicas) → who and what."
    )
    others: Work | None = Field(default=None, description="For every bottleneck that `work` does not name.")

    @model_validator(mode="after")
    def _people_are_known(self) -> Self:
        for name, work in [*self.work.items(), *([("others", self.others)] if self.others else [])]:
            for person in (work.owner, *work.support):
                if person not in self.people:
                    msg = f"{name}: {person!r} is not one of the people: {', '.join(sorted(self.people))}"
                    raise ValueError(msg)
            if work.owner in work.support:
                msg = f"{name}: {work.owner!r} owns it and supports it; expected one of both"
                raise ValueError(msg)
        return self

    def work_on(self, bottleneck: str) -> Work | None:
        """By the bottleneck's own id, then by its kind, then `others`; None where nobody is named."""
        return self.work.get(bottleneck) or self.work.get(bottleneck.partition(":")[0]) or self.others


class GatewayAssumptions(SpecModel):
    """The gateway. CPU and idle use are the reserves measured on two cores with 10,000 users (`runtime.budget`)."""

    cpu_ms_per_request: Amount = 0.675
    idle_cores: Amount = 0.025
    base_memory: Quantity = "64Mi"
    kib_per_connection: Amount = Field(default=50, description="Memory of one user's connection.")
    instances: Count = 1
    cores: Positive = Field(default=2.0, description="CPU limit of one instance.")
    open_files: Count = Field(default=65_536, description="Open files that one instance may have.")


class DatabaseAssumptions(SpecModel):
    """PostgreSQL. CPU as for the gateway; what Redis needs is within it."""

    cpu_ms_per_request: Amount = 0.945
    idle_cores: Amount = 0.035
    cores: Positive = Field(default=4.0, description="Cores that the server has.")
    pool: Annotated[int, Field(ge=0)] = Field(
        default=4, description="Most connections of a replica whose service has no postgres_connections in platform.yaml."
    )
    other_connections: Annotated[int, Field(ge=0)] = Field(default=2, description="Migrations and monitoring.")
    mib_per_connection: Amount = 10
    on_nodes: bool = Field(default=True, description="false: a server outside, which needs no room on the nodes.")


class RedisAssumptions(SpecModel):
    """Redis."""

    base_memory: Quantity = "8Mi"
    bytes_per_user: Amount = Field(
        default=2048, description="Working set of one user, where platform.yaml has no redis.working_set."
    )
    connections_per_replica: Annotated[int, Field(ge=0)] = Field(
        default=2, description="Of a service that has no redis_connections in platform.yaml."
    )
    on_nodes: bool = True


class NodeAssumptions(SpecModel):
    """One node size."""

    cores: Positive = 4.0
    memory: Quantity = "16Gi"
    system_cores: Amount = Field(default=0.3, description="Of each node: kubelet, network, daemon sets.")
    system_memory: Quantity = "1Gi"
    pods: Count = Field(default=110, description="Kubernetes' own default.")
    spare: Annotated[int, Field(ge=0)] = Field(default=1, description="Nodes that may fail or be drained at the peak.")
    most: Count | None = Field(default=None, description="Quota; none: as many as are needed.")

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.usable_cores <= 0 or self.usable_memory_bytes <= 0:
            msg = "the system takes all of a node; expected system_cores below cores and system_memory below memory"
            raise ValueError(msg)
        return self

    @property
    def usable_cores(self) -> float:
        """What is left for pods."""
        return self.cores - self.system_cores

    @property
    def usable_memory_bytes(self) -> float:
        """What is left for pods."""
        return float(byte_value(self.memory) - byte_value(self.system_memory))


class PlanAssumptions(SpecModel):
    """What neither platform.yaml nor a calibration says. Every value is shown in the plan."""

    version: Literal[1] = Field(default=ASSUMPTIONS_VERSION, description="Version of this format.")
    headroom: Amount = Field(default=0.1, description="Kept free of what replicas hold within the SLO, as a share of the peak.")
    surge: Annotated[float, Field(ge=0, le=1)] = Field(default=0.25, description="maxSurge of a rolling update.")
    response_seconds: Amount = Field(
        default=0.0, description="How long a user waits for an answer before thinking; 0 as in scaleproof's own load."
    )
    gateway: GatewayAssumptions = GatewayAssumptions()
    database: DatabaseAssumptions = DatabaseAssumptions()
    redis: RedisAssumptions = RedisAssumptions()
    nodes: NodeAssumptions = NodeAssumptions()


PLAN_MODELS: dict[str, type[BaseModel]] = {"prices": Prices, "team": Team, "plan-assumptions": PlanAssumptions}


def read_prices(file: Path) -> Prices:
    """Raises BadInputError with file, line, field and expectation."""
    return validate(read_yaml(file), Prices, current_version=PRICES_VERSION)


def read_team(file: Path) -> Team:
    """Raises BadInputError with file, line, field and expectation."""
    return validate(read_yaml(file), Team, current_version=TEAM_VERSION)


def read_assumptions(file: Path) -> PlanAssumptions:
    """Raises BadInputError with file, line, field and expectation."""
    return validate(read_yaml(file), PlanAssumptions, current_version=ASSUMPTIONS_VERSION)
