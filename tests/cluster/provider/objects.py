"""Kubernetes objects as resources: name, apply, await, read, delete."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from http import HTTPStatus
from typing import Any

from cluster.provider.readiness import NeverReadyError, lacking

from scaleproof.cluster.kube_api import KubeApi, KubeError, UnknownKindError

Document = dict[str, Any]
AUTONAMED = "pulumi.com/autonamed"
FIELD_MANAGER = "__fieldManager"
POLL_SECONDS = 0.3
AWAIT_SECONDS = 600.0
"""The official provider's patience with most kinds."""


class InitializationError(Exception):
    """Applied, but not ready: the engine keeps the object's state and says why."""

    def __init__(self, live: Document, reason: str) -> None:
        super().__init__(reason)
        self.live = live
        self.reason = reason


def kind_of(urn: str) -> str:
    """The resource type of a URN, such as `kubernetes:apps/v1:Deployment`."""
    return urn.split("::")[2].rpartition("$")[2]


def named(inputs: Document, olds: Document, urn: str, seed: bytes) -> Document:
    """With the old automatic name, or a new one, where the program gives none."""
    metadata = dict(inputs.get("metadata", {}))
    if not metadata.get("name"):
        annotations = dict(metadata.get("annotations", {}))
        old = olds.get("metadata", {})
        if old.get("annotations", {}).get(AUTONAMED) == "true":
            metadata["name"] = old["name"]
        else:
            metadata["name"] = f"{urn.rpartition('::')[2]}-{hashlib.sha256(seed or os.urandom(16)).hexdigest()[:8]}"
        metadata["annotations"] = {**annotations, AUTONAMED: "true"}
    return {**inputs, "metadata": metadata}


def id_of(live: Document) -> str:
    """`namespace/name`, or `name`."""
    metadata = live["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else metadata["name"]


class Objects:
    """One cluster's objects. `cancelled` ends every wait."""

    def __init__(self, api: KubeApi, default_namespace: str) -> None:
        self.api = api
        self.default_namespace = default_namespace
        self.cancelled = threading.Event()

    def placed(self, inputs: Document) -> Document:
        """With the default namespace where the kind has one and the program names none."""
        metadata = inputs["metadata"]
        if metadata.get("namespace") or not self._namespaced(inputs):
            return inputs
        return {**inputs, "metadata": {**metadata, "namespace": self.default_namespace}}

    def create(self, inputs: Document, timeout_seconds: float) -> Document:
        """Apply it and wait. An object that is there already is an error, as it is with the official provider."""
        path = self._path(inputs, wait_for_kind=True)
        if self.api.find(path) is not None:
            raise KubeError(
                HTTPStatus.CONFLICT, "AlreadyExists", f"resource {id_of(inputs)} was not created: it already exists"
            )
        manager = _annotation(inputs, "patchFieldManager") or f"pulumi-kubernetes-{os.urandom(4).hex()}"
        return self._apply(path, inputs, manager, timeout_seconds)

    def update(
        self, inputs: Document, olds: Document, timeout_seconds: float, ignored: list[tuple[str | int, ...]]
    ) -> Document:
        """Apply the new inputs and wait."""
        path = self._path(inputs)
        live = self.api.get(path)
        applied = inputs
        for place in ignored:
            applied = _without(applied, place) if _at(applied, place) != _at(live, place) else applied
        return self._apply(path, applied, olds.get(FIELD_MANAGER, "pulumi-kubernetes"), timeout_seconds)

    def read(self, document: Document) -> Document | None:
        """The live object; None where it is gone, or its kind."""
        try:
            live = self.api.find(self._path(document))
        except UnknownKindError:
            return None
        return None if live is None else {**live, FIELD_MANAGER: document.get(FIELD_MANAGER, "pulumi-kubernetes")}

    def delete(self, document: Document, timeout_seconds: float) -> None:
        """Delete it and wait until it is gone."""
        try:
            path = self._path(document)
        except UnknownKindError:
            return
        uid = (self.api.find(path) or {"metadata": {"uid": ""}})["metadata"]["uid"]
        if not self.api.delete(path):
            return
        deadline = time.monotonic() + (timeout_seconds or AWAIT_SECONDS)
        while (left := self.api.find(path)) is not None and left["metadata"]["uid"] == uid:
            if time.monotonic() > deadline or self.cancelled.is_set():
                raise InitializationError(
                    left, f"{id_of(left)} is still being deleted: {left.get('status', {}).get('conditions', '')}"
                )
            time.sleep(POLL_SECONDS)

    def _apply(self, path: str, inputs: Document, manager: str, timeout_seconds: float) -> Document:
        force = _annotation(inputs, "patchForce") == "true"
        try:
            live = self.api.apply(path, inputs, field_manager=manager, force=force)
        except KubeError as error:
            if error.status == HTTPStatus.CONFLICT:
                raise KubeError(
                    error.status, error.reason, f"Server-Side Apply field conflict detected: {error.message}"
                ) from None
            raise
        try:
            state = self._await(path, live, timeout_seconds)
        except InitializationError as error:
            raise InitializationError({**error.live, FIELD_MANAGER: manager}, error.reason) from None
        return {**state, FIELD_MANAGER: manager}

    def _await(self, path: str, live: Document, timeout_seconds: float) -> Document:
        if _annotation(live, "skipAwait") == "true":
            return live
        seconds = timeout_seconds or float(_annotation(live, "timeoutSeconds") or AWAIT_SECONDS)
        deadline = time.monotonic() + seconds
        while True:
            try:
                missing = lacking(self.api, live)
            except NeverReadyError as error:
                raise InitializationError(live, str(error)) from None
            if missing is None:
                return live
            if self.cancelled.is_set():
                raise InitializationError(live, f"resource operation was cancelled for {id_of(live)}: {missing}")
            if time.monotonic() > deadline:
                raise InitializationError(live, f"{id_of(live)} was not ready within {seconds:.0f} s: {missing}")
            time.sleep(POLL_SECONDS)
            live = self.api.get(path)

    def _path(self, document: Document, *, wait_for_kind: bool = False) -> str:
        deadline = time.monotonic() + (10.0 if wait_for_kind else 0.0)
        while True:
            try:
                kind = self.api.kind(document["apiVersion"], document["kind"])
                break
            except UnknownKindError as error:
                if time.monotonic() > deadline or self.cancelled.is_set():
                    raise UnknownKindError(
                        f"the API server reported that the apiVersion for this resource does not exist. Verify that any required "
                        f"CRDs have been created: {error.message}"
                    ) from None
                time.sleep(POLL_SECONDS)
        metadata = document["metadata"]
        return kind.path(metadata.get("namespace") or self.default_namespace, metadata["name"])

    def _namespaced(self, document: Document) -> bool:
        try:
            return self.api.kind(document["apiVersion"], document["kind"]).namespaced
        except UnknownKindError:
            return True


def _annotation(document: Document, name: str) -> str:
    return str(document["metadata"].get("annotations", {}).get(f"pulumi.com/{name}", ""))


def _at(document: Any, place: tuple[str | int, ...]) -> Any:
    for part in place:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def _without(document: Any, place: tuple[str | int, ...]) -> Any:
    head, *rest = place
    if not isinstance(document, dict) or head not in document:
        return document
    if not rest:
        return {key: value for key, value in document.items() if key != head}
    return {**document, head: _without(document[head], tuple(rest))}
