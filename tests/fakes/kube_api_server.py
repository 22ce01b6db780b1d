"""A small Kubernetes API on loopback: objects in memory, server-side apply with owners, pods that start. The fake of a cluster."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

Document = dict[str, Any]
SPACE = "tiny-dev"
"""The namespace of most tests."""

KINDS = {
    "v1": ("Namespace namespaces", "Pod pods", "Service services", "ConfigMap configmaps", "Secret secrets", "Event events",
           "ServiceAccount serviceaccounts", "Node nodes", "ResourceQuota resourcequotas", "PersistentVolumeClaim persistentvolumeclaims"),
    "apps/v1": ("Deployment deployments", "StatefulSet statefulsets"),
    "batch/v1": ("Job jobs",),
    "autoscaling/v2": ("HorizontalPodAutoscaler horizontalpodautoscalers",),
    "policy/v1": ("PodDisruptionBudget poddisruptionbudgets",),
    "networking.k8s.io/v1": ("NetworkPolicy networkpolicies",),
    "gateway.networking.k8s.io/v1": ("GatewayClass gatewayclasses", "Gateway gateways", "HTTPRoute httproutes"),
    "apiregistration.k8s.io/v1": ("APIService apiservices",),
    "metrics.k8s.io/v1beta1": ("PodMetrics pods",),
}  # fmt: skip
CLUSTER_WIDE = {"Namespace", "Node", "GatewayClass", "APIService"}
Leaf = tuple[str, ...]


class FakeKube:
    """`objects` by path; `texts` by path are what proxied endpoints say. `now` can be frozen for tests with a clock."""

    def __init__(self, *, start_seconds: float = 0.0, clock: Callable[[], float] = time.time) -> None:
        self.objects: dict[str, Document] = {}
        self.texts: dict[str, str | Callable[[], str]] = {}
        self.kinds = {version: list(kinds) for version, kinds in KINDS.items()}
        self.denied: set[str] = set()
        """Paths answered with 403."""
        self.broken_images: set[str] = set()
        self.requests: list[tuple[str, str]] = []
        self.start_seconds = start_seconds
        self.clock = clock
        self._owners: dict[str, dict[Leaf, str]] = {}
        self._version = 0
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.put(
            "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io",
            _object("APIService", "v1beta1.metrics.k8s.io"),
        )
        self.available("v1beta1.metrics.k8s.io")
        self.put("/api/v1/nodes/node-1", _node("node-1"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def kubeconfig(self) -> str:
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
                "users": [{"name": "me", "user": {"token": "not-a-secret"}}],
                "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "me"}}],
                "current-context": "fake",
            }
        )

    # --- what tests do to it ----------------------------------------------------------------------------------------

    def put(self, path: str, document: Document) -> Document:
        """An object as it is, with what the server adds."""
        with self._lock:
            found = self._stamped(path, json.loads(json.dumps(document)), self.objects.get(path))
            self.objects[path] = found
            return found

    def change(self, path: str, patch: Document, manager: str = "kubectl-edit") -> Document:
        """As `kubectl edit` would."""
        with self._lock:
            return self._merge(path, patch, manager)

    def available(self, name: str, status: str = "True", message: str = "") -> None:
        path = f"/apis/apiregistration.k8s.io/v1/apiservices/{name}"
        self.objects[path]["status"] = {"conditions": [{"type": "Available", "status": status, "message": message}]}

    def pods(self, namespace: str) -> list[Document]:
        with self._lock:
            self._reconcile()
            return self._list(f"/api/v1/namespaces/{namespace}/pods")

    def event(self, namespace: str, reason: str, message: str, involved: Document, kind: str = "Warning") -> None:
        name = f"event-{uuid.uuid4().hex[:8]}"
        document = {
            **_object("Event", name, namespace),
            "reason": reason,
            "message": message,
            "type": kind,
            "involvedObject": {"namespace": namespace, **involved},
            "lastTimestamp": self._stamp(),
        }
        self.put(f"/api/v1/namespaces/{namespace}/events/{name}", document)

    # --- the API ----------------------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, body: bytes, content_type: str) -> tuple[int, Any]:
        url = urlsplit(target)
        path, query = unquote(url.path), {key: values[0] for key, values in parse_qs(url.query).items()}
        with self._lock:
            self.requests.append((method, path))
            self._reconcile()
            if path in self.denied:
                return _status(403, "Forbidden", f'user "me" cannot {method.lower()} {path}')
            if path == "/version":
                return 200, {"major": "1", "minor": "36", "gitVersion": "v1.36.3"}
            if path in self.texts:
                text = self.texts[path]
                return 200, text() if callable(text) else text
            if "/proxy/" in path:
                return _status(503, "ServiceUnavailable", "no endpoints")
            version = path.removeprefix("/apis/").removeprefix("/api/")
            if version in self.kinds:
                return 200, self._discovery(version)
            document = json.loads(body) if body else {}
            return self._object_request(method, path, query, document, content_type)

    def _object_request(self, method: str, path: str, query: dict[str, str], document: Document, content_type: str):
        last = path.rpartition("/")[2]
        collections = {entry.split()[1] for kinds in self.kinds.values() for entry in kinds}
        if last == "scale" and method == "PATCH":
            return 200, self._merge(path.removesuffix("/scale"), document, query.get("fieldManager", ""))
        if last in collections:
            if method == "POST":
                return 201, self.put(f"{path}/{document['metadata']['name']}", document)
            return 200, {"kind": "List", "items": self._list(path, query)}
        if method == "PATCH" and "apply-patch" in content_type:
            return self._apply(path, document, query)
        if path not in self.objects:
            return _status(404, "NotFound", f"{path} not found")
        answers = {
            "GET": lambda: self.objects[path],
            "PATCH": lambda: self._merge(path, document, query.get("fieldManager", "")),
            "DELETE": lambda: self._delete(path),
        }
        return 200, answers[method]()

    def _discovery(self, version: str) -> Document:
        resources = [
            {"kind": kind, "name": plural, "namespaced": kind not in CLUSTER_WIDE}
            for kind, plural in (entry.split() for entry in self.kinds[version])
        ]
        return {
            "resources": [
                *resources,
                *({"kind": "Scale", "name": "deployments/scale", "namespaced": True} for _ in range(version == "apps/v1")),
            ]
        }

    def _list(self, path: str, query: dict[str, str] | None = None) -> list[Document]:
        head, _, plural = path.rpartition("/")
        wide = "/namespaces/" not in path and plural != "namespaces"
        found = []
        for each, document in self.objects.items():
            folder, _, name = each.rpartition("/")
            same = folder == path or (wide and folder.startswith(f"{head}/namespaces/") and folder.endswith(f"/{plural}"))
            if same and name and _selected(document, (query or {}).get("labelSelector", "")):
                found.append(document)
        return found

    def _apply(self, path: str, document: Document, query: dict[str, str]):
        live, manager = self.objects.get(path), query["fieldManager"]
        owners = self._owners.setdefault(path, {})
        wanted = dict(_leaves(document))
        if live is not None and query.get("force") != "true":
            for leaf, value in wanted.items():
                owner = owners.get(leaf)
                if owner not in {None, manager} and _at(live, leaf) != value:
                    return _status(409, "Conflict", f'Apply failed with 1 conflict: conflict with "{owner}": .{".".join(leaf)}')
        result = json.loads(json.dumps(live)) if live is not None else {}
        for leaf, owner in list(owners.items()):
            if owner == manager and leaf not in wanted:
                _remove(result, leaf)
                del owners[leaf]
        for leaf, value in wanted.items():
            _set(result, leaf, json.loads(json.dumps(value)))
            owners[leaf] = manager
        stamped = self._stamped(path, result, live)
        stamped["metadata"]["managedFields"] = [
            {"manager": name, "operation": "Apply" if name != "kubectl-edit" else "Update"}
            for name in sorted(set(owners.values()))
        ]
        if query.get("dryRun") != "All":
            self.objects[path] = stamped
        return 200 if live is not None else 201, stamped

    def _merge(self, path: str, patch: Document, manager: str) -> Document:
        live = self.objects[path]
        result = _merged(json.loads(json.dumps(live)), patch)
        for leaf, _ in _leaves(patch):
            self._owners.setdefault(path, {})[leaf] = manager
        self.objects[path] = self._stamped(path, result, live)
        return self.objects[path]

    def _delete(self, path: str) -> Document:
        document = self.objects.pop(path)
        self._owners.pop(path, None)
        inside = path.removeprefix("/api/v1") if document.get("kind") == "Namespace" else None
        if inside:
            for each in [each for each in self.objects if f"{inside}/" in each]:
                del self.objects[each]
        return document

    def _stamped(self, path: str, document: Document, before: Document | None) -> Document:
        self._version += 1
        metadata = document.setdefault("metadata", {})
        old = (before or {}).get("metadata", {})
        metadata.setdefault("name", path.rpartition("/")[2])
        metadata["uid"] = old.get("uid") or metadata.get("uid") or str(uuid.uuid4())
        metadata.setdefault("creationTimestamp", old.get("creationTimestamp") or self._stamp())
        metadata["resourceVersion"] = str(self._version)
        changed = before is None or before.get("spec") != document.get("spec")
        metadata["generation"] = int(old.get("generation", 0)) + changed
        return document

    def _stamp(self, moment: float | None = None) -> str:
        return datetime.fromtimestamp(self.clock() if moment is None else moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    # --- controllers ------------------------------------------------------------------------------------------------

    def _reconcile(self) -> None:
        for path, document in list(self.objects.items()):
            if document.get("kind") in {"Deployment", "StatefulSet"} and path.startswith("/apis/apps/v1/"):
                self._deployment(document)
            if document.get("kind") == "Job":
                document["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
            if document.get("kind") == "Service" and "spec" in document:
                document["spec"].setdefault("clusterIP", "10.0.0.1")

    def _deployment(self, deployment: Document) -> None:
        metadata, spec = deployment["metadata"], deployment["spec"]
        spec.setdefault("replicas", 1)
        folder = f"/api/v1/namespaces/{metadata['namespace']}/pods"
        template = json.dumps(spec["template"], sort_keys=True)
        mine = [pod for pod in self._list(folder) if pod["metadata"].get("owner") == metadata["name"]]
        for pod in mine:
            if pod["metadata"]["template"] != template:
                del self.objects[f"{folder}/{pod['metadata']['name']}"]
        mine = [pod for pod in mine if pod["metadata"]["template"] == template]
        for pod in mine[spec["replicas"] :]:
            del self.objects[f"{folder}/{pod['metadata']['name']}"]
        mine = mine[: spec["replicas"]]
        while len(mine) < spec["replicas"]:
            mine.append(self._new_pod(folder, deployment, template))
        for pod in mine:
            self._kubelet(pod)
        ready = sum(pod["status"]["conditions"][0]["status"] == "True" for pod in mine)
        deployment["status"] = {
            "observedGeneration": metadata["generation"],
            "replicas": len(mine),
            "updatedReplicas": len(mine),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentRevision": "1",
            "updateRevision": "1",
        }

    def _new_pod(self, folder: str, deployment: Document, template: str) -> Document:
        name = f"{deployment['metadata']['name']}-6c9-{uuid.uuid4().hex[:5]}"
        pod = _object("Pod", name, deployment["metadata"]["namespace"])
        pod["metadata"] |= {
            "labels": deployment["spec"]["template"].get("metadata", {}).get("labels", {}),
            "owner": deployment["metadata"]["name"],
            "template": template,
            "born": self.clock(),
        }
        pod["spec"] = {"nodeName": "node-1", **json.loads(json.dumps(deployment["spec"]["template"]["spec"]))}
        return self.put(f"{folder}/{name}", pod)

    def _kubelet(self, pod: Document) -> None:
        born = pod["metadata"]["born"]
        images = [container.get("image", "") for container in pod["spec"]["containers"]]
        broken = next((image for image in images if image in self.broken_images), None)
        is_ready = broken is None and self.clock() >= born + self.start_seconds
        waiting = {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{broken}": not found'}}
        pod["status"] = {
            "phase": "Running" if broken is None else "Pending",
            "startTime": self._stamp(born),
            "conditions": [
                {"type": "Ready", "status": str(is_ready), "lastTransitionTime": self._stamp(born + self.start_seconds)}
            ],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container.get("image", ""),
                    "imageID": f"sha256:{container.get('image', '')}",
                    "restartCount": 0,
                    "state": {"running": {}} if broken is None else waiting,
                }
                for container in pod["spec"]["containers"]
            ],
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        kube = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # header and body in one packet: two would wait for each other's acknowledgement

            def _respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = kube.answer(self.command, self.path, body, self.headers.get("Content-Type") or "")
                with kube._lock:
                    data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                self.wfile.flush()

            do_GET = do_POST = do_PATCH = do_DELETE = _respond  # noqa: N815  the library calls them so

            def log_message(self, *_: object) -> None:
                """Silent."""

        return Handler


def deployment(
    name: str, namespace: str, *, replicas: int = 1, image: str = "app:1", cpu: str = "150m", memory: str = "256Mi"
) -> Document:
    """A service's Deployment, labelled as the components do."""
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "service"}
    resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}
    container = {"name": name, "image": image, "resources": resources}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def autoscaler(name: str, namespace: str, *, least: int = 1, most: int = 5, target: int = 80) -> Document:
    """A service's HorizontalPodAutoscaler."""
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [metric],
        },
    }


def _object(kind: str, name: str, namespace: str | None = None) -> Document:
    return {"kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}}


def _node(name: str) -> Document:
    amounts = {"cpu": "2", "memory": "8Gi", "pods": "110"}
    info = {
        "architecture": "amd64",
        "kubeletVersion": "v1.36.3",
        "containerRuntimeVersion": "containerd://1.6.20",
        "kernelVersion": "6.1",
    }
    return {**_object("Node", name), "status": {"capacity": amounts, "allocatable": amounts, "nodeInfo": info}}


def _status(code: int, reason: str, message: str) -> tuple[int, Document]:
    return code, {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}


def _selected(document: Document, selector: str) -> bool:
    labels = document["metadata"].get("labels", {})

    for key, values in re.findall(r"([^,\s]+) in \(([^)]*)\)", selector):
        if labels.get(key) not in values.split(","):
            return False
    return all(labels.get(key) == value for key, value in re.findall(r"(?:^|,)([^,=\s]+)=([^,]+)", selector))


def _leaves(document: Any, at: Leaf = ()):
    if isinstance(document, dict) and (document or not at):
        for key, value in document.items():
            yield from _leaves(value, (*at, key))
    else:
        yield at, document


def _at(document: Any, leaf: Leaf) -> Any:
    for key in leaf:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _set(document: Document, leaf: Leaf, value: Any) -> None:
    for key in leaf[:-1]:
        document = document.setdefault(key, {})
    document[leaf[-1]] = value


def _remove(document: Document, leaf: Leaf) -> None:
    for key in leaf[:-1]:
        document = document.get(key, {})
    document.pop(leaf[-1], None)


def _merged(live: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(live) if isinstance(live, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result
