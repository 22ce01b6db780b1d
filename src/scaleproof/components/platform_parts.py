"""Each component's arguments from the inputs of a platform. Pure: what `platform` registers and `manifests` renders is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from scaleproof.components import postgres, redis
from scaleproof.components.api_gateway import GatewayArgs, internal_urls, proxy_peer
from scaleproof.components.autoscaled_service import RequestMetric, ServiceArgs, SetupCommand
from scaleproof.components.gateway_routes import INTERNAL, PUBLIC, internal_ports
from scaleproof.components.load_test import LoadTestArgs
from scaleproof.components.manifest import Manifest, standard_labels
from scaleproof.components.network_policy import Flow, deny_by_default, namespace_peer
from scaleproof.components.observability import ObservabilityArgs, prometheus_url, scraper_peers
from scaleproof.components.platform_inputs import PlatformInputs
from scaleproof.components.pod_security import restricted_namespace
from scaleproof.components.postgres import PostgresArgs
from scaleproof.components.postgres_roles import role_variable
from scaleproof.components.recording_rules import request_rate
from scaleproof.components.redis import RedisArgs
from scaleproof.components.replica_pod import Container, Serving
from scaleproof.components.secret_values import secret
from scaleproof.components.secret_variable import SecretVariable
from scaleproof.spec.http_address import host_and_port
from scaleproof.spec.tracing import trace_variables

DATABASE_SECRET: Final = "database"  # noqa: S105 - a name


def namespace_manifests(inputs: PlatformInputs) -> list[Manifest]:
    """Every namespace that is ours; what exists already belongs to somebody else."""
    settings = inputs.settings
    names = [inputs.namespace]
    if settings.gateway.controller == "install":
        names.append(settings.gateway.namespace)
    if settings.observability.mode == "install":
        names.append(inputs.monitoring_namespace)
    if settings.load_test.enabled:
        names.append(inputs.load_namespace)
    return [restricted_namespace(name, inputs.platform.name) for name in dict.fromkeys(names)]


def network_default(inputs: PlatformInputs) -> Manifest:
    """Nothing, in the platform's namespace."""
    return deny_by_default(inputs.namespace, inputs.platform.name)


def gateway_args(inputs: PlatformInputs) -> GatewayArgs:
    """The gateway's."""
    return GatewayArgs(inputs.platform, inputs.namespace, inputs.settings.gateway)


def redis_args(inputs: PlatformInputs) -> list[RedisArgs]:
    """The cache's and the state server's, as far as the spec has them."""
    cache, state = inputs.platform.redis, inputs.platform.state_redis
    return [
        RedisArgs(
            inputs.namespace,
            inputs.platform.name,
            spec,
            inputs.settings.redis,
            inputs.chart("redis"),
            is_only=state is None,
        )
        for spec in (cache, state)
        if spec is not None
    ]


def postgres_args(inputs: PlatformInputs) -> PostgresArgs | None:
    """The database's; None where the spec has none or the stack has its own."""
    spec, settings = inputs.platform.postgres, inputs.settings
    if spec is None or settings.database.secret is not None or inputs.database_url_given:
        return None
    return PostgresArgs(
        namespace=inputs.namespace,
        part_of=inputs.platform.name,
        spec=spec,
        settings=settings.database,
        services=inputs.platform.database_services,
        image_pull_policy=settings.image_pull_policy,
    )


def database_labels(inputs: PlatformInputs) -> Mapping[str, str]:
    """Of the Secret that holds `scaleproof:databaseUrl`."""
    return standard_labels("database", inputs.platform.name, "database")


def observability_args(inputs: PlatformInputs) -> ObservabilityArgs:
    """What is watched."""
    settings = inputs.settings
    return ObservabilityArgs(
        inputs.platform, inputs.namespace, settings.gateway.namespace, inputs.monitoring_namespace, settings.observability
    )


def load_args(inputs: PlatformInputs) -> LoadTestArgs:
    """The load generator's."""
    return LoadTestArgs(inputs.load_namespace, gateway_args(inputs), inputs.settings.load_test, inputs.chart("locust"))


def own_secrets(inputs: PlatformInputs, service: str, draw: Callable[[], str]) -> dict[str, Manifest]:
    """What is drawn for one service alone (`secrets` in platform.yaml), by name.

    A Secret each: drawing one that is new must not draw the others once more, for the database may be sealed with them.
    """
    labels = standard_labels(service, inputs.platform.name, "service")
    return {
        name: secret(_own_secret(service, name), inputs.namespace, labels, {name: draw()})
        for name in inputs.platform.services[service].secrets
    }


def own_variable(service: str, name: str, version: Any = None) -> SecretVariable:
    """How the service is told of it."""
    return SecretVariable(name, _own_secret(service, name), name, version)


def _own_secret(service: str, name: str) -> str:
    return f"{service}-{name.lower().replace('_', '-')}"


def variables_of(inputs: PlatformInputs, service: str) -> list[SecretVariable]:
    """What a service is told of the servers, as far as it can be known without an engine: where each secret lies."""
    database = _database_variables(inputs, service) if service in inputs.platform.database_services else []
    return [*database, *(redis.variable_of(args) for args in redis_args(inputs))]


def _database_variables(inputs: PlatformInputs, service: str) -> list[SecretVariable]:
    settings = inputs.settings
    if settings.database.secret is not None:
        return [SecretVariable("DATABASE_URL", settings.database.secret, "DATABASE_URL")]
    if inputs.database_url_given:
        return [SecretVariable("DATABASE_URL", DATABASE_SECRET, "DATABASE_URL")]
    return [role_variable(service)] if inputs.platform.postgres is not None else []


def service_args(inputs: PlatformInputs, name: str, variables: Sequence[SecretVariable]) -> ServiceArgs:
    """One service's: its policy, its neighbours, its network."""
    service, policy, settings = inputs.platform.services[name], inputs.policy.services[name], inputs.settings
    urls = internal_urls(gateway_args(inputs))
    callees = {f"{callee.upper().replace('-', '_')}_URL": urls[callee] for callee in service.calls}
    container = Container(
        image=inputs.image_of(name),
        resources=policy.resources,
        environment={**callees, **_metrics_addresses(inputs, name), **_trace_variables(inputs, name), **service.environment},
        secrets=variables,
        secrets_as_file=settings.secrets_as == "file",
        image_pull_policy=settings.image_pull_policy,
        image_pull_secrets=settings.image_pull_secrets,
    )
    return ServiceArgs(
        namespace=inputs.namespace,
        part_of=inputs.platform.name,
        container=container,
        serving=Serving(service.port, service.readiness, service.start_timeout_seconds, service.drain_seconds),
        autoscaling=policy.autoscaling,
        setup=SetupCommand(service.setup, service.resources) if service.setup else None,
        headless=name in urls,
        ingress=_ingress(inputs, name),
        egress=_egress(inputs, name),
        tolerance=settings.knows_tolerance,
        request_metric=_request_metric(inputs, name),
    )


def _metrics_addresses(inputs: PlatformInputs, name: str) -> dict[str, str]:
    url = prometheus_url(observability_args(inputs))
    if name not in inputs.settings.observability.read_by or url is None:
        return {}
    return {"PROMETHEUS_URL": url, "PROMETHEUS_NAMESPACE": inputs.namespace}


def _ingress(inputs: PlatformInputs, name: str) -> list[Flow]:
    service, settings = inputs.platform.services[name], inputs.settings
    peers = []
    jwt = inputs.platform.gateway.jwt
    if service.routes or (jwt is not None and jwt.jwks_service == name):
        peers.append(proxy_peer(inputs.namespace, PUBLIC, settings.gateway))
    if name in internal_ports(inputs.platform):
        peers.append(proxy_peer(inputs.namespace, INTERNAL, settings.gateway))
    peers += scraper_peers(settings.observability, inputs.monitoring_namespace)
    return [Flow(peers, [service.port])] if peers else []


def _egress(inputs: PlatformInputs, name: str) -> list[Flow]:
    platform, settings = inputs.platform, inputs.settings
    flows = _database_flows(inputs) if name in platform.database_services else []
    servers = redis_args(inputs)
    if servers:
        flows.append(Flow([redis.peer(args) for args in servers], [redis.PORT]))
    ports = internal_ports(platform)
    called = [ports[callee] for callee in platform.services[name].calls]
    if called:
        flows.append(Flow([proxy_peer(inputs.namespace, INTERNAL, settings.gateway)], called))
    if (url := _metrics_addresses(inputs, name).get("PROMETHEUS_URL")) is not None:
        flows.append(Flow([namespace_peer(inputs.monitoring_namespace)], [host_and_port(url)[1]]))
    if platform.telemetry.traces is not None:
        flows.append(Flow([], [host_and_port(platform.telemetry.traces.endpoint)[1]]))
    return flows


def _database_flows(inputs: PlatformInputs) -> list[Flow]:
    if postgres_args(inputs) is not None:
        return [Flow([postgres.peer()], [postgres.PORT])]
    if inputs.settings.database.secret is not None or inputs.database_url_given:
        return [Flow([], [inputs.settings.database.port])]
    return []


def _trace_variables(inputs: PlatformInputs, name: str) -> dict[str, str]:
    traces = inputs.platform.telemetry.traces
    return trace_variables(name, traces.endpoint, traces.sampled) if traces is not None else {}


def _request_metric(inputs: PlatformInputs, name: str) -> RequestMetric | None:
    keda = inputs.settings.keda
    if keda is None or name not in keda.requests_per_replica:
        return None
    return RequestMetric(keda.prometheus_url, request_rate(name, inputs.namespace), keda.requests_per_replica[name])
