"""ScalingPlatform: every component put together from platform.yaml and the stack's config, and the Pulumi program that does so."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pulumi

from scaleproof.components.api_gateway import ApiGateway
from scaleproof.components.autoscaled_service import AutoscaledService
from scaleproof.components.horizontal_autoscaler import states_tolerance
from scaleproof.components.load_test import LoadTest
from scaleproof.components.observability import Observability
from scaleproof.components.platform_inputs import CONFIG, PlatformInputs, check, from_config
from scaleproof.components.platform_parts import (
    DATABASE_SECRET,
    database_labels,
    gateway_args,
    load_args,
    namespace_manifests,
    network_default,
    observability_args,
    own_secrets,
    own_variable,
    postgres_args,
    redis_args,
    service_args,
)
from scaleproof.components.postgres import Postgres
from scaleproof.components.redis import Redis
from scaleproof.components.resource import declare
from scaleproof.components.secret_values import declare_secret, secret
from scaleproof.components.secret_variable import SecretVariable
from scaleproof.spec.errors import BadInputError

TYPE: Final = "scaleproof:components:ScalingPlatform"
PROJECT_NAME: Final = "scaleproof"
"""Of Pulumi.yaml; the stacks' config lives under the same name."""

__all__ = ["PROJECT_NAME", "PlatformInputs", "ScalingPlatform", "check", "program"]


def program(project: Path, *, platform_file: str = "platform.yaml") -> None:
    """The whole Pulumi program, for `pulumi up` and for the Automation API alike.

    Reads `platform_file` in the project's folder and the stack's config, registers everything, exports gatewayUrl, internalUrls,
    prometheusUrl, grafanaUrl and namespaces. Raises pulumi.RunError (which no host prints a traceback for) with the text of the
    BadInputError.
    """
    config = pulumi.Config(CONFIG)
    try:
        given = {"policy": _object(config, "policy"), "kubernetes": _object(config, "kubernetes")}
        database_url = config.get_secret("databaseUrl")
        inputs = from_config(project, pulumi.get_stack(), {**given, "databaseUrl": database_url}, platform_file=platform_file)
    except BadInputError as error:
        raise pulumi.RunError(str(error)) from None
    for name, value in ScalingPlatform(inputs.platform.name, inputs, database_url=database_url).outputs.items():
        pulumi.export(name, value)


class ScalingPlatform(pulumi.ComponentResource):
    """Namespaces, datastores, gateway, services, observability, load generators. `outputs` is what a stack exports."""

    def __init__(
        self,
        name: str,
        inputs: PlatformInputs,
        *,
        database_url: pulumi.Output[str] | None = None,
        new_password: Callable[[], str] = lambda: secrets.token_urlsafe(24),
        new_key: Callable[[], str] = lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`database_url` is a secret; `new_password` draws URL-safe ones for what is installed here, `new_key` services' `secrets`."""
        super().__init__(TYPE, name, None, opts)
        self._inputs = inputs
        self._new_password = new_password
        self._new_key = new_key
        _warn_of_tolerance(inputs)
        spaces = {item["metadata"]["name"]: declare(item, parent=self) for item in namespace_manifests(inputs)}
        home = spaces[inputs.namespace]
        declare(network_default(inputs), parent=self, depends_on=[home])
        ready: list[pulumi.Resource] = [home]
        database = self._database(home, ready, database_url)
        servers = self._cache(home, ready)
        child = pulumi.ResourceOptions(parent=self)
        gateway = ApiGateway("gateway", gateway_args(inputs), child, depends_on=list(spaces.values()))
        for service in inputs.platform.services:
            needed = [*ready]
            told = [*([database[service]] if service in database else []), *servers, *self._own_secrets(service, home, needed)]
            AutoscaledService(service, service_args(inputs, service, told), child, depends_on=needed)
        watched = Observability("observability", observability_args(inputs), child, depends_on=list(spaces.values()))
        if inputs.settings.load_test.enabled:
            LoadTest("load", load_args(inputs), child, depends_on=[spaces[inputs.load_namespace]])
        self.outputs: dict[str, Any] = {
            "gatewayUrl": gateway.url,
            "internalUrls": gateway.internal_urls,
            "prometheusUrl": watched.prometheus_url,
            "grafanaUrl": watched.grafana_url,
            "namespaces": _namespaces(inputs),
        }
        self.register_outputs(self.outputs)

    def _database(
        self, home: pulumi.Resource, ready: list[pulumi.Resource], url: pulumi.Output[str] | None
    ) -> dict[str, SecretVariable]:
        """What each service is told of its database; `ready` grows by what must be there before them."""
        inputs = self._inputs
        if inputs.settings.database.secret is not None:
            given = SecretVariable("DATABASE_URL", inputs.settings.database.secret, "DATABASE_URL")
            return dict.fromkeys(inputs.platform.database_services, given)
        if url is not None:
            item = secret(DATABASE_SECRET, inputs.namespace, database_labels(inputs), {})
            encoded = url.apply(lambda text: secret("", "", {}, {"DATABASE_URL": text})["data"])
            resource, version = declare_secret({**item, "data": encoded}, parent=self, depends_on=[home])
            ready.append(resource)
            return dict.fromkeys(
                inputs.platform.database_services, SecretVariable("DATABASE_URL", DATABASE_SECRET, "DATABASE_URL", version)
            )
        args = postgres_args(inputs)
        if args is None:
            return {}
        child = pulumi.ResourceOptions(parent=self)
        postgres = Postgres("postgres", args, self._new_password, child, depends_on=[home])
        ready.append(postgres.ready)
        return postgres.variables

    def _cache(self, home: pulumi.Resource, ready: list[pulumi.Resource]) -> list[SecretVariable]:
        """What services are told of their cache, and of where they keep state."""
        variables = []
        for args in redis_args(self._inputs):
            redis = Redis(args.name, args, self._new_password, pulumi.ResourceOptions(parent=self), depends_on=[home])
            ready.append(redis.release)
            variables += redis.variables
        return variables

    def _own_secrets(self, service: str, home: pulumi.Resource, needed: list[pulumi.Resource]) -> list[SecretVariable]:
        """What is drawn for this service alone; `needed` grows by what must be there before it."""
        variables = []
        for name, item in own_secrets(self._inputs, service, self._new_key).items():
            resource, version = declare_secret(item, parent=self, depends_on=[home], generated=True)
            needed.append(resource)
            variables.append(own_variable(service, name, version))
        return variables


def _object(config: pulumi.Config, key: str) -> object:
    try:
        return config.get_object(key)
    except pulumi.ConfigTypeError:
        raise BadInputError(f"{CONFIG}:{key}: expected an object") from None


def _namespaces(inputs: PlatformInputs) -> dict[str, str]:
    found = {"platform": inputs.namespace, "gateway": inputs.settings.gateway.namespace}
    if inputs.settings.load_test.enabled:
        found["load"] = inputs.load_namespace
    if inputs.settings.observability.mode != "none":
        found["monitoring"] = inputs.monitoring_namespace
    return found


def _warn_of_tolerance(inputs: PlatformInputs) -> None:
    if inputs.settings.knows_tolerance:
        return
    for name, policy in inputs.policy.services.items():
        if states_tolerance(policy.autoscaling):
            pulumi.log.warn(
                f"{name}: the policy's tolerance is left out: Kubernetes {inputs.settings.kubernetes_version} does not know it "
                "(1.35 does); the controller's 10 % holds"
            )
