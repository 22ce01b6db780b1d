"""`platform.yaml`: the services, what they need, what they promise, and the load they must hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from scaleproof.spec.autoscaling import Quantity
from scaleproof.spec.gate import Gate
from scaleproof.spec.gateway import Gateway, HttpPath
from scaleproof.spec.model import SpecModel
from scaleproof.spec.policy import ResourceRequirements
from scaleproof.spec.tracing import Telemetry

PLATFORM_VERSION: Final = 1

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,62}$")]


IMAGE_PYTHON: Final = "python"
"""What {python} means in an image."""


def filled(command: Sequence[str], **values: str) -> list[str]:
    """A command of platform.yaml with {python} and the like filled in, and nothing else: other braces may occur in arguments."""
    parts = list(command)
    for name, value in values.items():
        parts = [part.replace(f"{{{name}}}", value) for part in parts]
    return parts


class SLO(SpecModel):
    """A latency threshold and the share of requests that must meet it."""

    latency_ms: Annotated[float, Field(gt=0, description="Threshold in milliseconds, from the intended time.")]
    share: Annotated[float, Field(gt=0, lt=1, description="Share of requests that must be good, such as 0.99.")]

    @property
    def latency_seconds(self) -> float:
        """The threshold in seconds."""
        return self.latency_ms / 1000

    @property
    def budget(self) -> float:
        """The highest violation (a share) that still keeps the SLO."""
        return 1 - self.share


class Service(SpecModel):
    """One service: how a replica is started, how it is reached, what it needs, what it promises.

    Neither `command` nor `image` is required: a target that starts replicas asks for its own; linting and simulating need none.
    """

    command: list[str] | None = Field(
        default=None,
        description="Started once a replica by the embedded default. {python} is the interpreter that runs scaleproof.",
    )
    image: str | None = Field(default=None, description="Container image for Kubernetes.")
    port: Annotated[int, Field(gt=0, lt=65536)] = Field(
        default=8000, description="Container port; locally a free port is passed as PORT."
    )
    readiness: HttpPath = "/readyz"
    routes: Annotated[list[HttpPath], Field(description="Path prefixes that the gateway sends here.")] = []
    calls: list[DnsLabel] = Field(
        default=[], description="Services this one calls over HTTP; their address is passed as <NAME>_URL."
    )
    setup: list[str] | None = Field(default=None, description="Run once before the first replica: schema and sample data.")
    environment: dict[str, str] = {}
    secrets: list[VariableName] = Field(
        default=[],
        description="Drawn once for a stack, 32 random bytes in base64 each, for this service alone; <NAME>_FILE names the file.",
    )
    resources: ResourceRequirements
    slo: SLO
    start_timeout_seconds: Annotated[float, Field(gt=0)] = 60
    drain_seconds: Annotated[float, Field(ge=0)] = Field(default=10, description="Time between SIGTERM and SIGKILL.")
    request_timeout_seconds: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="After so long the service gives a request up."
    )
    postgres_connections: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Most connections that one replica opens to PostgreSQL: the size of its pool. 0: it is not told where the database is.",
    )
    redis_connections: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Most connections that one replica opens to Redis."
    )


class Redis(SpecModel):
    """The cache server."""

    memory: str = "64Mi"
    working_set: Quantity | None = Field(default=None, description="What the services keep in it at the peak.")
    max_clients: Annotated[int, Field(gt=0)] = Field(default=10_000, description="Most connections at once (maxclients).")


class StateRedis(SpecModel):
    """The state server: refuses to write when full, so that nothing in it is evicted for the cache's sake. No persistence."""

    memory: Quantity = "32Mi"


class Postgres(SpecModel):
    """The database server."""

    max_connections: Annotated[int, Field(gt=0)] = 100
    reserved_connections: Annotated[int, Field(ge=0)] = Field(
        default=3, description="Connections that only a superuser gets (superuser_reserved_connections)."
    )
    shared_buffers: str = "128Mi"


class Preparation(SpecModel):
    """A command before each load, such as one that signs its users in; each line it prints is a JSON value for them (`given`)."""

    service: DnsLabel = Field(description="In whose surroundings it runs: its environment, secrets and network.")
    command: Annotated[list[str], Field(min_length=1)] = Field(
        description="{python} is as for services, {users} the number of the load's users."
    )


class Load(SpecModel):
    """The load that the platform must hold."""

    locustfile: str = "loadtests/locustfile.py"
    users: Annotated[int, Field(gt=0)] = 10_000
    shape: str = "spike"
    think_seconds: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (20.0, 40.0)
    processes: Annotated[int, Field(gt=0)] = 1
    prepare: Preparation | None = None

    @model_validator(mode="after")
    def _think_in_order(self) -> Self:
        if self.think_seconds[0] > self.think_seconds[1]:
            msg = f"think_seconds {list(self.think_seconds)}: the first must not be greater than the second"
            raise ValueError(msg)
        return self

    @property
    def mean_think_seconds(self) -> float:
        """Mean time in seconds between two actions of a user."""
        return sum(self.think_seconds) / 2


class Platform(SpecModel):
    """The whole of `platform.yaml`."""

    version: Literal[1] = Field(description="Version of this format.")
    name: DnsLabel
    services: Annotated[dict[DnsLabel, Service], Field(min_length=1)]
    gateway: Gateway = Gateway()
    redis: Redis | None = None
    state_redis: StateRedis | None = Field(
        default=None,
        description="REDIS_URL is then this server's, and CACHE_REDIS_URL that of `redis`. Otherwise `redis` serves both.",
    )
    postgres: Postgres | None = None
    telemetry: Telemetry = Telemetry()
    load: Load = Load()
    check: Gate = Gate()

    @model_validator(mode="after")
    def _calls_are_known(self) -> Self:
        for name, service in self.services.items():
            for callee in service.calls:
                if callee not in self.services or callee == name:
                    msg = f"services.{name}.calls: {callee!r} is not another service of this platform"
                    raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _state_is_beside_a_cache(self) -> Self:
        if self.state_redis is not None and self.redis is None:
            msg = "state_redis: there is no redis beside it; alone, the cache would fill it until it refuses state"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _public_paths_are_routed(self) -> Self:
        for path in self.gateway.jwt.public_paths if self.gateway.jwt else ():
            if self.service_of(path) is None:
                msg = f"gateway.jwt.public_paths: {path}: no service has a route for it"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _preparing_service_is_known(self) -> Self:
        prepare = self.load.prepare
        if prepare is not None and prepare.service not in self.services:
            msg = f"load.prepare.service: {prepare.service!r} is not a service of this platform"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _key_service_is_known(self) -> Self:
        jwt = self.gateway.jwt
        if jwt is not None and jwt.jwks_service is not None and jwt.jwks_service not in self.services:
            msg = f"gateway.jwt.jwks_service: {jwt.jwks_service!r} is not a service of this platform"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _deprecated_paths_are_routed(self) -> Self:
        routes = {route.rstrip("/") for service in self.services.values() for route in service.routes}
        for deprecation in self.gateway.deprecated:
            for field, path in (("path", deprecation.path), ("successor", deprecation.successor)):
                if path is not None and path.rstrip("/") not in routes:
                    msg = f"gateway.deprecated: {field}: {path}: no service has this route"
                    raise ValueError(msg)
        return self

    @property
    def database_services(self) -> list[str]:
        """The services that are told of the database; in `postgres` each has a role of its own name.

        Who does not say how many connections it opens is one of them.
        """
        return [name for name, service in self.services.items() if service.postgres_connections != 0]

    def service_of(self, path: str) -> str | None:
        """The service that serves this path: the longest matching route wins; None where no route matches."""
        best: tuple[int, str] | None = None
        for name, service in self.services.items():
            for route in service.routes:
                prefix = route.rstrip("/")
                if (path == prefix or path.startswith((prefix + "/", prefix + "?"))) and (
                    best is None or len(prefix) > best[0]
                ):
                    best = (len(prefix), name)
        return None if best is None else best[1]
