"""What a stack says about its gateway: who runs it and how it is reached. What users meet there is in platform.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from scaleproof.spec.gateway import HttpUrl
from scaleproof.spec.model import SpecModel
from scaleproof.spec.policy import ResourceList, ResourceRequirements

ENVOY_GATEWAY_VERSION = "v1.9.1"


class GatewaySettings(SpecModel):
    """Gateway API and Envoy Gateway."""

    controller: Literal["install", "existing"] = Field(
        default="install", description="existing: Envoy Gateway and its CRDs are in the cluster already."
    )
    chart: str = Field(default="oci://docker.io/envoyproxy/gateway-helm", description="Envoy Gateway's chart: a folder or OCI.")
    chart_version: str | None = ENVOY_GATEWAY_VERSION
    values: dict[str, object] = Field(default={}, description="More values of that chart.")
    namespace: str = Field(default="envoy-gateway-system", description="Where the controller and the proxies run.")
    envoy_image: str | None = None
    replicas: Annotated[int, Field(gt=0, le=20)] = 2
    resources: ResourceRequirements = ResourceRequirements(
        requests=ResourceList(cpu="250m", memory="256Mi"), limits=ResourceList(cpu="2", memory="1Gi")
    )
    service_type: Literal["ClusterIP", "LoadBalancer", "NodePort"] = "ClusterIP"
    tls_secret: str | None = Field(
        default=None, description="A kubernetes.io/tls Secret in the platform's namespace: HTTPS on 443."
    )
    url: HttpUrl | None = Field(default=None, description="How users reach it; the address inside the cluster otherwise.")
    jwt_issuer: str | None = Field(default=None, description="Instead of `gateway.jwt.issuer` in platform.yaml.")
    jwks_url: HttpUrl | None = Field(default=None, description="Instead of `gateway.jwt.jwks_url` or `jwks_service`.")
    rate_limit_scope: Literal["Local", "Global"] = Field(
        default="Local",
        description="Local: each proxy counts for itself. Global: together; Envoy Gateway needs its Redis then.",
    )
    traces_port: Annotated[int, Field(gt=0, lt=65536)] = Field(
        default=4317,
        description="Of the collector of `telemetry.traces`, for OTLP over gRPC: Envoy Gateway sends spans no other way.",
    )
