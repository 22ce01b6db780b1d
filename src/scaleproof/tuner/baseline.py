"""The committed baseline of `scaleproof check`: what the platform was, and what it came to by seed. JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from scaleproof.simulator.calibration import Calibration
from scaleproof.spec.json_file import read_json
from scaleproof.spec.model import SpecModel
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.yaml_document import write_text

BASELINE_VERSION: Final = 1
BASELINE_NAME: Final = "scaleproof-baseline.json"
_AGAIN: Final = "write it anew with `scaleproof check --write-baseline`"


class Figures(SpecModel):
    """What a policy came to, one entry a seed."""

    seeds: list[int]
    cost: list[float] = Field(description="Requested core-seconds.")
    violation: dict[str, list[float]] = Field(description="Per service, share of the intended requests.")
    cpu_seconds_per_request: dict[str, list[float]] = Field(default={}, description="Per service; measured runs only.")


class BaselineLoad(SpecModel):
    """The load of all figures. Another load makes others: they cannot be compared."""

    users: int
    shape: str
    think_seconds: tuple[float, float]
    seed: int
    requests: dict[str, int] = Field(description="Intended requests per service: what journeys and users came to.")


class Measured(SpecModel):
    """Figures of real runs, and the machine that they are true of."""

    machine: str
    target: str
    load: BaselineLoad
    figures: Figures


class Baseline(SpecModel):
    """The whole file."""

    version: Literal[1] = BASELINE_VERSION
    written_by: str = Field(description="Version of scaleproof: another simulator may answer differently.")
    stack: str
    load: BaselineLoad
    platform: Platform = Field(description="Without the services' environment.")
    policy: Policy
    calibration: Calibration = Field(description="Without its steps.")
    simulated: Figures
    measured: Measured | None = None


def without_environment(platform: Platform) -> Platform:
    """The platform as it may be written down elsewhere: an environment can hold a secret."""
    services = {name: service.model_copy(update={"environment": {}}) for name, service in platform.services.items()}
    return platform.model_copy(update={"services": services})


def without_steps(calibration: Calibration) -> Calibration:
    """The calibration without what its fits rest on."""
    services = {name: service.model_copy(update={"steps": []}) for name, service in calibration.services.items()}
    return calibration.model_copy(update={"services": services})


def load_differences(before: BaselineLoad, after: BaselineLoad) -> tuple[str, ...]:
    """In what two loads differ, in words; empty where figures of one seed are pairs."""
    found = []
    if before.users != after.users:
        found.append(f"users {before.users:,} → {after.users:,}")
    if before.shape != after.shape:
        found.append(f"shape {before.shape} → {after.shape}")
    if before.think_seconds != after.think_seconds:
        found.append(f"think time {_span(before.think_seconds)} → {_span(after.think_seconds)}")
    if before.seed != after.seed:
        found.append(f"seed {before.seed} → {after.seed}")
    if not found and before.requests != after.requests:
        found.append(f"the journeys' requests {_counts(before.requests)} → {_counts(after.requests)}")
    return tuple(found)


def write_baseline(baseline: Baseline, file: Path) -> Path:
    """Write the file whole or not at all. Returns it. Raises BadInputError where it cannot be written."""
    write_text(file, baseline.model_dump_json(indent=1, by_alias=True, exclude_none=True) + "\n")
    return file


def read_baseline(file: Path) -> Baseline | None:
    """The file; None where there is none. Raises BadInputError where it is not a baseline, or newer than this scaleproof."""
    try:
        return read_json(file, Baseline, version=BASELINE_VERSION, again=_AGAIN)
    except FileNotFoundError:
        return None


def _span(seconds: tuple[float, float]) -> str:
    return f"{seconds[0]:g}–{seconds[1]:g} s"


def _counts(requests: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(requests.items()))
