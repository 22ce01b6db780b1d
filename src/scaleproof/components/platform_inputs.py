"""Everything a platform is made from, read and checked before anything is registered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from scaleproof.components.settings import SETTINGS_VERSION, StackSettings
from scaleproof.spec.database_roles import check_names
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import Platform
from scaleproof.spec.platform_file import check_policy_fits, read_platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.stack_file import StackFile
from scaleproof.spec.yaml_document import dotted, read_yaml, validate

Model = TypeVar("Model", bound=BaseModel)
CONFIG: Final = "scaleproof"
SETTINGS_KEY: Final = f"{CONFIG}:kubernetes"
DATABASE_URL_KEY: Final = f"{CONFIG}:databaseUrl"
LONGEST_NAMESPACE: Final = 54
"""Names of Services are at most 63 characters: `<namespace>-internal` is one."""


@dataclass(frozen=True)
class PlatformInputs:
    """What is wanted, and how it runs on this stack's cluster."""

    platform: Platform
    policy: Policy
    settings: StackSettings
    stack: str
    database_url_given: bool = False
    """Whether `scaleproof:databaseUrl` is set; the value itself never gets here."""

    @property
    def namespace(self) -> str:
        """Of the platform."""
        stack = re.sub(r"[^a-z0-9-]+", "-", self.stack.lower()).strip("-")
        return self.settings.namespace or f"{self.platform.name}-{stack}"

    @property
    def load_namespace(self) -> str:
        """Of the load generators."""
        return f"{self.namespace}-load"

    @property
    def monitoring_namespace(self) -> str:
        """Of Prometheus."""
        return self.settings.observability.namespace or f"{self.namespace}-monitoring"

    def image_of(self, service: str) -> str:
        """The service's image, with a tag or a digest."""
        image = self.settings.images.get(service) or self.platform.services[service].image or ""
        named = "@" in image or ":" in image.rsplit("/", 1)[-1]
        return image if named else f"{image}:{self.settings.image_tag}"

    def chart(self, name: str) -> str:
        """Folder or OCI address of one of our own charts."""
        base = self.settings.charts or str(Path(str(files("scaleproof"))) / "charts")
        return f"{base.rstrip('/')}/{name}"


def check(project: Path, stack: str, *, platform_file: str = "platform.yaml") -> PlatformInputs:
    """From the files, without an engine. Raises BadInputError with file, line, field and what was expected."""
    platform = read_platform(project / platform_file)
    store = StackFile.of(project, stack)
    policy = store.read()
    document = read_yaml(store.file)
    config = document.root["config"]
    settings = StackSettings()
    if config.get(SETTINGS_KEY) is not None:
        settings = validate(document, StackSettings, at=("config", SETTINGS_KEY), current_version=SETTINGS_VERSION)
    inputs = PlatformInputs(platform, policy, settings, stack, database_url_given=DATABASE_URL_KEY in config)
    _check_together(inputs, store.file, project / platform_file)
    return inputs


def from_config(
    project: Path, stack: str, config: Mapping[str, object], *, platform_file: str = "platform.yaml"
) -> PlatformInputs:
    """From what the engine says the stack's configuration is: the keys policy, kubernetes, databaseUrl without their namespace.

    Raises BadInputError; where the stack's file says the same wrong thing, with its line.
    """
    platform = read_platform(project / platform_file)
    file = project / f"Pulumi.{stack}.yaml"
    if config.get("policy") is None:
        raise BadInputError(f"{file.name}: {CONFIG}:policy is not set", hint="see Pulumi.dev.yaml of the reference platform")
    try:
        policy = _validated(Policy, config["policy"], f"{CONFIG}:policy")
        settings = _validated(StackSettings, config.get("kubernetes") or {}, SETTINGS_KEY)
    except BadInputError:
        if file.exists():
            check(project, stack, platform_file=platform_file)
        raise
    inputs = PlatformInputs(platform, policy, settings, stack, database_url_given=config.get("databaseUrl") is not None)
    _check_together(inputs, Path(file.name), project / platform_file)
    return inputs


def _validated(model: type[Model], value: object, key: str) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        lines = [
            f"{key}: {dotted(detail['loc'])}: {detail['msg'].removeprefix('Value error, ')}" for detail in error.errors()[:5]
        ]
        raise BadInputError("\n".join(lines), hint="see `pulumi config`; nothing was changed") from None


def _check_together(inputs: PlatformInputs, stack_file: Path, platform_file: Path) -> None:
    """What no single file can know."""
    check_policy_fits(inputs.policy, inputs.platform, policy_file=stack_file, platform_file=platform_file)
    platform, settings = inputs.platform, inputs.settings
    where = f"{stack_file}: {SETTINGS_KEY}"
    for name, service in platform.services.items():
        if not (service.image or settings.images.get(name)):
            raise BadInputError(
                f"{platform_file}: services.{name}: no image; a cluster runs images",
                hint=f"add `image`, or {SETTINGS_KEY} images.{name}",
            )
    keda = settings.keda
    known = set(platform.services)
    for field, named in (
        ("images", settings.images),
        ("keda.requests_per_replica", keda.requests_per_replica if keda else {}),
        ("observability.read_by", settings.observability.read_by),
    ):
        if unknown := sorted(set(named) - known):
            raise BadInputError(
                f"{where}: {field}: {', '.join(unknown)}: no such service; expected {', '.join(platform.services)}"
            )
    if platform.gateway.jwt is None and (settings.gateway.jwt_issuer or settings.gateway.jwks_url):
        raise BadInputError(
            f"{where}: gateway: jwt_issuer and jwks_url change `gateway.jwt` of {platform_file}, which has none",
            hint="add it there, or remove them here",
        )
    traces = platform.telemetry.traces
    if traces is not None and not traces.endpoint.startswith("http://"):
        raise BadInputError(
            f"{platform_file}: telemetry.traces.endpoint: {traces.endpoint}: expected http:// and a collector in the cluster",
            hint="such as http://collector.observability.svc.cluster.local:4318; `local` is of the embedded default alone",
        )
    if settings.database.secret and inputs.database_url_given:
        raise BadInputError(
            f"{where}: database.secret and {DATABASE_URL_KEY} both say where the database is", hint="remove one of them"
        )
    if platform.postgres is not None and settings.database.secret is None and not inputs.database_url_given:
        check_names(platform.database_services)
    if len(inputs.namespace) > LONGEST_NAMESPACE:
        raise BadInputError(
            f"{where}: namespace: {inputs.namespace!r} is longer than {LONGEST_NAMESPACE} characters", hint="set a shorter one"
        )
