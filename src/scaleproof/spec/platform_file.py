"""Reading `platform.yaml`."""

from __future__ import annotations

from pathlib import Path

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import PLATFORM_VERSION, Platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.yaml_document import read_yaml, validate


def read_platform(file: Path) -> Platform:
    """The platform that the file describes. Raises BadInputError with file, line, field and expectation."""
    return validate(read_yaml(file), Platform, current_version=PLATFORM_VERSION)


def check_policy_fits(policy: Policy, platform: Platform, *, policy_file: Path, platform_file: Path) -> None:
    """Every service has a policy and every policy a service. Raises BadInputError."""
    missing = sorted(set(platform.services) - set(policy.services))
    unknown = sorted(set(policy.services) - set(platform.services))
    if missing:
        raise BadInputError(
            f"{policy_file}: scaleproof:policy: no policy for {', '.join(missing)}, which {platform_file} declares",
            hint="add autoscaling and resources for each service",
        )
    if unknown:
        raise BadInputError(
            f"{policy_file}: scaleproof:policy: a policy for {', '.join(unknown)}, which {platform_file} does not declare",
            hint="remove it, or add the service",
        )
