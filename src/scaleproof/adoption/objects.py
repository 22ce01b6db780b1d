"""What of the documents matters here: workloads, autoscalers, Services, disruption budgets and routes. Other kinds are ignored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from scaleproof.adoption.documents import Document, entries, mapping, whole, words
from scaleproof.spec.errors import BadInputError

WORKLOADS: Final = frozenset({("apps", "Deployment"), ("apps", "StatefulSet")})
AUTOSCALERS: Final = frozenset({("autoscaling", "HorizontalPodAutoscaler")})
SERVICES: Final = frozenset({("", "Service")})
BUDGETS: Final = frozenset({("policy", "PodDisruptionBudget")})
ROUTES: Final = frozenset(
    {("networking.k8s.io", "Ingress"), ("extensions", "Ingress"), ("gateway.networking.k8s.io", "HTTPRoute")}
)
DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True)
class Workload:
    """A Deployment or StatefulSet."""

    document: Document

    @property
    def name(self) -> str:
        """Of the object."""
        return self.document.name

    @property
    def replicas(self) -> int:
        """`spec.replicas`, or Kubernetes' default of 1."""
        stated = whole(self.document.spec.get("replicas"))
        return 1 if stated is None else max(0, stated)

    @property
    def template(self) -> Mapping[str, Any]:
        """`spec.template`."""
        return mapping(self.document.spec.get("template"))

    @cached_property
    def labels(self) -> Mapping[str, Any]:
        """Of its pods."""
        return mapping(mapping(self.template.get("metadata")).get("labels"))

    @property
    def pod(self) -> Mapping[str, Any]:
        """`spec` of its pods."""
        return mapping(self.template.get("spec"))

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """All that run beside each other: init containers that restart are sidecars (Kubernetes 1.29)."""
        sidecars = [item for item in entries(self.pod.get("initContainers")) if item.get("restartPolicy") == "Always"]
        return [*entries(self.pod.get("containers")), *sidecars]

    @property
    def main(self) -> Mapping[str, Any]:
        """The container that serves: the annotated one, the one called like the workload, or the first."""
        annotations = mapping(mapping(self.template.get("metadata")).get("annotations"))
        named = {words(each.get("name")): each for each in self.containers}
        for name in (words(annotations.get(DEFAULT_CONTAINER)), self.name):
            if name and name in named:
                return named[name]
        return self.containers[0]

    @property
    def image(self) -> str:
        """Of the main container."""
        return words(self.main.get("image"))

    def is_selected_by(self, selector: Mapping[str, Any]) -> bool:
        """Whether its pods have all of these labels; no labels select nothing."""
        return bool(selector) and all(self.labels.get(key) == value for key, value in selector.items())

    def __str__(self) -> str:
        return str(self.document)


@dataclass(frozen=True)
class Objects:
    """The objects by what they are to a platform, each in order of name."""

    workloads: tuple[Workload, ...] = ()
    autoscalers: tuple[Document, ...] = ()
    services: tuple[Document, ...] = ()
    budgets: tuple[Document, ...] = ()
    routes: tuple[Document, ...] = ()
    partial: tuple[Document, ...] = ()
    """Workloads without an image: patches, as Kustomize has them."""
    ignored: Mapping[str, int] | None = None
    """Other kinds, and how many of each."""

    def services_of(self, workload: Workload) -> list[Document]:
        """The Services that lead to the workload's pods."""
        return [each for each in self.services if leads_to(each, workload) and each.near(workload.document)]


def leads_to(service: Document, workload: Workload) -> bool:
    """Whether the Service selects the workload's pods."""
    return workload.is_selected_by(mapping(service.spec.get("selector")))


def objects_of(documents: Sequence[Document]) -> Objects:
    """The documents, sorted out. Raises BadInputError where two different objects have the same name."""
    once = _each_once(documents)
    workloads = [Workload(each) for each in once if (each.group, each.kind) in WORKLOADS]
    known = WORKLOADS | AUTOSCALERS | SERVICES | BUDGETS | ROUTES
    others = Counter(each.kind for each in documents if (each.group, each.kind) not in known)

    def of(kinds: frozenset[tuple[str, str]]) -> tuple[Document, ...]:
        return tuple(each for each in once if (each.group, each.kind) in kinds)

    return Objects(
        workloads=tuple(each for each in workloads if _is_whole(each)),
        autoscalers=of(AUTOSCALERS),
        services=of(SERVICES),
        budgets=of(BUDGETS),
        routes=of(ROUTES),
        partial=tuple(each.document for each in workloads if not _is_whole(each)),
        ignored=dict(sorted(others.items())),
    )


def _is_whole(workload: Workload) -> bool:
    return bool(workload.containers) and all(words(each.get("image")) for each in workload.containers)


def _each_once(documents: Sequence[Document]) -> list[Document]:
    """In order of kind, namespace and name; the same object from two files counts once, patches of it do not count at all."""
    kept: dict[tuple[str, ...], Document] = {}
    for document in documents:
        if not document.name:
            continue
        key = (document.kind, document.group, document.namespace, document.name)
        before = kept.get(key)
        if before is None or _is_patch(before):
            kept[key] = document
        elif before.body != document.body and not _is_patch(document):
            raise BadInputError(
                f"{document} is also in {before.origin}, and says something else there",
                hint="give one variant, such as `kustomize build overlays/production | scaleproof init --manifests -`",
            )
    return [kept[key] for key in sorted(kept)]


def _is_patch(document: Document) -> bool:
    return (document.group, document.kind) in WORKLOADS and not _is_whole(Workload(document))
