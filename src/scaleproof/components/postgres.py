"""Postgres: a small PostgreSQL for trying out. Anything that matters has its own database and is named by DATABASE_URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from scaleproof.components.manifest import COMPONENT_LABEL, NAME_LABEL, PART_OF_LABEL, Manifest, manifest, standard_labels
from scaleproof.components.network_policy import Flow, Peer, network_policy, pod_peer
from scaleproof.components.pod_security import container_context, pod_context, with_ephemeral_storage
from scaleproof.components.postgres_roles import RolesArgs, role_manifests, role_secret, role_variable
from scaleproof.components.postgres_roles import peer as roles_peer
from scaleproof.components.replica_pod import pull_policy
from scaleproof.components.resource import declare
from scaleproof.components.secret_values import declare_secret, secret
from scaleproof.components.secret_variable import SecretVariable
from scaleproof.components.settings import DatabaseSettings
from scaleproof.spec.database_roles import SUPERUSER
from scaleproof.spec.platform import Postgres as PostgresSpec
from scaleproof.spec.quantity import byte_value

TYPE: Final = "scaleproof:components:Postgres"
NAME: Final = "postgres"
PORT: Final = 5432
DATABASE: Final = "scaleproof"
SECRET: Final = "postgres-credentials"  # noqa: S105 - a name
SECRET_FOLDER: Final = "/run/secrets/postgres"  # noqa: S105 - a folder
DATA_FOLDER: Final = "/var/lib/postgresql"


@dataclass(frozen=True)
class PostgresArgs:
    """A database for one platform."""

    namespace: str
    part_of: str
    spec: PostgresSpec
    settings: DatabaseSettings
    services: Sequence[str]
    """Each gets a role of its name."""
    image_pull_policy: str | None = None


def peer() -> Peer:
    """The server, for network policies of the same namespace."""
    return pod_peer({NAME_LABEL: NAME})


def roles_args(args: PostgresArgs) -> RolesArgs:
    """The services' roles'."""
    return RolesArgs(
        namespace=args.namespace,
        part_of=args.part_of,
        services=args.services,
        image=args.settings.image,
        image_pull_policy=args.image_pull_policy,
        host=f"{NAME}.{args.namespace}.svc.cluster.local",
        port=PORT,
        database=DATABASE,
        server=peer(),
        account=NAME,
        password_secret=SECRET,
    )


def postgres_manifests(args: PostgresArgs, password: str) -> list[Manifest]:
    """The superuser's Secret first; then what lets only the platform's services connect; then the server."""
    labels = standard_labels(NAME, args.part_of, "database")
    selector = {"matchLabels": {NAME_LABEL: NAME}}
    clients = [pod_peer({PART_OF_LABEL: args.part_of, COMPONENT_LABEL: "service"}), roles_peer()]
    service = {
        "clusterIP": "None",
        "type": "ClusterIP",
        "selector": selector["matchLabels"],
        "ports": [{"name": "postgres", "port": PORT, "targetPort": "postgres", "protocol": "TCP"}],
    }
    budget = {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": selector}
    namespace = args.namespace
    return [
        secret(SECRET, namespace, labels, {"password": password}),
        manifest("v1", "ServiceAccount", NAME, namespace, labels, automountServiceAccountToken=False),
        network_policy(NAME, namespace, labels, pods=selector["matchLabels"], ingress=[Flow(clients, [PORT])], egress=[]),
        manifest("v1", "Service", NAME, namespace, labels, annotations={"pulumi.com/skipAwait": "true"}, spec=service),
        manifest("policy/v1", "PodDisruptionBudget", NAME, namespace, labels, spec=budget),
        manifest("apps/v1", "StatefulSet", NAME, namespace, labels, spec=_stateful_set(args, labels, selector)),
    ]


class Postgres(pulumi.ComponentResource):
    """The server, and a role in it for each service.

    `variables` is what each service is told; `ready` is what must be there before they connect.
    """

    def __init__(
        self,
        name: str,
        args: PostgresArgs,
        new_password: Callable[[], str],
        opts: pulumi.ResourceOptions | None = None,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> None:
        """`new_password` draws a URL-safe password; only the first one drawn for a stack is ever used."""
        super().__init__(TYPE, name, None, opts)
        credentials, *others = postgres_manifests(args, new_password())
        resource, version = declare_secret(credentials, parent=self, depends_on=depends_on, generated=True)
        before = [*depends_on, resource]
        for item in others:
            before.append(declare(item, parent=self, depends_on=before))
        self.variables: dict[str, SecretVariable] = {}
        roles = roles_args(args)
        changing = {f"scaleproof.dev/secret-{SECRET}": version}
        for service in args.services:
            item = role_secret(roles, service, new_password)
            resource, version = declare_secret(item, parent=self, depends_on=depends_on, generated=True)
            before.append(resource)
            self.variables[service] = role_variable(service, version)
            changing[f"scaleproof.dev/secret-{item['metadata']['name']}"] = version
        for item in role_manifests(roles, changing) if args.services else []:
            before.append(declare(item, parent=self, depends_on=before))
        self.ready = before[-1]
        self.register_outputs({"secret": SECRET})


def _stateful_set(args: PostgresArgs, labels: Mapping[str, str], selector: Mapping[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "serviceName": NAME,
        "replicas": 1,
        "selector": selector,
        "template": {"metadata": {"labels": dict(labels)}, "spec": _pod(args)},
    }
    if args.settings.storage is not None:
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": args.settings.storage}}}
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
        # The password goes with the stack: data that outlived it could not be opened.
        spec["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    return spec


def _pod(args: PostgresArgs) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [
        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
        {"name": "run", "emptyDir": {"sizeLimit": "16Mi"}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "128Mi"}},
        {"name": "secrets", "secret": {"secretName": SECRET, "defaultMode": 0o440, "items": [_item("password")]}},
    ]
    if args.settings.storage is None:
        volumes.append({"name": "data", "emptyDir": {"sizeLimit": "4Gi"}})
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_context(),
        "terminationGracePeriodSeconds": 60,
        "containers": [_container(args)],
        "volumes": volumes,
    }


def _container(args: PostgresArgs) -> dict[str, Any]:
    settings = {
        "max_connections": str(args.spec.max_connections),
        "shared_buffers": f"{byte_value(args.spec.shared_buffers) // 1024}kB",
    }
    environment = {
        "POSTGRES_USER": SUPERUSER,
        "POSTGRES_DB": DATABASE,
        "POSTGRES_PASSWORD_FILE": f"{SECRET_FOLDER}/password",
        "PGDATA": f"{DATA_FOLDER}/data",
    }
    mounts = {"data": DATA_FOLDER, "tmp": "/tmp", "run": "/var/run/postgresql", "shm": "/dev/shm"}  # noqa: S108 - in the container
    ready = {"exec": {"command": ["pg_isready", "-q", "-h", "127.0.0.1", "-U", SUPERUSER, "-d", DATABASE]}}
    resources = with_ephemeral_storage(args.settings.resources.model_dump(mode="json"))
    if args.settings.storage is None:
        resources["limits"]["ephemeral-storage"] = "5Gi"  # the data is among it
    return {
        "name": NAME,
        "image": args.settings.image,
        "imagePullPolicy": pull_policy(args.settings.image, args.image_pull_policy),
        "args": ["postgres", *(part for key, value in settings.items() for part in ("-c", f"{key}={value}"))],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "ports": [{"name": "postgres", "containerPort": PORT, "protocol": "TCP"}],
        "securityContext": container_context(),
        "resources": resources,
        "startupProbe": {**ready, "periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": 60},
        "readinessProbe": {**ready, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
        "livenessProbe": {"tcpSocket": {"port": "postgres"}, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "volumeMounts": [
            *({"name": name, "mountPath": path} for name, path in mounts.items()),
            {"name": "secrets", "mountPath": SECRET_FOLDER, "readOnly": True},
        ],
    }


def _item(key: str) -> dict[str, str]:
    return {"key": key, "path": key}
