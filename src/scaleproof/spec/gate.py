"""`check` in `platform.yaml`: how much worse a change may be before `scaleproof check` says no."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from scaleproof.spec.model import SpecModel

Share = Annotated[float, Field(ge=0)]


class Gate(SpecModel):
    """Thresholds beyond the SLOs, each against the committed baseline, and rules that are meant to be broken."""

    max_cost_growth: Share = Field(default=0.05, description="Share of the baseline's cost that a change may add.")
    max_violation_growth: Share = Field(
        default=0.005, description="Share of all requests by which a service's violation may grow over the baseline's."
    )
    max_cpu_growth: Share = Field(default=0.10, description="Share of the baseline's CPU a request that a change may add.")
    max_memory_growth: Share = Field(default=0.25, description="Share of the baseline's memory peak that a change may add.")
    max_violation: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="Highest violation of any service; its SLO decides where this is not given."
    )
    max_error_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.5, description="A measured run with more failed requests than this share ends the measuring."
    )
    ignore: dict[str, Annotated[str, Field(min_length=8)]] = Field(
        default={}, description="Rule → the reason why it does not hold here. `scaleproof lint` says nothing of it then."
    )
