"""Gathering what rules look at: the project's files, manifests, the calibration, and the load that platform.yaml asks for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scaleproof.spec.errors import BadInputError, ScaleproofError
from scaleproof.wiring.drawn_load import inspection
from scaleproof.wiring.project import Project

if TYPE_CHECKING:
    from scaleproof.rules.facts import Facts
    from scaleproof.simulator.model import Arrivals
    from scaleproof.tuner.ports import LoadPlan

COMMITTED_CALIBRATION: Final = "scaleproof-calibration.json"
"""Beside platform.yaml: a copy of `.scaleproof/<stack>/calibration.json` that is committed, for CI."""


@dataclass(frozen=True)
class Asked:
    """What `lint` and `check` were asked about."""

    project: Path
    stack: str = "dev"
    target: str = "local"
    manifests: tuple[Path, ...] = ()
    calibration: Path | None = None
    users: int | None = None
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gathered:
    """The facts, and what `check` goes on with."""

    facts: Facts
    ignored: Mapping[str, str]
    notes: tuple[str, ...] = ()
    project: Project | None = None
    plan: LoadPlan | None = None
    arrivals: Arrivals | None = None


def gather(asked: Asked, *, now: float, root: Path, meanwhile: Callable[[], None] = lambda: None) -> Gathered:
    """Read everything that is there. `now` in Unix seconds; files are named as seen from `root`.

    `meanwhile` is called while another process looks at the locustfile.

    Raises BadInputError where a file is wrong, where there is neither platform.yaml nor a manifest, or where an ignored rule is unknown.
    """
    from scaleproof.rules.facts import Facts
    from scaleproof.spec.manifest_file import read_manifests

    manifests = read_manifests(asked.manifests) if asked.manifests else ()
    facts = Facts(manifests=manifests, given_users=asked.users, now=now, root=root)
    ignored = dict.fromkeys(asked.ignore, "--ignore")
    _check_ignored(ignored, "--ignore")
    if not (asked.project / "platform.yaml").exists():
        if not manifests:
            raise BadInputError(
                f"{asked.project / 'platform.yaml'}: no such file", hint="run in the project's folder, or give --manifests PATH"
            )
        return Gathered(facts, ignored, notes=("no platform.yaml: only the manifests were looked at",))
    project = Project.open(asked.project, stack=asked.stack, target=asked.target)
    own = project.platform.check.ignore
    _check_ignored(own, f"{asked.project / 'platform.yaml'}: check.ignore")
    ignored = {**own, **ignored}
    file = _calibration_file(asked, project)
    if file is None:
        note = f"no {COMMITTED_CALIBRATION} beside platform.yaml: rules about what was measured were not asked"
        return Gathered(_with_project(facts, project), ignored, (note,), project)
    plan = project.plan(users=asked.users, shape=None, seed=1, processes=None)
    with inspection(plan.locustfile) as journeys:
        meanwhile()
        facts = _with_calibration(_with_project(facts, project), file)
        try:
            arrivals = journeys.arrivals(plan, project.platform)
        except ScaleproofError as error:
            note = f"the load could not be drawn, so that rules about its peak were not asked: {error.message}"
            return Gathered(facts, ignored, (note,), project, plan)
    return Gathered(_with_load(facts, plan, arrivals), ignored, (), project, plan, arrivals)


def _with_project(facts: Facts, project: Project) -> Facts:
    from scaleproof.spec.yaml_document import read_yaml

    platform_file = project.folder / "platform.yaml"
    documents = {"platform": read_yaml(platform_file), "policy": read_yaml(project.store.file)}
    here = "scaleproof:kubernetes" not in documents["policy"].root["config"] and all(
        service.command is not None for service in project.platform.services.values()
    )
    facts = replace(
        facts,
        platform=project.platform,
        policy=project.policy,
        documents=documents,
        files={"platform": facts.shown(platform_file), "policy": facts.shown(project.store.file)},
    )
    if not here:
        return facts  # a cluster's gateway does not run on this machine
    import resource

    from scaleproof.runtime.machine import machine_digest

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return replace(facts, open_files=None if hard == resource.RLIM_INFINITY else hard, machine=machine_digest())


def _calibration_file(asked: Asked, project: Project) -> Path | None:
    """The one that is named, the committed one, or the stack's own."""
    committed, own = project.folder / COMMITTED_CALIBRATION, project.state / "calibration.json"
    return asked.calibration or next((each for each in (committed, own) if each.exists()), None)


def _with_calibration(facts: Facts, file: Path) -> Facts:
    from scaleproof.tuner.calibration_file import read_calibration

    return replace(facts, calibration=read_calibration(file), files={**facts.files, "calibration": facts.shown(file)})


def _with_load(facts: Facts, plan: LoadPlan, arrivals: Arrivals) -> Facts:
    from scaleproof.tuner.capacity_plan import peak_rates

    rates = peak_rates(arrivals, facts.calibration) if facts.calibration is not None else None
    return replace(facts, shape=plan.shape, peak_rates=rates)


def _check_ignored(ignored: Mapping[str, str], where: str) -> None:
    from scaleproof.rules.catalogue import ALL, rule_of

    for name in ignored:
        if rule_of(name) is None:
            close = difflib.get_close_matches(name, [rule.id for rule in ALL], n=1)
            raise BadInputError(
                f"{where}: {name!r} is no rule", hint=f"did you mean {close[0]}?" if close else "see docs/rules.md"
            )
