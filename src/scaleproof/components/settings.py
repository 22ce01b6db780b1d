"""`scaleproof:kubernetes` in `Pulumi.<stack>.yaml`: how a stack runs on its cluster. Everything has a default."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from scaleproof.components.gateway_settings import GatewaySettings
from scaleproof.spec.autoscaling import Quantity
from scaleproof.spec.gateway import HttpUrl
from scaleproof.spec.model import SpecModel
from scaleproof.spec.policy import ResourceList, ResourceRequirements

SETTINGS_VERSION: Final = 1
FIRST_VERSION_WITH_TOLERANCE: Final = (1, 35)
"""HPAConfigurableTolerance is on by default since then (kubernetes.io, "Feature Gates")."""

NamespaceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
ClusterVersion = Annotated[str, StringConstraints(pattern=r"^1\.\d{2}$")]


class RedisSettings(SpecModel):
    """The cache server and the state server, from charts/redis."""

    image: dict[str, str] = Field(default={}, description="The chart's image: registry, repository, tag, digest, pullPolicy.")
    exporter: bool = Field(default=False, description="A redis_exporter beside each.")
    values: dict[str, object] = Field(default={}, description="More values of the chart, for both.")


class DatabaseSettings(SpecModel):
    """Where DATABASE_URL comes from: a Secret, `scaleproof:databaseUrl`, or a small PostgreSQL for trying out."""

    secret: str | None = Field(
        default=None, description="An existing Secret of the platform's namespace with the key DATABASE_URL."
    )
    port: Annotated[int, Field(gt=0, lt=65536)] = Field(
        default=5432, description="Port of a database outside: the network policy lets replicas reach it."
    )
    image: str = Field(default="docker.io/library/postgres:18.1", description="With the entry point of the official image.")
    storage: Quantity | None = Field(default="5Gi", description="Size of the volume; null: gone with the pod.")
    resources: ResourceRequirements = ResourceRequirements(
        requests=ResourceList(cpu="250m", memory="512Mi"), limits=ResourceList(cpu="2", memory="1Gi")
    )


class ObservabilitySettings(SpecModel):
    """Prometheus and Grafana: none, those that are there, or kube-prometheus-stack."""

    mode: Literal["none", "existing", "install"] = "none"
    prometheus_url: HttpUrl | None = None
    grafana_url: HttpUrl | None = None
    operator: bool = Field(default=True, description="existing: the Prometheus Operator's CRDs are in the cluster.")
    namespace: NamespaceName | None = Field(default=None, description="existing: where Prometheus runs.")
    read_by: list[str] = Field(
        default=[], description="Services that may ask Prometheus, and are told PROMETHEUS_URL and PROMETHEUS_NAMESPACE."
    )
    chart: str = Field(
        default="oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack", description="A folder or OCI."
    )
    chart_version: str | None = "79.5.0"
    values: dict[str, object] = Field(default={}, description="More values of that chart.")

    @model_validator(mode="after")
    def _existing_is_named(self) -> Self:
        if self.mode == "existing" and (self.prometheus_url is None or self.namespace is None):
            msg = "mode existing: prometheus_url and namespace say which Prometheus it is"
            raise ValueError(msg)
        if self.mode == "none" and self.read_by:
            msg = "read_by: mode none has no Prometheus that could be read"
            raise ValueError(msg)
        return self


class LoadTestSettings(SpecModel):
    """Distributed Locust, from charts/locust."""

    enabled: bool = False
    image: dict[str, str] = Field(default={}, description="The chart's image: registry, repository, tag, digest, pullPolicy.")
    workers: Annotated[int, Field(gt=0, le=200)] = 2
    values: dict[str, object] = Field(default={}, description="More values of the chart.")


class KedaSettings(SpecModel):
    """Scaling by requests per replica through KEDA instead of by the policy's metrics."""

    prometheus_url: HttpUrl
    requests_per_replica: Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)] = Field(
        description="Service → requests/s that one replica should serve."
    )


class StackSettings(SpecModel):
    """The whole of `scaleproof:kubernetes`."""

    version: Literal[1] = Field(default=SETTINGS_VERSION, description="Version of this format.")
    namespace: NamespaceName | None = Field(default=None, description="Of the platform; <platform>-<stack> otherwise.")
    kubernetes_version: ClusterVersion = Field(
        default="1.36", description="The cluster's: an HPA's tolerance is only written where the cluster knows it (1.35)."
    )
    image_tag: str = Field(
        default=version_of("scaleproof"), description="For images that platform.yaml names without tag or digest."
    )
    images: dict[str, str] = Field(default={}, description="Service → image, instead of platform.yaml's.")
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] | None = Field(
        default=None, description="Otherwise Always for an image named by a tag, IfNotPresent for one named by its digest."
    )
    image_pull_secrets: list[str] = []
    secrets_as: Literal["file", "environment"] = Field(
        default="file", description="file: <NAME>_FILE holds the path of a mounted file; environment: <NAME> itself is set."
    )
    charts: str | None = Field(default=None, description="Folder or OCI prefix of the charts redis and locust.")
    gateway: GatewaySettings = GatewaySettings()
    redis: RedisSettings = RedisSettings()
    database: DatabaseSettings = DatabaseSettings()
    observability: ObservabilitySettings = ObservabilitySettings()
    load_test: LoadTestSettings = LoadTestSettings()
    keda: KedaSettings | None = None

    @property
    def knows_tolerance(self) -> bool:
        """Whether the cluster's HPA has the field `tolerance`."""
        major, minor = self.kubernetes_version.split(".")
        return (int(major), int(minor)) >= FIRST_VERSION_WITH_TOLERANCE
