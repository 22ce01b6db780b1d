"""What the tuner found, as data: a tuning result, a prediction, a verdict, and the proof of a whole loop. Saved as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from scaleproof.simulator.calibration import Calibration, Estimate
from scaleproof.spec.errors import BadInputError, ExitCode
from scaleproof.spec.model import SpecModel
from scaleproof.spec.policy import Policy

PROOF_VERSION: Final = 1

Decision = Literal["better", "not better", "inconclusive", "unchanged"]
"""`unchanged`: the tuner found nothing worth changing, so there was nothing to compare."""
MetricName = Literal["violation", "cost", "replica_seconds", "p95_seconds"]

EXIT_CODES: Final[dict[Decision, ExitCode]] = {
    "better": ExitCode.OK,
    "not better": ExitCode.VERDICT_NO,
    "inconclusive": ExitCode.CANNOT_MEASURE,
    "unchanged": ExitCode.OK,
}


class FrontierPoint(SpecModel):
    """One policy on the cost-violation frontier, as simulated over the search's seeds."""

    label: str = Field(description="What the policy is in a few words, such as `orders 2-5 at 95 %`.")
    cost: Estimate = Field(description="Requested core-seconds.")
    violation: Estimate = Field(description="The worst service's violation; its bounds are over seeds.")
    keeps_slo: bool = Field(description="Upper bound of every service's violation within its budget less the margin.")
    chosen: bool = False
    starting: bool = False
    policy: Policy


class Sensitivity(SpecModel):
    """What one change of the chosen policy alone would do."""

    label: str = Field(description="Such as `orders: target 95 % → 105 %`.")
    cost_change: float = Field(description="Share of the chosen policy's cost: 0.1 is 10 % dearer.")
    violation_change: float = Field(description="Absolute change of the worst service's violation.")
    keeps_slo: bool


class TuningResult(SpecModel):
    """The policy before and after, and why."""

    before: Policy
    after: Policy
    changed: bool
    diff: str = Field(default="", description="Unified diff of the stack file; empty where nothing changes.")
    before_cost: Estimate
    before_violation: Estimate
    after_cost: Estimate
    after_violation: Estimate
    violation_by_service: dict[str, Estimate] = Field(default={}, description="Of the chosen policy.")
    frontier: list[FrontierPoint] = Field(description="From the cheapest to the dearest, plus the starting policy.")
    sensitivity: list[Sensitivity] = []
    reasons: list[str] = Field(description="One sentence a changed or deliberately kept field.")
    margin: float = Field(description="Share of the SLO budget that was kept free.")
    feasible: bool = True
    infeasible_reason: str | None = Field(default=None, description="Which constraint, and the least capacity that would do.")
    seeds: list[int] = []
    policies_tried: int = 0


class Prediction(SpecModel):
    """What the simulator expects of one policy under one load: medians and 90 % intervals over seeds and phases."""

    label: str = Field(description="before or after.")
    time_s: list[float] = Field(description="Grid of the series below, seconds since the start.")
    replicas: dict[str, list[float]] = Field(description="Median of the replicas created, per service.")
    replicas_low: dict[str, list[float]]
    replicas_high: dict[str, list[float]]
    violation: Estimate = Field(description="The worst service's.")
    violation_by_service: dict[str, Estimate]
    cost: Estimate
    replica_seconds: Estimate
    p95_seconds: dict[str, Estimate] = Field(default={}, description="Per service, over the whole run.")


class MetricChange(SpecModel):
    """One metric before and after. The interval of the difference (after - before) is the 90 % noise around it."""

    metric: MetricName
    service: str | None = Field(default=None, description="None: all services together.")
    before: float
    after: float
    difference: Estimate
    significant: bool = Field(description="The difference is outside the noise.")

    @property
    def fell(self) -> bool:
        """It is less, outside the noise."""
        return self.significant and self.difference.value < 0

    @property
    def rose(self) -> bool:
        """It is more, outside the noise."""
        return self.significant and self.difference.value > 0


class RunReference(SpecModel):
    """A run that a verdict rests on."""

    label: str = Field(description="Such as `A1` or `B1`.")
    policy: Literal["before", "after"]
    folder: str = Field(description="Relative to the folder that holds `proof.json`.")
    violation: float
    violation_by_service: dict[str, float]
    keeps_slo: bool
    cost: float
    replica_seconds: float
    served_share_of_peak: float = Field(description="Share of the intended requests of the peak's last 60 s that was served.")
    marked_share: float = Field(description="Share of seconds in which the machine could not measure.")


class Verdict(SpecModel):
    """Is the policy after better than before? Exit codes: better 0, not better 1, inconclusive 3, unchanged 0."""

    decision: Decision
    indicative: bool = Field(description="One A and one B: the noise is estimated from the runs themselves, not repeated.")
    keeps_slo_before: bool
    keeps_slo_after: bool
    changes: list[MetricChange]
    runs: list[RunReference]
    reasons: list[str] = Field(description="Why, in whole sentences, most important first.")
    restored: bool = Field(default=False, description="The stack file and the running policy went back.")

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of the verb that gave this verdict."""
        return EXIT_CODES[self.decision]


class Proof(SpecModel):
    """A whole loop: `proof.json` in the folder of the proof."""

    version: Literal[1] = PROOF_VERSION
    created_at: Annotated[float, Field(description="Unix seconds.")]
    target: str
    stack: str
    users: int
    shape_name: str
    seed: int
    holds: bool = Field(description="The policy that is in force at the end holds the users within every SLO, as measured.")
    in_force: Literal["before", "after"] = Field(description="Which policy is in force at the end.")
    calibration: Calibration
    tuning: TuningResult
    predictions: list[Prediction]
    verdict: Verdict
    versions: dict[str, str] = {}

    def runs_of(self, policy: Literal["before", "after"]) -> list[RunReference]:
        """The runs on that policy, in order of time."""
        return [run for run in self.verdict.runs if run.policy == policy]


def write_proof(proof: Proof, folder: Path) -> Path:
    """Write `proof.json` whole or not at all. Returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "proof.json"
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(proof.model_dump_json(indent=2, by_alias=True, exclude_none=True) + "\n")
    unfinished.replace(file)
    return file


def read_proof(file: Path) -> Proof:
    """Read `proof.json`, or the folder that holds it. Raises BadInputError where it is not one, or newer than this scaleproof."""
    if file.is_dir():
        file /= "proof.json"
    try:
        document = json.loads(file.read_text())
    except FileNotFoundError:
        raise BadInputError(f"{file}: no such file", hint="`scaleproof prove` writes it") from None
    except (OSError, json.JSONDecodeError) as error:
        raise BadInputError(f"{file}: cannot be read ({error})") from None
    version = document.get("version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > PROOF_VERSION:
        raise BadInputError(f"{file}: version {version} is newer than {PROOF_VERSION}", hint="upgrade scaleproof")
    try:
        return Proof.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInputError(f"{file}: not a proof ({where}: {first['msg']})", hint="`scaleproof prove` writes it") from None
