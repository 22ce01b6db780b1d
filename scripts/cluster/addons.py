"""What a cluster has besides Kubernetes: names, metrics, disks, a gateway controller, Prometheus."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from scripts.cluster.commands import run
from scripts.cluster.places import DNS_ADDRESS, NODE_ADDRESS, NODE_NAME, SCRIPTS, Places
from scripts.cluster.programs import NODE, find_go

MANIFESTS = SCRIPTS / "manifests"
DISKS = 20
"""Volumes that claims may bind to; each is used once, as nothing here cleans it for the next."""

GATEWAY_MODULE = "github.com/envoyproxy/gateway"
GATEWAY_NAMESPACE = "envoy-gateway-system"

Inside = Callable[[Sequence[str]], list[str]]


def manifest(name: str, **values: object) -> str:
    """A file of `manifests/` with its values filled in."""
    text = (MANIFESTS / f"{name}.yaml").read_text()
    # What is rendered is YAML for kubectl, not HTML.
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(text).render(values)  # noqa: S701 - see above


def disks(places: Places) -> str:
    """Local volumes of the default class."""
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "local", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    here = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE_NAME]}]}
    volumes = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"disk-{number:02}"},
            "spec": {
                "capacity": {"storage": "50Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "local",
                "local": {"path": str(places.state / "disks" / str(number))},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [here]}},
            },
        }
        for number in range(DISKS)
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [storage_class, *volumes]})


def make_disks(places: Places) -> None:
    """The folders behind the volumes, empty."""
    for number in range(DISKS):
        (places.state / "disks" / str(number)).mkdir(parents=True)


def kubectl(places: Places, inside: Inside, *arguments: str, text: str | None = None) -> str:
    """As the administrator."""
    return run(inside([places.program("kubectl"), "--kubeconfig", str(places.kubeconfig), *arguments]), text=text)


def apply(places: Places, inside: Inside, text: str) -> None:
    """Server-side, so that a CRD's size does not matter."""
    kubectl(places, inside, "apply", "--server-side", "--force-conflicts", "-f", "-", text=text)


def gateway_chart(places: Places, say: Callable[[str], None]) -> Path:
    """Envoy Gateway's own chart, as its module ships it, with the names of our images filled in."""
    target = places.cache / "gateway-helm"
    if (target / "values.yaml").exists():
        return target
    shutil.rmtree(target, ignore_errors=True)
    go = find_go(NODE, places, say)
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    module = run([go, "list", "-m", "-f", "{{.Dir}}", GATEWAY_MODULE], folder=NODE.folder, environment=environment).strip()
    shutil.copytree(Path(module) / "charts" / "gateway-helm", target)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    values = (target / "values.tmpl.yaml").read_text()
    values = values.replace("${GatewayImage}", "scaleproof.test/envoy-gateway:latest").replace(
        "${GatewayImagePullPolicy}", "IfNotPresent"
    )
    (target / "values.yaml").write_text(values)
    return target


def install_gateway(places: Places, inside: Inside, say: Callable[[str], None]) -> None:
    """Envoy Gateway with all its CRDs, the Gateway API's among them."""
    values = {"global.images.envoyProxy.image": "scaleproof.test/envoy:latest", "topologyInjector.enabled": "false"}
    settings = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    helm = [places.program("helm"), "--kubeconfig", str(places.kubeconfig), "upgrade", "--install", "envoy-gateway"]
    chart = str(gateway_chart(places, say))
    run(inside([*helm, chart, "--namespace", GATEWAY_NAMESPACE, "--create-namespace", *settings]))
    crds = ("crd/envoyproxies.gateway.envoyproxy.io", "crd/gatewayclasses.gateway.networking.k8s.io")
    kubectl(places, inside, "wait", "--for=condition=Established", *crds, "--timeout=30s")
    apply(places, inside, manifest("gateway-class"))


def install_addons(places: Places, inside: Inside, say: Callable[[str], None]) -> None:
    """Apply everything; nothing here waits for pods."""
    make_disks(places)
    apply(places, inside, disks(places))
    apply(places, inside, manifest("coredns", dns_address=DNS_ADDRESS))
    apply(places, inside, manifest("metrics-server"))
    apply(places, inside, manifest("prometheus", node_address=NODE_ADDRESS))
    install_gateway(places, inside, say)
