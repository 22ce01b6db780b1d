"""What `export` reads: the policy of a stack, a proof or a run; how the stack runs on its cluster; an autoscaler that is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from scaleproof.spec.autoscaler_manifest import AUTOSCALER
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.policy import Policy
from scaleproof.spec.stack_file import StackFile
from scaleproof.spec.yaml_document import dotted, read_yaml, validate

if TYPE_CHECKING:
    from scaleproof.components.settings import StackSettings
    from scaleproof.report.outputs.keda import KedaChoice
    from scaleproof.spec.manifest_file import Manifest


@dataclass(frozen=True)
class PolicySource:
    """A policy and where it comes from."""

    policy: Policy
    stack: str
    title: str
    """Such as `stack dev`."""


def read_source(project: Path, stack: str, folder: Path | None, service: str | None) -> PolicySource:
    """The policy in the stack's file, or the one in force at the end of the proof (or under the run) in `folder`.

    `service`: only that one. Raises BadInputError where there is no such stack, proof, run or service.
    """
    found = _of_stack(project, stack) if folder is None else _of_folder(folder)
    services = found.policy.services
    if not services:
        raise BadInputError(f"{found.title}: its policy has no service", hint="add autoscaling and resources for each service")
    if service is None:
        return found
    if service not in services:
        raise BadInputError(
            f"--service {service!r}: no such service in {found.title}", hint=f"there are: {', '.join(services)}"
        )
    only = found.policy.model_copy(update={"services": {service: services[service]}})
    return PolicySource(only, found.stack, found.title)


def _of_stack(project: Path, stack: str) -> PolicySource:
    return PolicySource(StackFile.of(project, stack).read(), stack, f"stack {stack}")


def _of_folder(folder: Path) -> PolicySource:
    name = folder.resolve().name
    if (folder / "proof.json").is_file():
        from scaleproof.tuner.results import read_proof

        proof = read_proof(folder)
        policy = proof.tuning.after if proof.in_force == "after" else proof.tuning.before
        return PolicySource(policy, proof.stack, f"proof {name} (stack {proof.stack})")
    if (folder / "run.json").is_file():
        from scaleproof.telemetry.run import read_run

        meta = read_run(folder).meta
        return PolicySource(meta.policy, meta.stack, f"run {name} (stack {meta.stack})")
    raise BadInputError(
        f"{folder}: neither a proof (no proof.json) nor a run (no run.json)",
        hint="give a folder that `scaleproof prove` or `scaleproof load` left below runs/",
    )


def read_settings(project: Path, stack: str) -> StackSettings:
    """`scaleproof:kubernetes` of the stack's file; the defaults where there is no such file or section."""
    from scaleproof.components.platform_inputs import SETTINGS_KEY
    from scaleproof.components.settings import SETTINGS_VERSION, StackSettings

    file = StackFile.of(project, stack).file
    if not file.is_file():
        return StackSettings()
    document = read_yaml(file)
    config = document.root.get("config")
    if not isinstance(config, dict) or config.get(SETTINGS_KEY) is None:
        return StackSettings()
    return validate(document, StackSettings, at=("config", SETTINGS_KEY), current_version=SETTINGS_VERSION)


def read_keda_choice(
    project: Path, source: PolicySource, settings: StackSettings, *, url: str | None, query: str | None
) -> KedaChoice:
    """Options first, then what the stack says of KEDA; its query is that of this platform's own gateway, as `pulumi up` makes it.

    `{service}` in the query is the service's name. Raises BadInputError where --query is given and no Prometheus is known.
    """
    from scaleproof.report.outputs.keda import KedaChoice, RequestRate

    stated = settings.keda
    address = url or (None if stated is None else stated.prometheus_url)
    if query is not None and address is None:
        raise BadInputError("--query needs --prometheus", hint="the address at which KEDA, in the cluster, reaches Prometheus")
    per_replica = {} if stated is None else dict(stated.requests_per_replica)
    rates = {}
    for name in source.policy.services:
        asked = query.replace("{service}", name) if query is not None else None
        if asked is None and name in per_replica:
            asked = _gateway_query(project, source, settings, name)
        if asked is not None and address is not None:
            rates[name] = RequestRate(address, asked)
    return KedaChoice(rates, {name: rate for name, rate in per_replica.items() if name in source.policy.services})


def _gateway_query(project: Path, source: PolicySource, settings: StackSettings, service: str) -> str | None:
    from scaleproof.components.platform_inputs import PlatformInputs
    from scaleproof.components.recording_rules import request_rate
    from scaleproof.spec.platform_file import read_platform

    file = project / "platform.yaml"
    if not file.is_file():
        return None
    return request_rate(service, PlatformInputs(read_platform(file), source.policy, settings, source.stack).namespace)


def read_autoscaler_of(file: Path, policy: Policy, *, named: bool) -> tuple[str, Mapping[str, Any]]:
    """The service, and the HorizontalPodAutoscaler in the file that scales it.

    `named`: the policy holds the one service that was asked for, and a lone autoscaler of another name is its. Raises BadInputError with
    file, line and field where there is none, where there are several, or where it is not a valid one of `autoscaling/v2`.
    """
    from scaleproof.spec.manifest_file import read_manifests

    every = [manifest for manifest in read_manifests([file]) if manifest.kind == AUTOSCALER[1]]
    fitting = [(service, manifest) for manifest in every if (service := _service_of(manifest, policy)) is not None]
    if not fitting and named and len(every) == 1:
        fitting = [(next(iter(policy.services)), every[0])]
    if not fitting:
        names = ", ".join(policy.services)
        raise BadInputError(
            f"{file}: no HorizontalPodAutoscaler of {names}",
            hint="give `kubectl get hpa NAME -o json`, or the manifest; --service says which service it is",
        )
    if len(fitting) > 1:
        names = ", ".join(service for service, _ in fitting)
        raise BadInputError(f"{file}: several autoscalers ({names}); a JSON patch is for one", hint="--service NAME")
    service, manifest = fitting[0]
    _check_autoscaler(manifest)
    return service, manifest.body


def _service_of(manifest: Manifest, policy: Policy) -> str | None:
    """By what it scales, then by its own name."""
    scaled = str(manifest.value("spec", "scaleTargetRef", "name") or "")
    return next((name for name in (scaled, manifest.name) if name in policy.services), None)


def _check_autoscaler(manifest: Manifest) -> None:
    version = manifest.value("apiVersion")
    if version != AUTOSCALER[0]:
        raise manifest.fail(
            ["apiVersion"],
            f"expected {AUTOSCALER[0]}, found {version}",
            "`kubectl get hpa.v2.autoscaling NAME -o json` gives it so",
        )
    stated = {key: value for key, value in manifest.mapping("spec").items() if key != "scaleTargetRef"}
    try:
        AutoscalingSpec.model_validate(stated)
    except ValidationError as error:
        first = error.errors()[0]
        field = dotted(("spec", *first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise manifest.fail(["spec", *first["loc"]], f"{field}: {message}", "see `kubectl explain hpa.spec`") from None
