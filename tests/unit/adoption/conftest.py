from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scaleproof.adoption.documents import Document, documents_of
from scaleproof.adoption.objects import Objects, Workload, objects_of

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def shop_files() -> list[Path]:
    """The manifests of a small shop of five services."""
    return sorted((FIXTURES / "shop").glob("*.yaml"))


@pytest.fixture
def shop(shop_files: list[Path]) -> Objects:
    return objects_of([each for file in shop_files for each in documents_of(file.read_text(), file.name)])


@pytest.fixture
def workload() -> Callable[..., Workload]:
    """A Deployment of one container; `container`, `pod` and `spec` add to it."""

    def build(
        name: str = "cart", *, namespace: str = "", kind: str = "Deployment", pod=None, spec=None, **container
    ) -> Workload:
        template = {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": name, "image": "registry.example/x:1", **container}], **(pod or {})},
        }
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        body = {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": {"template": template, **(spec or {})}}
        return Workload(Document(body, "x.yaml"))

    return build


@pytest.fixture
def service() -> Callable[..., Document]:
    """A Service that leads to the workload of that name."""

    def build(name: str = "cart", *, namespace: str = "", ports=None, **spec) -> Document:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        return Document(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata,
                "spec": {"selector": {"app": name}, "ports": ports or [{"port": 80}], **spec},
            },
            "x.yaml",
        )

    return build
