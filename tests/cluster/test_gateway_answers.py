"""The table of `tests/gateway`, asked of Envoy Gateway: the manifests of our components, replicas that are pods."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from gateway.answers import REPLICAS, UNPARSED, GatewayAnswers, GatewayUnderTest, platform
from gateway.tokens import Issuer

from scaleproof.components.api_gateway import GatewayArgs, gateway_manifests
from scaleproof.components.gateway_settings import GatewaySettings
from scaleproof.components.pod_security import restricted_namespace
from scripts.cluster.places import default_places

pytestmark = pytest.mark.timeout(300)

UPSTREAM = Path(__file__).parents[1] / "gateway" / "upstream.py"
IMAGE = f"docker.io/scaleproof/orders:{version('scaleproof')}"
"""Any image with a Python will do."""
PORT = 8000


def service(space: str, name: str) -> dict[str, Any]:
    ports = [{"name": "http", "port": PORT, "targetPort": PORT}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": space},
        "spec": {"selector": {"app": name}, "ports": ports},
    }


def replicas(space: str, name: str, count: int) -> dict[str, Any]:
    container = {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "command": ["python", "/upstream/upstream.py", name, str(PORT), "/upstream/jwks.json"],
        "env": [{"name": "BIND", "value": "0.0.0.0"}],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "volumeMounts": [{"name": "upstream", "mountPath": "/upstream"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "containers": [container],
        "volumes": [{"name": "upstream", "configMap": {"name": "upstream"}}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": space},
        "spec": {
            "replicas": count,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


class TestEnvoyGateway(GatewayAnswers):
    # An override is a filter.
    plain = frozenset({UNPARSED})

    @pytest.fixture(scope="class")
    @classmethod
    def asked(cls, kubeconfig: Path) -> Iterator[GatewayUnderTest]:
        space, issuer = f"asked-{uuid.uuid4().hex[:6]}", Issuer()

        def kubectl(*arguments: str, text: str = "") -> str:
            command = [default_places().program("kubectl"), *arguments]
            environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
            done = subprocess.run(
                command, input=text, env=environment, capture_output=True, text=True, timeout=120, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        spec = platform("https://id.example/jwks.json")
        settings = GatewaySettings(
            controller="existing",
            envoy_image="scaleproof.test/envoy:latest",
            replicas=1,
            jwks_url=f"http://issuer.{space}.svc.cluster.local:{PORT}/jwks.json",
        )
        files = {"upstream.py": UPSTREAM.read_text(), "jwks.json": issuer.jwks()}
        items = [
            restricted_namespace(space, spec.name),
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "upstream", "namespace": space}, "data": files},
            *(service(space, name) for name in (*spec.services, "issuer")),
            *(replicas(space, name, REPLICAS) for name in ("orders", "catalogue")),
            replicas(space, "issuer", 1),
            *gateway_manifests(GatewayArgs(spec, space, settings)),
        ]
        try:
            kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
            for name in ("orders", "catalogue", "issuer"):
                kubectl("-n", space, "rollout", "status", f"deployment/{name}", "--timeout=90s")
            kubectl("-n", space, "wait", "gateway/gateway", "--for=condition=Programmed", "--timeout=90s")
            found = json.loads(kubectl("-n", settings.namespace, "get", "service", f"{space}-gateway", "-o", "json"))
            under_test = GatewayUnderTest(f"http://{found['spec']['clusterIP']}:8080", issuer)
            deadline = time.monotonic() + 90
            while not under_test.is_ready():
                assert time.monotonic() < deadline, kubectl("-n", space, "get", "httproutes,securitypolicies", "-o", "yaml")
                time.sleep(1)
            yield under_test
        finally:
            kubectl("delete", "namespace", space, "--ignore-not-found", "--wait=false")
            kubectl("delete", "gatewayclass", space, "--ignore-not-found")
