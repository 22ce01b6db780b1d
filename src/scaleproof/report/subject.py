"""What a report is about: a proof with its runs, one run, or two runs compared; and reading it from folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from scaleproof.simulator.calibration import Calibration
from scaleproof.spec.errors import BadInputError
from scaleproof.telemetry.run import Run, read_run
from scaleproof.tuner.results import Prediction, Proof, read_proof

Kind = Literal["proof", "run", "comparison"]
SideName = Literal["before", "after", "run"]


@dataclass(frozen=True)
class Side:
    """One run of a report and what it stands for."""

    name: SideName
    run: Run
    prediction: Prediction | None = None

    @property
    def title(self) -> str:
        """Heading of the side: Before, After or Measured."""
        return {"before": "Before", "after": "After", "run": "Measured"}[self.name]


@dataclass(frozen=True)
class Subject:
    """What a report is about. `sides` holds one run, or before and after (of a proof: the first run of each that there is)."""

    kind: Kind
    sides: tuple[Side, ...]
    proof: Proof | None = None
    calibration: Calibration | None = None
    folders: tuple[str, ...] = field(default=())
    """What was given, for the command that makes this report again."""

    @classmethod
    def of_run(cls, run: Run, *, calibration: Calibration | None = None, folder: str | None = None) -> Self:
        """One run."""
        return cls(kind="run", sides=(Side("run", run),), calibration=calibration, folders=(folder or f"runs/{run.meta.id}",))

    @classmethod
    def of_two(cls, before: Run, after: Run, *, calibration: Calibration | None = None) -> Self:
        """Two runs compared. Raises BadInputError where they did not have the same load."""
        differences = [
            name for name in ("users", "shape_points", "seed") if getattr(before.meta, name) != getattr(after.meta, name)
        ]
        if differences:
            raise BadInputError(
                f"runs {before.meta.id} and {after.meta.id} had different loads (they differ in {', '.join(differences)})",
                hint="compare runs of the same users, shape and seed, or report each alone",
            )
        if before.meta.closed_loop != after.meta.closed_loop:
            raise BadInputError(
                f"runs {before.meta.id} and {after.meta.id}: one is a closed loop, the other was drawn in advance",
                hint="report each alone: their latencies are counted from different moments",
            )
        return cls(
            kind="comparison",
            sides=(Side("before", before), Side("after", after)),
            calibration=calibration,
            folders=(f"runs/{before.meta.id}", f"runs/{after.meta.id}"),
        )

    @classmethod
    def of_proof(cls, proof: Proof, runs: Mapping[str, Run], *, folder: str = "runs/latest") -> Self:
        """A proof; `runs` holds its runs by `RunReference.folder` (absent ones are left out of the charts)."""
        predictions = {prediction.label: prediction for prediction in proof.predictions}
        names: tuple[Literal["before", "after"], ...] = ("before", "after")
        sides = []
        for name in names:
            run = next((runs[reference.folder] for reference in proof.runs_of(name) if reference.folder in runs), None)
            if run is not None:
                sides.append(Side(name, run, predictions.get(name)))
        if len(sides) == 1:
            # Nothing was worth changing, so one policy was measured: there is no before and after.
            sides = [Side("run", sides[0].run, sides[0].prediction)]
        if not sides:
            raise BadInputError(
                "none of the proof's runs could be found", hint="keep proof.json beside the run folders it names"
            )
        return cls(kind="proof", sides=tuple(sides), proof=proof, calibration=proof.calibration, folders=(folder,))


def read_subject(folders: Sequence[Path]) -> Subject:
    """What lies in one folder (a proof or a run) or in two run folders. Raises BadInputError with what was expected."""
    if len(folders) == 2:  # noqa: PLR2004  before and after
        first, second = (read_run(folder) for folder in folders)
        return Subject.of_two(first, second)
    if len(folders) != 1:
        raise BadInputError(f"{len(folders)} folders given", hint="give one proof or run folder, or two run folders to compare")
    (folder,) = folders
    if (folder / "proof.json").is_file():
        proof = read_proof(folder)
        runs = {
            reference.folder: read_run(folder / reference.folder)
            for reference in proof.verdict.runs
            if (folder / reference.folder / "run.json").is_file()
        }
        return Subject.of_proof(proof, runs, folder=str(folder))
    if not (folder / "run.json").is_file():
        raise BadInputError(
            f"{folder}: neither a proof (no proof.json) nor a run (no run.json)",
            hint="give a folder that `scaleproof prove` or `scaleproof load` left below runs/",
        )
    return Subject.of_run(read_run(folder), folder=str(folder))
