"""A service's setup command as a Job: schema and sample data, before the first replica."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from scaleproof.components import secret_variable
from scaleproof.components.manifest import Manifest, content_hash, manifest
from scaleproof.components.replica_pod import Container, container_defaults, pod_defaults, volumes_of
from scaleproof.spec.platform import IMAGE_PYTHON, filled

TIMEOUT_SECONDS: Final = 600


def setup_job(
    service: str, namespace: str, labels: Mapping[str, str], container: Container, command: Sequence[str]
) -> Manifest:
    """Runs once for each image and command: both are in its name's hash. Setup commands are idempotent by contract (platform.yaml)."""
    mounts, volumes = volumes_of(container)
    plain = [{"name": key, "value": value} for key, value in sorted({**container.environment, "SERVICE": service}.items())]
    spec = {
        "backoffLimit": 6,
        "activeDeadlineSeconds": TIMEOUT_SECONDS,
        "template": {
            "metadata": {"labels": dict(labels)},
            "spec": {
                **pod_defaults(service, container),
                "restartPolicy": "OnFailure",
                "containers": [
                    {
                        **container_defaults("setup", container),
                        "command": filled(command, python=IMAGE_PYTHON),
                        "env": [*plain, *secret_variable.environment(container.secrets, as_file=container.secrets_as_file)],
                        "volumeMounts": mounts,
                    }
                ],
                "volumes": volumes,
            },
        },
    }
    return manifest("batch/v1", "Job", f"{service}-setup-{content_hash(spec)}", namespace, labels, spec=spec)
