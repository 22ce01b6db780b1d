"""Reading what runs in a cluster, for `scaleproof init`: lists of a few kinds, never Secrets, and the Role that it takes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from kubernetes import config

from scaleproof.adoption.documents import Document
from scaleproof.cluster.kube_api import Kind, KubeApi, KubeError
from scaleproof.spec.errors import CannotMeasureError


@dataclass(frozen=True)
class Wanted:
    """A kind that is listed."""

    kind: Kind
    is_optional: bool = False
    """A cluster may not have it: it belongs to a CustomResourceDefinition."""


WANTED: Final = (
    Wanted(Kind("apps/v1", "Deployment", "deployments", namespaced=True)),
    Wanted(Kind("apps/v1", "StatefulSet", "statefulsets", namespaced=True)),
    Wanted(Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", namespaced=True)),
    Wanted(Kind("v1", "Service", "services", namespaced=True)),
    Wanted(Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", namespaced=True)),
    Wanted(Kind("networking.k8s.io/v1", "Ingress", "ingresses", namespaced=True)),
    Wanted(Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes", namespaced=True), is_optional=True),
)
ROLE: Final = "scaleproof-init"
_USER: Final = re.compile(r'User "([^"]+)"')


def read_objects(api: KubeApi, namespaces: Sequence[str]) -> list[Document]:
    """The objects of the namespaces.

    Raises CannotMeasureError where one may not be listed: it names each missing permission, and has the Role that grants them.
    """
    found: list[Document] = []
    refused: list[tuple[str, Kind, str]] = []
    for namespace in namespaces:
        for wanted in WANTED:
            kind = wanted.kind
            try:
                items = api.items(kind.path(namespace), cached=True)
            except KubeError as error:
                if error.status == HTTPStatus.FORBIDDEN:
                    refused.append((namespace, kind, error.message))
                    continue
                if wanted.is_optional and error.status == HTTPStatus.NOT_FOUND:
                    continue
                raise
            # A list of one kind does not repeat it in every item.
            head = {"apiVersion": kind.api_version, "kind": kind.name}
            found += [Document({**head, **item}, "the cluster") for item in items]
    if refused:
        raise _forbidden(refused)
    return found


def role_yaml(namespaces: Sequence[str], user: str | None) -> str:
    """A Role a namespace that allows exactly what `read_objects` asks for, and its binding where the user is known."""
    documents: list[str] = []
    rules: list[str] = []
    for group, kinds in _by_group().items():
        rules += [f"  - apiGroups: [{json.dumps(group)}]", f"    resources: [{', '.join(kinds)}]", "    verbs: [list]"]
    for namespace in namespaces:
        metadata = f"metadata: {{name: {ROLE}, namespace: {json.dumps(namespace)}}}"
        head = "apiVersion: rbac.authorization.k8s.io/v1"
        documents.append("\n".join([head, "kind: Role", metadata, "rules:", *rules]))
        if user is not None:
            subject = f"  - {{kind: User, apiGroup: rbac.authorization.k8s.io, name: {json.dumps(user)}}}"
            reference = f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {ROLE}}}"
            documents.append(f"{head}\nkind: RoleBinding\n{metadata}\n{reference}\nsubjects:\n{subject}")
    return "\n---\n".join(documents) + "\n"


def usual_namespace(context: str | None = None) -> str:
    """The namespace of the kubeconfig's context, as kubectl takes it; `default` where it has none."""
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    file = Path(named) if named else Path.home() / ".kube" / "config"
    if not file.is_file():
        return "default"
    contexts, active = config.list_kube_config_contexts(config_file=str(file))  # type: ignore[no-untyped-call]  # not typed
    chosen = next((each for each in contexts if each["name"] == context), active)
    return str(chosen["context"].get("namespace") or "default")


def _by_group() -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for wanted in WANTED:
        group = wanted.kind.api_version.rpartition("/")[0]
        groups.setdefault(group, []).append(wanted.kind.plural)
    return groups


def _forbidden(refused: Sequence[tuple[str, Kind, str]]) -> CannotMeasureError:
    missing = ", ".join(f"{kind.plural} in {namespace}" for namespace, kind, _ in refused)
    user = next((match[1] for _, _, message in refused if (match := _USER.search(message))), None)
    spaces = list(dict.fromkeys(namespace for namespace, _, _ in refused))
    whose = (
        ""
        if user is not None
        else f", and bind it: kubectl create rolebinding {ROLE} --role {ROLE} --user YOU --namespace {spaces[0]}"
    )
    return CannotMeasureError(
        f"the cluster does not let you list {missing}",
        hint=f"have this applied by someone who may (kubectl apply -f -){whose}\n{role_yaml(spaces, user)}",
    )
