"""What rules look at. Whatever is not known stays None, and a rule that needs it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from scaleproof.rules.workload import SCALABLE, Workload, scaled_object, workloads_of
from scaleproof.simulator.calibration import Calibration, ServiceCalibration
from scaleproof.spec.manifest_file import Manifest
from scaleproof.spec.platform import Platform, Service
from scaleproof.spec.policy import Policy
from scaleproof.spec.shapes import Shape
from scaleproof.spec.yaml_document import YamlDocument
from scaleproof.tuner.regression import Growth, Outcome


@dataclass(frozen=True)
class Facts:
    """Gathered by wiring: files, what was measured, and for `check` what was simulated."""

    platform: Platform | None = None
    policy: Policy | None = None
    calibration: Calibration | None = None
    manifests: tuple[Manifest, ...] = ()
    given_users: int | None = None
    """Users at the peak, where they are not platform.yaml's."""
    shape: Shape | None = None
    peak_rates: Mapping[str, float] | None = None
    """Highest requests/s of each service at these users, calls of other services included."""
    open_files: int | None = None
    """Files that one process may have open here: gateway and generator of the embedded default."""
    machine: str | None = None
    """Digest of this machine, as a calibration is stamped with."""
    now: float | None = None
    """Unix seconds."""
    outcomes: tuple[Outcome, ...] = ()
    """What the policy came to, simulated and measured."""
    growths: tuple[Growth, ...] = ()
    """Figures beside the baseline's."""
    refused: str | None = None
    """Why the simulator did not answer."""
    incomparable: tuple[str, ...] = ()
    """In what the baseline's load differs from the one asked about."""
    documents: Mapping[str, YamlDocument] = field(default_factory=dict, repr=False)
    """platform and policy as they are written, for lines."""
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names of files without lines: calibration, baseline."""
    root: Path = field(default_factory=Path, repr=False)
    """Files are named as seen from here."""

    @property
    def users(self) -> int | None:
        """Users at the peak."""
        if self.given_users is not None:
            return self.given_users
        return self.platform.load.users if self.platform is not None else None

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """Every autoscaled service, of the policy and of the manifests."""
        return workloads_of(self.policy, self.manifests)

    @cached_property
    def scaled(self) -> Mapping[tuple[str, str, str], Manifest]:
        """(namespace, kind, name) of a workload → the HPA that scales it."""
        return {scaled_object(each): each for each in self.of_kind("HorizontalPodAutoscaler")}

    @property
    def services(self) -> tuple[tuple[str, Service], ...]:
        """Every service of the platform with its name; none where there is no platform."""
        return tuple(self.platform.services.items()) if self.platform is not None else ()

    def of_kind(self, *kinds: str) -> list[Manifest]:
        """The manifests of these kinds."""
        return [each for each in self.manifests if each.kind in kinds]

    def scalable(self) -> list[Manifest]:
        """Deployments, StatefulSets and ReplicaSets."""
        return self.of_kind(*SCALABLE)

    def scaler_of(self, workload: Manifest) -> Manifest | None:
        """The HPA that scales this workload, if one does."""
        return self.scaled.get((workload.namespace, workload.kind, workload.name))

    def calibrated(self, service: str) -> ServiceCalibration | None:
        """What was measured of that service."""
        return self.calibration.services.get(service) if self.calibration is not None else None

    def peak_rate(self, service: str) -> float | None:
        """Its highest requests/s; None where it is not known."""
        return self.peak_rates.get(service) if self.peak_rates is not None else None

    def shown(self, file: Path) -> str:
        """The file's name as seen from `root`, with forward slashes."""
        try:
            return file.absolute().relative_to(self.root.absolute()).as_posix()
        except ValueError:
            return file.as_posix()
