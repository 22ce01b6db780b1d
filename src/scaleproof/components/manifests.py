"""Everything as plain manifests, without an engine or a cluster: for kubeconform, kube-score, promtool, reviews."""

from __future__ import annotations

from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML

from scaleproof.components.api_gateway import controller_release, gateway_manifests
from scaleproof.components.autoscaled_service import service_manifests
from scaleproof.components.helm_release import HelmRelease
from scaleproof.components.load_test import load_release
from scaleproof.components.manifest import Manifest
from scaleproof.components.observability import observability_manifests, stack_release
from scaleproof.components.platform_inputs import PlatformInputs
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
    variables_of,
)
from scaleproof.components.postgres import postgres_manifests, roles_args
from scaleproof.components.postgres_roles import role_manifests, role_secret
from scaleproof.components.redis import redis_release, redis_secret
from scaleproof.components.secret_values import secret

PLACEHOLDER: Final = "drawn-when-applied"
"""Instead of every password: a rendering holds no secret."""


def render(inputs: PlatformInputs) -> list[Manifest]:
    """Every object that Pulumi registers itself; those of charts are in `releases`."""
    found = [*namespace_manifests(inputs), network_default(inputs)]
    if inputs.database_url_given:
        found.append(secret(DATABASE_SECRET, inputs.namespace, database_labels(inputs), {"DATABASE_URL": PLACEHOLDER}))
    database = postgres_args(inputs)
    if database is not None:
        found += postgres_manifests(database, PLACEHOLDER)
        roles = roles_args(database)
        found += [role_secret(roles, name, lambda: PLACEHOLDER) for name in database.services]
        found += role_manifests(roles, {}) if database.services else []
    found += [redis_secret(args, PLACEHOLDER) for args in redis_args(inputs)]
    found += gateway_manifests(gateway_args(inputs))
    for name in inputs.platform.services:
        own = own_secrets(inputs, name, lambda: PLACEHOLDER)
        found += own.values()
        variables = [*variables_of(inputs, name), *(own_variable(name, each) for each in own)]
        found += service_manifests(name, service_args(inputs, name, variables))
    return [*found, *observability_manifests(observability_args(inputs))]


def releases(inputs: PlatformInputs) -> list[dict[str, Any]]:
    """Every Helm release: name, namespace, chart, version, values, for `helm template`."""
    wanted: list[HelmRelease | None] = [
        controller_release(gateway_args(inputs)),
        stack_release(observability_args(inputs)),
        *(redis_release(args) for args in redis_args(inputs)),
        load_release(load_args(inputs)) if inputs.settings.load_test.enabled else None,
    ]
    return [release.plain() for release in wanted if release is not None]


def to_yaml(items: list[Manifest]) -> str:
    """A stream of YAML documents, as kubectl reads it."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.representer.ignore_aliases = lambda *_: True  # what two objects share is written out twice
    out = StringIO()
    yaml.dump_all(items, out)
    return out.getvalue()
