"""A project's verbs: its files are read, its target is chosen, the loop's steps are joined to both."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scaleproof.spec.errors import ExitCode
from scaleproof.spec.platform import Platform
from scaleproof.spec.platform_file import check_policy_fits, read_platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.shapes import Shape, named, replay
from scaleproof.spec.stack_file import StackFile
from scaleproof.spec.trace_file import read_trace
from scaleproof.wiring.outcome import point_latest_at, proof_folder, relative, write_report
from scaleproof.wiring.token_file import read_token

if TYPE_CHECKING:
    from scaleproof.tuner.ports import LoadPlan
    from scaleproof.tuner.results import Proof
    from scaleproof.wiring.target import Target


@dataclass(frozen=True)
class Project:
    """A folder with platform.yaml, one of its stacks, and the target it runs on."""

    folder: Path
    stack: str
    platform: Platform
    store: StackFile
    policy: Policy
    target: Target

    @classmethod
    def open(cls, folder: Path, *, stack: str, target: str) -> Project:
        """Read and check both files. Raises BadInputError with file, line, field and expectation."""
        platform_file = folder / "platform.yaml"
        platform = read_platform(platform_file)
        store = StackFile.of(folder, stack)
        policy = store.read()
        check_policy_fits(policy, platform, policy_file=store.file, platform_file=platform_file)
        state = _state_of(folder, stack)
        chosen: Target
        if target == "kube":
            from scaleproof.wiring.kube import KubeTarget

            chosen = KubeTarget.of(folder, stack, state)
        else:
            from scaleproof.wiring.local import LocalTarget

            chosen = LocalTarget(folder, stack, platform, policy, state)
        return cls(folder=folder, stack=stack, platform=platform, store=store, policy=policy, target=chosen)

    @property
    def state(self) -> Path:
        """`.scaleproof/<stack>`."""
        return _state_of(self.folder, self.stack)

    @property
    def runs(self) -> Path:
        """Where run folders and proofs go."""
        return self.folder / "runs"

    def plan(
        self,
        *,
        users: int | None,
        shape: str | None,
        seed: int,
        processes: int | None,
        quick: bool = False,
        locustfile: Path | None = None,
        tags: tuple[str, ...] = (),
        exclude_tags: tuple[str, ...] = (),
    ) -> LoadPlan:
        """The load: what is not given comes from platform.yaml."""
        from scaleproof.tuner.ports import LoadPlan

        load = self.platform.load
        line, replayed_users = _shape_of(shape or load.shape, self.platform, quick=quick)
        return LoadPlan(
            users=users or replayed_users or load.users,
            shape=line,
            seed=seed,
            think_seconds=load.think_seconds,
            locustfile=locustfile or self.folder / load.locustfile,
            processes=processes or load.processes,
            tags=tags,
            exclude_tags=exclude_tags,
        )

    def load(
        self, plan: LoadPlan, *, label: str, prometheus: str | None = None, prometheus_token_file: Path | None = None
    ) -> int:
        """One measured load on the running platform."""
        from scaleproof.report.terminal import summary_lines
        from scaleproof.telemetry.marks import assert_measurable
        from scaleproof.telemetry.summary import summarise
        from scaleproof.tuner.measure import measure

        services = tuple(self.platform.services)
        token = read_token(prometheus_token_file) if prometheus_token_file is not None else None
        if prometheus is not None:
            from scaleproof.sources.prometheus import read_run_tables
            from scaleproof.sources.prometheus_queries import PrometheusQueries

            # Asked once before any load is sent: an address that does not answer is known at once.
            moment = time.time()
            read_run_tables(prometheus, moment - 30, moment, PrometheusQueries(), services, bearer_token=token)
        with self.target.session() as session:
            rig = session.rig
            if prometheus is not None:
                from scaleproof.sources.prometheus_platform import PrometheusPlatform

                rig = replace(rig, target=PrometheusPlatform(rig.target, prometheus, services, token))
            run = measure(rig, plan, session.running, label=label, run_root=self.runs)
        point_latest_at(self.runs, run.path)
        summary = summarise(run)
        click.echo("\n".join(summary_lines(summary)))
        click.echo(f"run: {run.path}")
        assert_measurable(run)
        return ExitCode.OK if summary.keeps_slo else ExitCode.VERDICT_NO

    def calibrate(self, *, output: Path | None, quick: bool, seed: int) -> int:
        """Measure what a replica needs and holds; write it down."""
        from scaleproof.report.terminal import calibration_lines
        from scaleproof.tuner.calibrate import calibrate
        from scaleproof.tuner.calibration_file import write_calibration

        self._check_drawable()
        with self.target.session() as session:
            calibration = calibrate(
                session.rig,
                session.running,
                locustfile=self.folder / self.platform.load.locustfile,
                budget_millicores=session.budget_millicores,
                quick=quick,
                seed=seed,
            )
        file = write_calibration(calibration, output or self._calibration_file)
        click.echo("\n".join(calibration_lines(calibration)))
        click.echo(f"calibration: {relative(file)}")
        return ExitCode.OK

    def simulate(self, plan: LoadPlan, *, calibration: Path | None, seeds: int, as_json: bool) -> int:
        """Predict the stack's policy under the load."""
        from scaleproof.load.local_generator import LocalGenerator
        from scaleproof.report.terminal import prediction_lines
        from scaleproof.tuner.calibration_file import read_calibration
        from scaleproof.tuner.load_model import DrawnLoad, predict
        from scaleproof.tuner.optimise import within_measured

        known = read_calibration(calibration or self._calibration_file)
        # Only draws schedules, so it needs no running platform.
        generator = LocalGenerator("http://127.0.0.1", self.platform, self.state / "load")
        policy = within_measured(self.policy, known)
        (prediction,) = predict(
            DrawnLoad(generator, plan), plan, known, self.platform, [("before", policy)], seeds=range(1, seeds + 1)
        )
        click.echo(prediction.model_dump_json(indent=2) if as_json else "\n".join(prediction_lines(prediction)))
        return ExitCode.OK

    def tune(
        self,
        plan: LoadPlan,
        *,
        calibration: Path | None,
        margin: float,
        max_window_seconds: int,
        dry_run: bool,
        pairs: int | None,
    ) -> int:
        """Search, show the difference, and write it back; with `pairs`, only where it proves better."""
        from scaleproof.report.terminal import tuning_lines
        from scaleproof.tuner.calibration_file import read_calibration
        from scaleproof.tuner.prove import TuningLimits, tune, verified

        known = read_calibration(calibration or self._calibration_file)
        with self.target.session() as session:
            rig = session.rig
            limits = TuningLimits(session.budget_millicores, margin=margin, max_window_seconds=max_window_seconds)
            result = tune(rig, self.store, plan, self.policy, known, limits, pairs=pairs)
            rig.progress.say("\n".join(tuning_lines(result)))
            if result.diff:
                click.echo(result.diff, nl=False)
            if dry_run or (not result.changed and pairs is None):
                return ExitCode.OK if result.feasible else ExitCode.VERDICT_NO
            if pairs is None:
                self.store.write(result.after)
                rig.target.apply(result.after)
                click.echo(f"written to {self.store.file} and applied; not verified (see --verify)")
                return ExitCode.OK if result.feasible else ExitCode.VERDICT_NO
            folder = proof_folder(self.runs)
            proof = verified(rig, self.store, plan, result, known, pairs=pairs, folder=folder)
        return self._finish(proof, folder)

    def prove(self, plan: LoadPlan, *, pairs: int | None, quick: bool, keep: bool, max_window_seconds: int) -> int:
        """The whole loop."""
        from scaleproof.simulator.warm import warm
        from scaleproof.tuner.prove import TuningLimits, prove

        self._check_drawable()
        # Compiled while the platform starts, which mostly waits; as a daemon, for nobody waits for it after an error or Ctrl-C.
        warming = threading.Thread(target=warm, daemon=True)
        warming.start()
        with self.target.session(start=True, keep=keep) as session:
            limits = TuningLimits(session.budget_millicores, max_window_seconds=max_window_seconds)
            session.rig.progress.stage("compiling the simulator (once)", 20)
            warming.join()
            folder = proof_folder(self.runs)
            # An indicative verdict does not need the narrow intervals of the long calibration.
            coarse = quick or pairs is None
            proof = prove(session.rig, self.store, plan, limits, pairs=pairs, folder=folder, quick=coarse)
        return self._finish(proof, folder)

    @property
    def _calibration_file(self) -> Path:
        return self.state / "calibration.json"

    def _check_drawable(self) -> None:
        """Before minutes are spent: raises BadInputError where platform.yaml's locustfile has no journeys to draw."""
        from scaleproof.load.inspection import inspected

        inspected(self.folder / self.platform.load.locustfile).drawable()

    def _finish(self, proof: Proof, folder: Path) -> int:
        """Report, `runs/latest`, and the verdict's exit code."""
        from scaleproof.report.terminal import proof_lines

        point_latest_at(self.runs, folder)
        file = write_report((folder,), "html", None)
        click.echo("\n".join(proof_lines(proof)))
        if proof.in_force == "after":
            click.echo(f"the new policy is in {self.store.file}:\n{proof.tuning.diff}", nl=False)
        click.echo(f"report: {relative(file)} (also runs/latest/{file.name})")
        return proof.verdict.exit_code


def _state_of(folder: Path, stack: str) -> Path:
    return folder.absolute() / ".scaleproof" / stack


def _shape_of(text: str, platform: Platform, *, quick: bool) -> tuple[Shape, int | None]:
    """The shape, and for a replay the users that its highest rate stands for (rate × (think + response))."""
    if text.startswith("replay:"):
        trace = read_trace(Path(text.removeprefix("replay:")))
        response_seconds = 0.05  # small beside the think time; a slower platform does not get less load
        users = float(trace.rates.max()) * (platform.load.mean_think_seconds + response_seconds)
        return replay(trace.name, trace.rates, interval_seconds=trace.interval_seconds), max(1, round(users))
    shape = named(text)
    if quick and text == "spike":
        from scaleproof.spec.shapes import spike

        shape = spike(lead=8, rise=10, hold=45, fall=2, tail=20)
    return shape, None
