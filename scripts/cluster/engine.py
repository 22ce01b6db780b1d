"""Pulumi's engine in the cluster's network: its state in a folder, and the test-only Kubernetes provider where there is no official one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.cluster import node
from scripts.cluster.places import PROJECT, Places

PROVIDER = "pulumi-resource-kubernetes"
"""The official plug-in's program: used where it is on PATH."""


def environment_of(places: Places) -> dict[str, str]:
    """KUBECONFIG, the built programs on PATH, and where Pulumi keeps its state unless the caller says where."""
    state = places.state / "pulumi"
    own = {
        "KUBECONFIG": str(places.kubeconfig),
        "PATH": f"{places.programs}:{os.environ.get('PATH', '')}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The engine that is built from its module is older than the SDK: newer modules are refused here.
        "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
    }
    if "PULUMI_BACKEND_URL" not in os.environ:
        (state / "backend").mkdir(parents=True, exist_ok=True)
        # The stacks of a cluster that is thrown away hold passwords that open nothing.
        own |= {
            "PULUMI_BACKEND_URL": f"file://{state / 'backend'}",
            "PULUMI_HOME": str(state / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "cluster-for-tests",
        }
    return {**os.environ, **own}


def inside(command: Sequence[str]) -> list[str]:
    """The command in the cluster's network namespace; its mounts and processes stay the caller's."""
    return ["nsenter", f"--net={node.NETWORK}", "--", *command]


@contextmanager
def attached(places: Places, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment in which the engine finds a Kubernetes provider."""
    if shutil.which(PROVIDER):
        yield environment
        return
    path = f"{PROJECT / 'tests'}{os.pathsep}{PROJECT}"
    command = [sys.executable, "-m", "cluster.provider", "--helm", str(Path(places.program("helm")))]
    with subprocess.Popen(
        inside(command), stdout=subprocess.PIPE, text=True, env={**environment, "PYTHONPATH": path}
    ) as provider:
        assert provider.stdout is not None
        try:
            yield {**environment, "PULUMI_DEBUG_PROVIDERS": f"kubernetes:{int(provider.stdout.readline())}"}
        finally:
            provider.terminate()
