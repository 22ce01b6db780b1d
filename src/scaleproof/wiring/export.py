"""`export`: a tuned policy in somebody else's format. Needs no platform and no cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import click

from scaleproof.report.outputs.destination import Destination
from scaleproof.report.outputs.helm_values import helm_values
from scaleproof.report.outputs.hpa import hpa
from scaleproof.report.outputs.json_patch import json_patch
from scaleproof.report.outputs.keda import keda
from scaleproof.report.outputs.kustomize import kustomize
from scaleproof.report.outputs.output import Output
from scaleproof.report.outputs.pulumi import pulumi
from scaleproof.report.outputs.vpa import UpdateMode, vpa
from scaleproof.spec.errors import BadInputError, ExitCode
from scaleproof.spec.policy import Policy
from scaleproof.spec.stack_file import StackFile
from scaleproof.spec.yaml_document import write_text
from scaleproof.wiring.export_inputs import (
    PolicySource,
    read_autoscaler_of,
    read_keda_choice,
    read_settings,
    read_source,
)
from scaleproof.wiring.outcome import relative

Format = Literal["pulumi", "hpa", "json-patch", "kustomize", "helm-values", "keda", "vpa", "pull-request"]
_PLAIN: Final[dict[str, Callable[[Policy, Destination], Output]]] = {
    "pulumi": pulumi,
    "hpa": hpa,
    "kustomize": kustomize,
    "helm-values": helm_values,
}
"""What needs nothing but the policy."""


@dataclass(frozen=True)
class ExportAsked:
    """The verb's options."""

    format: Format
    project: Path = Path()
    stack: str = "dev"
    folder: Path | None = None
    """Of a proof or a run, instead of the stack's policy."""
    service: str | None = None
    output: Path | None = None
    against: Path | None = None
    namespace: str | None = None
    container: str | None = None
    update_mode: UpdateMode = "Initial"
    prometheus: str | None = None
    query: str | None = None


def export(asked: ExportAsked) -> int:
    """Print the policy in that format, or write it; what the format cannot say goes to standard error.

    A pull request's exit code is the verdict's. Raises BadInputError where something is missing or cannot be said at all.
    """
    if asked.format == "pull-request":
        return _pull_request(asked)
    source = read_source(asked.project, asked.stack, asked.folder, asked.service)
    output = _rendered(asked, source)
    for note in output.notes:
        click.echo(note, err=True)
    if asked.output is None:
        click.echo(output.text, nl=False)
    elif asked.format == "pulumi":
        _write_policy(
            asked.output / f"Pulumi.{source.stack}.yaml" if asked.output.is_dir() else asked.output, source.policy, output
        )
    else:
        _write(asked.output, output, in_folder=asked.format == "kustomize")
    return ExitCode.OK


def _rendered(asked: ExportAsked, source: PolicySource) -> Output:
    """The format's own renderer, with what it needs beside the policy."""
    policy, settings = source.policy, read_settings(asked.project, source.stack)
    to = Destination(source.title, asked.namespace, asked.container, settings.knows_tolerance)
    if asked.format == "json-patch":
        if asked.against is None:
            raise BadInputError(
                "--format json-patch needs --against FILE, the autoscaler that is to be patched",
                hint="`kubectl get hpa NAME -o json > hpa.json`, or the manifest",
            )
        name, autoscaler = read_autoscaler_of(asked.against, policy, named=asked.service is not None)
        return json_patch(name, policy.services[name], autoscaler, to)
    if asked.format == "keda":
        choice = read_keda_choice(asked.project, source, settings, url=asked.prometheus, query=asked.query)
        return keda(policy, to, choice)
    if asked.format == "vpa":
        return vpa(policy, to, update_mode=asked.update_mode)
    return _PLAIN[asked.format](policy, to)


def _pull_request(asked: ExportAsked) -> int:
    from scaleproof.report.findings import find
    from scaleproof.report.outputs.pull_request import pull_request
    from scaleproof.report.subject import read_subject

    folder = asked.folder or asked.project / "runs" / "latest"
    subject = read_subject([folder])
    if subject.proof is None:
        raise BadInputError(
            f"{folder}: a run; a pull request rests on a proof", hint="`scaleproof prove` leaves one below runs/"
        )
    # As a reader of the pull request would find it, not where it lies on this machine.
    text = pull_request(find(replace(subject, folders=(f"runs/{folder.resolve().name}",))))
    if asked.output is None:
        click.echo(text, nl=False)
    else:
        _write_file(asked.output / "pull-request.md" if asked.output.is_dir() else asked.output, text)
    return subject.proof.verdict.exit_code


def _write(target: Path, output: Output, *, in_folder: bool) -> None:
    """A folder receives every file under its own name, anything else is one file."""
    if in_folder and not target.exists():
        try:
            target.mkdir(parents=True)
        except OSError as error:
            raise BadInputError(f"{target}: cannot be made ({error.strerror})", hint="choose another --output") from None
    if target.is_dir():
        for name, text in output.files.items():
            _write_file(target / name, text)
    elif in_folder:
        raise BadInputError(f"{target}: a file; this format is several files", hint="--output FOLDER")
    else:
        _write_file(target, output.text)


def _write_policy(file: Path, policy: Policy, output: Output) -> None:
    """A stack's file that is there keeps everything else it says, and the policy of services that were not asked for."""
    if not file.exists():
        _write_file(file, output.text)
        return
    store = StackFile(file)
    services = {**store.read().services, **policy.services}
    diff = store.write(policy.model_copy(update={"services": services}))
    click.echo(diff or f"{relative(file)} says so already\n", nl=False)


def _write_file(file: Path, text: str) -> None:
    write_text(file, text)
    click.echo(f"written: {relative(file)}")
