"""helm.v3.Release through the helm binary."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

Document = dict[str, Any]
COMPARED = ("chart", "version", "name", "namespace", "values", "repositoryOpts", "createNamespace")
DEFAULT_TIMEOUT_SECONDS = 300


class HelmError(Exception):
    """What helm said."""


class Releases:
    """The releases of one cluster."""

    def __init__(self, helm: str, kubeconfig: Path | None, context: str | None, default_namespace: str) -> None:
        self._helm = helm
        self._environment = {**os.environ, **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})}
        self._context = context
        self._default_namespace = default_namespace
        self._running: set[subprocess.Popen[str]] = set()

    def checked(self, inputs: Document, olds: Document, urn: str, seed: bytes) -> Document:
        """With a name and a namespace."""
        name = inputs.get("name") or olds.get("name")
        name = name or f"{urn.rpartition('::')[2]}-{hashlib.sha256(seed or os.urandom(16)).hexdigest()[:8]}"
        return {**inputs, "name": name, "namespace": inputs.get("namespace") or self._default_namespace}

    def install(self, inputs: Document) -> Document:
        """`helm upgrade --install`, waiting as the program says."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as values:
            json.dump(inputs.get("values", {}), values)
            values.flush()
            order = [
                "upgrade",
                "--install",
                inputs["name"],
                inputs["chart"],
                "--namespace",
                inputs["namespace"],
                "--values",
                values.name,
            ]
            order += ["--timeout", f"{inputs.get('timeout', DEFAULT_TIMEOUT_SECONDS)}s"]
            order += [] if inputs.get("skipAwait") else ["--wait"]
            order += ["--create-namespace"] if inputs.get("createNamespace") else []
            order += ["--skip-crds"] if inputs.get("skipCrds") else []
            order += ["--version", inputs["version"]] if inputs.get("version") and not Path(inputs["chart"]).exists() else []
            order += ["--repo", inputs["repositoryOpts"]["repo"]] if inputs.get("repositoryOpts", {}).get("repo") else []
            self._run(*order)
        state = self.read(inputs["name"], inputs["namespace"])
        assert state is not None
        return {**inputs, **state}

    def read(self, name: str, namespace: str) -> Document | None:
        """`status` and the values it was installed with; None where there is no such release."""
        try:
            status = json.loads(self._run("status", name, "--namespace", namespace, "--output", "json"))
        except HelmError as error:
            if "not found" in str(error):
                return None
            raise
        values = json.loads(self._run("get", "values", name, "--namespace", namespace, "--output", "json")) or {}
        chart = status.get("chart", {}).get("metadata", {})
        return {
            "values": values,
            "status": {
                "name": name,
                "namespace": namespace,
                "revision": status["version"],
                "status": status["info"]["status"],
                "chart": chart.get("name", ""),
                "version": chart.get("version", ""),
                "appVersion": chart.get("appVersion", ""),
            },
        }

    def uninstall(self, name: str, namespace: str, timeout_seconds: int) -> None:
        """And wait until its objects are gone. A release that is not there is fine."""
        self._run(
            "uninstall", name, "--namespace", namespace, "--wait", "--ignore-not-found", "--timeout", f"{timeout_seconds}s"
        )

    def cancel(self) -> None:
        """End what helm does now."""
        for process in list(self._running):
            process.terminate()

    def _run(self, *order: str) -> str:
        program = [self._helm, *order, *(["--kube-context", self._context] if self._context else [])]
        process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._environment)
        self._running.add(process)
        try:
            out, err = process.communicate()
        finally:
            self._running.discard(process)
        if process.returncode != 0:
            raise HelmError(err.strip() or out.strip())
        return out
