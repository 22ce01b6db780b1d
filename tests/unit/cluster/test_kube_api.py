from __future__ import annotations

import socket
from pathlib import Path

import pytest

from fakes.kube_api_server import FakeKube
from scaleproof.cluster.kube_api import KubeApi, KubeError, UnknownKindError, connect
from scaleproof.spec.errors import BadInputError, CannotMeasureError


def test_a_missing_kubeconfig_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no such kubeconfig") as caught:
        connect(tmp_path / "nowhere")
    assert "KUBECONFIG" in str(caught.value)


@pytest.mark.parametrize("text", ["{", "a: [1", "", "just words", "apiVersion: v1\nkind: Config\n"])
def test_what_is_no_kubeconfig_is_bad_input(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    with pytest.raises(BadInputError, match="kubeconfig"):
        connect(file)


def test_a_wrong_context_is_named_beside_those_that_there_are(kube: FakeKube, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(kube.kubeconfig())
    with pytest.raises(BadInputError, match="no context 'prod'") as caught:
        connect(file, "prod")
    assert "fake" in (caught.value.hint or "")


def test_a_cluster_that_is_down_is_said_within_a_second(tmp_path: Path, kube: FakeKube) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    file = tmp_path / "kubeconfig"
    file.write_text(kube.kubeconfig().replace(kube.url, f"http://127.0.0.1:{port}"))
    with pytest.raises(CannotMeasureError, match=r"does not answer \(.*refused") as caught:
        connect(file)
    assert str(file) in (caught.value.hint or "")


def test_the_usual_file_is_the_environments(kube: FakeKube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "elsewhere"
    file.write_text(kube.kubeconfig())
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert connect().server == kube.url


def test_inside_a_cluster_without_an_account_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(BadInputError, match="not inside a cluster"):
        connect()


def test_a_refusal_carries_status_reason_and_hint(kube: FakeKube, api: KubeApi) -> None:
    kube.denied.add("/api/v1/nodes")
    with pytest.raises(KubeError) as caught:
        api.items("/api/v1/nodes")
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")
    assert "grant it" in (caught.value.hint or "")


def test_credentials_that_are_not_accepted(kube: FakeKube, api: KubeApi) -> None:
    kube.answer = lambda *_: (401, {"reason": "Unauthorized", "message": "Unauthorized"})
    with pytest.raises(KubeError, match="does not accept the credentials"):
        api.get("/version")


def test_an_answer_that_is_not_json_is_shown(kube: FakeKube, api: KubeApi) -> None:
    kube.answer = lambda *_: (502, "upstream is gone")
    with pytest.raises(KubeError, match="upstream is gone"):
        api.get("/version")


def test_a_kind_is_discovered_also_when_it_comes_later(kube: FakeKube, api: KubeApi) -> None:
    gateways = kube.kinds.pop("gateway.networking.k8s.io/v1")
    with pytest.raises(UnknownKindError, match="serves no Gateway"):
        api.kind("gateway.networking.k8s.io/v1", "Gateway")
    kube.kinds["gateway.networking.k8s.io/v1"] = gateways
    kind = api.kind("gateway.networking.k8s.io/v1", "Gateway")
    assert kind.path("shop", "public") == "/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways/public"
    assert api.kind("v1", "Node").path(None, "n") == "/api/v1/nodes/n"


def test_applying_reading_and_deleting(kube: FakeKube, api: KubeApi) -> None:
    path = "/api/v1/namespaces/tiny-dev/configmaps/one"
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "one", "namespace": "tiny-dev"},
        "data": {"a": "1"},
    }
    api.apply(path, document, field_manager="me", dry_run=True)
    assert api.find(path) is None
    api.apply(path, document, field_manager="me")
    kube.change(path, {"data": {"a": "2"}})
    with pytest.raises(KubeError, match="conflict"):
        api.apply(path, document, field_manager="me")
    assert api.apply(path, document, field_manager="me", force=True)["data"] == {"a": "1"}
    assert api.delete(path) is True
    assert api.delete(path) is False
    assert api.create("/api/v1/namespaces/tiny-dev/configmaps", document)["metadata"]["uid"]
