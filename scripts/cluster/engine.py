"""Pulumi's engine in the cluster's network: its state in a folder, and the test-only Kubernetes provider where there is no official one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.cluster import node
from scripts.cluster.places import PROJECT, Places

PROVIDER = "pulumi-resource-kubernetes"
"""The official plug-in's program: used where it is on PATH."""


def environment_of(places: Places) -> dict[str, str]:
    """This process's, with KUBECONFIG, the built programs, and where Pulumi keeps its state unless the caller says where."""
    own = {**engine_settings(places, places.state / "pulumi"), "KUBECONFIG": str(places.kubeconfig)}
    if "PULUMI_BACKEND_URL" in os.environ:
        own = {name: value for name, value in own.items() if name not in OF_STATE}
    return {**os.environ, **own}


OF_STATE = ("PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE")


def engine_settings(places: Places, folder: Path) -> dict[str, str]:
    """The built programs on PATH, and an engine whose state, and everything else of its own, lies in the folder."""
    (folder / "state").mkdir(parents=True, exist_ok=True)
    return {
        "PATH": f"{places.programs}{os.pathsep}{os.environ.get('PATH', '')}",
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_HOME": str(folder / "home"),
        # The stacks of a cluster that is thrown away hold passwords that open nothing.
        "PULUMI_CONFIG_PASSPHRASE": "tests",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The engine that is built from its module is older than the SDK: newer modules are refused here.
        "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
    }


def inside(command: Sequence[str]) -> list[str]:
    """The command in the cluster's network namespace; its mounts and processes stay the caller's."""
    return ["nsenter", f"--net={node.NETWORK}", "--", *command]


@contextmanager
def attached(environment: Mapping[str, str], prefix: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """The environment in which the engine finds a Kubernetes provider. `prefix`: what the provider's command is put behind."""
    if shutil.which(PROVIDER):
        yield dict(environment)
        return
    path = f"{PROJECT / 'tests'}{os.pathsep}{PROJECT}"
    helm = shutil.which("helm", path=environment["PATH"]) or "helm"
    command = [*prefix, sys.executable, "-m", "cluster.provider", "--helm", helm]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**environment, "PYTHONPATH": path}) as provider:
        assert provider.stdout is not None
        try:
            yield {**environment, "PULUMI_DEBUG_PROVIDERS": f"kubernetes:{int(provider.stdout.readline())}"}
        finally:
            provider.terminate()
