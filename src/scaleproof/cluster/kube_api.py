"""The Kubernetes API as JSON documents: requests, discovery, and errors a person can act on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.config.config_exception import ConfigException

from scaleproof.spec.errors import BadInputError, CannotMeasureError

Document = dict[str, Any]

TIMEOUT_SECONDS: Final = 10.0
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"


class KubeError(CannotMeasureError):
    """The API server's own answer to a request that it refused."""

    def __init__(self, status: int, reason: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason
        """`metav1.Status.reason`, such as NotFound, Conflict, Forbidden."""


class UnknownKindError(CannotMeasureError):
    """The cluster serves no such kind: a missing CustomResourceDefinition, as a rule."""


@dataclass(frozen=True)
class Kind:
    """Where objects of a kind are found."""

    api_version: str
    name: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Path of the collection, or of one object."""
        base = f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}"
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{base}{inside}/{self.plural}" + (f"/{name}" if name else "")


class KubeApi:
    """A connection to one cluster. Usable from several threads.

    Every call raises KubeError where the server refuses, CannotMeasureError where it does not answer.
    """

    def __init__(self, configuration: Configuration, origin: str) -> None:
        configuration.retries = urllib3.Retry(total=1, connect=1, read=0, redirect=0, status=0)
        self._client = ApiClient(configuration)
        self._host = str(configuration.host).rstrip("/")
        self._origin = origin
        self._kinds: dict[str, dict[str, Kind]] = {}

    @property
    def server(self) -> str:
        """The API server's address."""
        return self._host

    @property
    def client(self) -> ApiClient:
        """The library's own client of the same cluster, for what is no JSON document (exec)."""
        return self._client

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]  # the library is not typed

    def get(self, path: str, query: Mapping[str, str] | None = None, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Document:
        """One document."""
        return self._json("GET", path, query, timeout_seconds=timeout_seconds)

    def text(self, path: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> str:
        """What is not JSON, such as metrics."""
        return self._request("GET", path, None, None, "application/json", timeout_seconds).decode()

    def find(self, path: str) -> Document | None:
        """One document; None where there is none."""
        try:
            return self.get(path)
        except KubeError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def items(self, path: str, *, labels: str = "", fields: str = "", cached: bool = False) -> list[Document]:
        """The objects of a collection. Selectors as in `kubectl get -l` and `--field-selector`.

        `cached`: the server's cache will do, which costs it less and may be a moment old.
        """
        query = {"resourceVersion": "0" if cached else "", "labelSelector": labels, "fieldSelector": fields}
        answer = self.get(path, {key: value for key, value in query.items() if value})
        found: list[Document] = answer.get("items") or []
        return found

    def create(self, path: str, body: Document) -> Document:
        """A new object."""
        return self._json("POST", path, None, body)

    def patch(self, path: str, body: Document, *, field_manager: str, kind: str = MERGE) -> Document:
        """Change an object by a merge patch, with our name on the fields."""
        return self._json("PATCH", path, {"fieldManager": field_manager}, body, content_type=kind)

    def apply(self, path: str, body: Document, *, field_manager: str, force: bool = False, dry_run: bool = False) -> Document:
        """Server-side apply."""
        query = {"fieldManager": field_manager, "force": str(force).lower(), **({"dryRun": "All"} if dry_run else {})}
        return self._json("PATCH", path, query, body, content_type=APPLY)

    def delete(self, path: str, *, propagation: str = "Foreground") -> bool:
        """Whether there was such an object; it may need time to go."""
        try:
            self._json("DELETE", path, None, {"propagationPolicy": propagation})
        except KubeError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def kind(self, api_version: str, name: str) -> Kind:
        """Discovery. Asks again where the kind is not known yet. Raises UnknownKindError."""
        if name not in self._kinds.get(api_version, {}):
            self._kinds[api_version] = self._discover(api_version)
        try:
            return self._kinds[api_version][name]
        except KeyError:
            raise UnknownKindError(
                f"the cluster at {self._host} serves no {name} of {api_version}",
                hint="install the CustomResourceDefinition it belongs to, or use a newer cluster",
            ) from None

    def _discover(self, api_version: str) -> dict[str, Kind]:
        path = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        found = self.find(path) or {"resources": []}
        return {
            entry["kind"]: Kind(api_version, entry["kind"], entry["name"], bool(entry["namespaced"]))
            for entry in found["resources"]
            if "/" not in entry["name"]
        }

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Document | None = None,
        *,
        content_type: str = "application/json",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Document:
        answer: Document = json.loads(self._request(method, path, query, body, content_type, timeout_seconds) or b"{}")
        return answer

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Document | None,
        content_type: str,
        timeout_seconds: float,
    ) -> bytes:
        headers = {"Accept": "application/json, */*", "Content-Type": content_type, "User-Agent": "scaleproof"}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, None)
        url = self._host + path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        try:
            answer = self._client.rest_client.pool_manager.request(
                method, url, body=data, headers=headers, timeout=urllib3.Timeout(timeout_seconds)
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise self._refused(method, path, answer.status, answer.data)
        return answer.data

    def _unreachable(self, error: Exception) -> CannotMeasureError:
        cause = error
        while isinstance(inner := getattr(cause, "reason", None), Exception):
            cause = inner
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return CannotMeasureError(
                f"{self._host}: its certificate is not signed by the authority in {self._origin}",
                hint="is this the right cluster? Fetch its kubeconfig anew (certificate-authority-data)",
            )
        words = str(cause).rpartition(": ")[2].strip("()<> ")
        return CannotMeasureError(
            f"the Kubernetes API at {self._host} does not answer ({words or type(cause).__name__})",
            hint=f"is the cluster up, and is {self._origin} the right one? `kubectl cluster-info` asks the same",
        )

    def _refused(self, method: str, path: str, status: int, data: bytes) -> KubeError:
        try:
            document = json.loads(data)
        except ValueError:
            document = {}
        if not isinstance(document, dict):
            document = {}
        message = document.get("message") or data.decode(errors="replace").strip()[:300] or f"{method} {path}"
        reason = document.get("reason") or ""
        hint = None
        if status == HTTPStatus.UNAUTHORIZED:
            message = f"the cluster at {self._host} does not accept the credentials in {self._origin} ({message})"
            hint = "they may have expired: fetch the kubeconfig anew"
        elif status == HTTPStatus.FORBIDDEN:
            hint = f"grant it to the user of {self._origin}, or use another context"
        return KubeError(status, reason, message, hint=hint)


def connect(kubeconfig: Path | None = None, context: str | None = None) -> KubeApi:
    """The cluster of a kubeconfig: the given one, $KUBECONFIG, ~/.kube/config, or the cluster that this process runs in.

    Raises BadInputError where the file, or the context in it, is no good; CannotMeasureError where the cluster does not answer.
    """
    file = kubeconfig or _usual_file()
    configuration = Configuration()
    if file is None:
        try:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # as above
        except ConfigException as error:
            raise BadInputError(f"not inside a cluster after all ({error})") from None
        origin = "the pod's service account"
    else:
        _load(file, context, configuration)
        origin = f"{file}" + (f" (context {context})" if context else "")
    api = KubeApi(configuration, origin)
    api.get("/version")
    return api


def _usual_file() -> Path | None:
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    if named:
        return Path(named)
    usual = Path.home() / ".kube" / "config"
    if not usual.exists() and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return None
    return usual


def _load(file: Path, context: str | None, configuration: Configuration) -> None:
    if not file.is_file():
        raise BadInputError(
            f"{file}: no such kubeconfig", hint="set KUBECONFIG to the file of your cluster; `make cluster-up` makes one"
        )
    try:
        contexts, _ = config.list_kube_config_contexts(config_file=str(file))  # type: ignore[no-untyped-call]  # as above
        names = [entry["name"] for entry in contexts]
    except Exception as error:  # noqa: BLE001  the library lets YAML and type errors of any kind through
        raise BadInputError(f"{file}: not a kubeconfig ({_first_line(error)})", hint="see `kubectl config view`") from None
    if context is not None and context not in names:
        raise BadInputError(f"{file}: no context {context!r}", hint=f"there are: {', '.join(names) or 'none'}")
    try:
        config.load_kube_config(  # type: ignore[no-untyped-call]  # as above
            config_file=str(file), context=context, client_configuration=configuration
        )
    except Exception as error:  # noqa: BLE001  as above, and whatever an exec plugin says
        raise BadInputError(f"{file}: cannot be used ({_first_line(error)})", hint="see `kubectl config view`") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
