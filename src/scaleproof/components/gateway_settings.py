"""What a stack says about its gateway: who runs it, how it is reached, who may pass and how often."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from scaleproof.spec.model import SpecModel
from scaleproof.spec.platform import HttpPath
from scaleproof.spec.policy import ResourceList, ResourceRequirements

HeaderName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$")]
ENVOY_GATEWAY_VERSION = "v1.9.1"


class JwtVerification(SpecModel):
    """Who signed the tokens that the gateway lets pass; everybody else gets 401, or 403 where a claim is not as required."""

    issuer: str
    audiences: Annotated[list[str], Field(min_length=1, max_length=8)]
    jwks_url: HttpUrl
    claim_headers: dict[str, HeaderName] = Field(
        default={"sub": "x-user-id"}, description="Claim → header for the services; a client's own copies are dropped."
    )
    required_claims: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(
        default={}, description="Claim → accepted values; a token without them is answered 403."
    )
    public_paths: list[HttpPath] = Field(default=[], description="Path prefixes that need no token.")


class RateLimit(SpecModel):
    """More than that is answered 429."""

    requests: Annotated[int, Field(gt=0)]
    unit: Literal["Second", "Minute", "Hour"] = "Second"
    per: Literal["client", "header", "all"] = Field(
        default="client", description="client: per IP address; header: per value of `header`; all: together."
    )
    header: HeaderName | None = None

    @model_validator(mode="after")
    def _header_where_needed(self) -> Self:
        if (self.per == "header") != (self.header is not None):
            msg = "header: needed with `per: header`, and only there"
            raise ValueError(msg)
        return self


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
    jwt: JwtVerification | None = None
    rate_limits: Annotated[list[RateLimit], Field(max_length=16)] = []
    rate_limit_scope: Literal["Local", "Global"] = Field(
        default="Local",
        description="Local: each proxy counts for itself. Global: together; Envoy Gateway needs its Redis then.",
    )
    retry_budget_percent: Annotated[int, Field(gt=0, le=100)] = Field(
        default=20, description="Retries are at most that share of the requests in flight."
    )
