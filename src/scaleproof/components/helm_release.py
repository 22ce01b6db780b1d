"""A Helm release as data, so that it can be rendered without Pulumi, and registered as helm.v3.Release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import pulumi
from pulumi_kubernetes.helm.v3 import Release

TIMEOUT_SECONDS: Final = 300


@dataclass(frozen=True)
class HelmRelease:
    """A chart with its values, in a namespace that exists."""

    name: str
    namespace: str
    chart: str
    """A folder, or an OCI address."""
    version: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """For `helm template`."""
        return asdict(self)

    def declare(self, *, parent: pulumi.Resource, depends_on: Sequence[pulumi.Resource] = ()) -> Any:
        """Register it. It waits until everything of the chart is ready, and undoes a first installation that fails."""
        return Release(
            f"{self.namespace}/{self.name}",
            name=self.name,
            namespace=self.namespace,
            chart=self.chart,
            version=self.version,
            values=dict(self.values),
            create_namespace=False,
            cleanup_on_fail=True,
            timeout=TIMEOUT_SECONDS,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=list(depends_on)),
        )


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Values over values, as Helm merges them: mappings key by key, everything else replaced."""
    found = dict(base)
    for key, value in more.items():
        old = found.get(key)
        found[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return found
