"""`gateway` in `platform.yaml`: what users of the platform meet, the same on every target."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from scaleproof.spec.model import SpecModel

HttpPath = Annotated[str, StringConstraints(pattern=r"^/\S*$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$")]


class JwtVerification(SpecModel):
    """Who signed the tokens that the gateway lets pass; everybody else gets 401, or 403 where a claim is not as required."""

    issuer: str
    audiences: Annotated[list[str], Field(min_length=1, max_length=8)]
    jwks_url: HttpUrl | None = Field(default=None, description="Where the keys are, if no service of the platform has them.")
    jwks_service: str | None = Field(default=None, description="The service of this platform that has them, at `jwks_path`.")
    jwks_path: HttpPath = "/.well-known/jwks.json"
    claim_headers: dict[str, HeaderName] = Field(
        default={"sub": "x-user-id"}, description="Claim → header for the services; a client's own copies are dropped."
    )
    required_claims: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(
        default={},
        max_length=4,
        description="Claim → accepted values; a token without one of them is answered 403. A claim may be a list, a scope several "
        "words.",
    )
    public_paths: list[HttpPath] = Field(default=[], description="Path prefixes that need no token.")

    @model_validator(mode="after")
    def _keys_from_one_place(self) -> Self:
        if (self.jwks_url is None) == (self.jwks_service is None):
            msg = (
                "jwks_url, jwks_service: expected one of them; the first for keys of somebody else, the second for a service's"
            )
            raise ValueError(msg)
        return self


class RateLimit(SpecModel):
    """More than that is answered 429. Counted for each route by itself."""

    requests: Annotated[int, Field(gt=0)]
    unit: Literal["Second", "Minute", "Hour"] = "Second"
    per: Literal["client", "header", "all"] = Field(
        default="client",
        description="client: per IP address; header: per value of `header`; all: together, where no other limit counts.",
    )
    header: HeaderName | None = None

    @model_validator(mode="after")
    def _header_where_needed(self) -> Self:
        if (self.per == "header") != (self.header is not None):
            msg = "header: needed with `per: header`, and only there"
            raise ValueError(msg)
        return self


class Deprecation(SpecModel):
    """Paths that are to go: every answer below says so, since when, until when, and what replaces them (RFC 9745, RFC 8594)."""

    path: Annotated[HttpPath, Field(description="A route of a service.")]
    since: Annotated[date, Field(description="The first day of the deprecation, in UTC.")]
    sunset: date | None = Field(default=None, description="The first day without these paths, in UTC.")
    successor: HttpPath | None = Field(default=None, description="The route to use instead.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.sunset is not None and self.sunset < self.since:
            msg = f"sunset {self.sunset} is before since {self.since}"
            raise ValueError(msg)
        return self


class Gateway(SpecModel):
    """The way in: Envoy locally, Gateway API + Envoy Gateway on Kubernetes."""

    port: Annotated[int, Field(ge=0, lt=65536)] = Field(default=8080, description="Bound on loopback; 0 picks a free port.")
    request_timeout_seconds: Annotated[float, Field(gt=0)] = 15
    jwt: JwtVerification | None = None
    rate_limits: Annotated[list[RateLimit], Field(max_length=16)] = []
    deprecated: Annotated[list[Deprecation], Field(max_length=16)] = []
    retry_budget_percent: Annotated[int, Field(gt=0, le=100)] = Field(
        default=20, description="Retries are at most that share of the requests in flight."
    )

    @model_validator(mode="after")
    def _each_limit_once(self) -> Self:
        counted = [(limit.per, limit.header) for limit in self.rate_limits]
        if len(set(counted)) < len(counted):
            msg = "rate_limits: two limits count the same; keep the one that is meant"
            raise ValueError(msg)
        return self

    def deprecation_of(self, path: str) -> Deprecation | None:
        """What is said of that path; of several prefixes, what is said of the longest."""
        below = [each for each in self.deprecated if f"{path.rstrip('/')}/".startswith(f"{each.path.rstrip('/')}/")]
        return max(below, key=lambda each: len(each.path.rstrip("/")), default=None)
