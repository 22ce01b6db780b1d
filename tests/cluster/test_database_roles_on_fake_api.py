"""Pulumi's real engine and the provider against a fake API: roles come with services, and a Secret that is gone is drawn anew."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import pulumi_kubernetes as k8s
import pytest
from cluster.small_stack import small_project

from fakes.kube_api_server import FakeKube
from fakes.progress import FakeProgress
from scaleproof.cluster.stack import KubeStack
from scaleproof.components.postgres import Postgres, PostgresArgs
from scaleproof.components.settings import DatabaseSettings
from scaleproof.spec.platform import Postgres as PostgresSpec

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

SPACE = "shop-dev"
SECRETS = f"/api/v1/namespaces/{SPACE}/secrets"
JOBS = f"/apis/batch/v1/namespaces/{SPACE}/jobs/"


class Shop:
    """A namespace with a database, and as many services as the test says."""

    def __init__(self, *services: str) -> None:
        self.services = list(services)

    def __call__(self) -> None:
        space = k8s.core.v1.Namespace("space", metadata={"name": SPACE})
        args = PostgresArgs(SPACE, "shop", PostgresSpec(), DatabaseSettings(storage=None), self.services)
        Postgres("postgres", args, lambda: secrets.token_urlsafe(24), depends_on=[space])


def test_roles_come_with_services_and_a_secret_that_is_gone_is_drawn_anew(
    fake_kube: FakeKube, progress: FakeProgress, attached, tmp_path: Path
) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(fake_kube.kubeconfig())
    attached(file)
    shop = Shop("orders")
    stack = KubeStack(small_project(tmp_path / "project"), "dev", shop)

    def jobs() -> dict[str, str]:
        return {path: job["metadata"]["uid"] for path, job in fake_kube.objects.items() if path.startswith(JOBS)}

    def value(service: str, key: str) -> str:
        return base64.b64decode(fake_kube.objects[f"{SECRETS}/{service}-database-url"]["data"][key]).decode()

    stack.up(progress)
    [first] = jobs()
    url = value("orders", "DATABASE_URL")
    state = "".join(each.read_text() for each in (tmp_path / "state").rglob("*.json"))
    assert url.split(":")[2].split("@")[0] not in state
    assert fake_kube.objects[f"{SECRETS}/orders-database-url"]["data"]["DATABASE_URL"] not in state
    assert str(stack.preview(progress, refresh=True)) == "no changes", "what is drawn at every run counts once"

    shop.services.append("web-shop")
    stack.up(progress)
    [second] = jobs()
    assert second != first, "a new service: another Job"
    assert value("orders", "DATABASE_URL") == url

    before = jobs()
    del fake_kube.objects[f"{SECRETS}/orders-database-url"]
    stack.refresh(progress)
    stack.up(progress)
    assert value("orders", "DATABASE_URL") != url
    assert jobs().keys() == before.keys()
    assert jobs() != before, "the same Job, run anew"
    annotations = fake_kube.objects[second]["spec"]["template"]["metadata"]["annotations"]
    uid = fake_kube.objects[f"{SECRETS}/orders-database-url"]["metadata"]["uid"]
    assert annotations["scaleproof.dev/secret-orders-database-url"] == uid
    assert str(stack.preview(progress, refresh=True)) == "no changes"
