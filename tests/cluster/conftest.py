"""Pulumi's real engine, the provider (the official one where it is on PATH), and a cluster: a fake API, or the real one."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis.internal.observability  # noqa: F401  its plug-in would import it last of all, when threads of stopped engines still write tracebacks: CPython 3.11 cannot parse twice at a time
import pytest

from fakes.kube_api_server import FakeKube
from fakes.progress import FakeProgress
from scripts.cluster.places import NAMESPACE, default_places

ROOT = Path(__file__).parent.parent.parent
CLONE_NEWNET = 0x40000000
PROGRAMS = default_places().programs


def enter_network_of_the_cluster() -> None:
    """From now on this thread, and what it starts, is in the network namespace that the test cluster lives in."""
    handle = os.open(f"/run/netns/{NAMESPACE}", os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(handle)
    # Nothing answers for names in there; the engine, which asks for plug-ins it does not need, would wait for every timeout.
    for line in Path("/etc/resolv.conf").read_text().splitlines():
        if line.startswith("nameserver") and not line.split()[1].startswith("127."):
            subprocess.run(["ip", "route", "replace", "unreachable", line.split()[1]], check=True)


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The real cluster: $KUBECONFIG, else the one that `make cluster-up` started."""
    named = os.environ.get("KUBECONFIG")
    if named:
        return Path(named)
    file = default_places().kubeconfig
    if not file.exists():
        pytest.fail("no cluster: `make cluster-up` first, or set KUBECONFIG")
    enter_network_of_the_cluster()
    return file


@pytest.fixture
def fake_kube() -> Iterator[FakeKube]:
    with FakeKube() as server:
        yield server


class Provider:
    """How the engine finds the Kubernetes provider."""

    def __init__(self, kubeconfig: Path) -> None:
        self.environment = {"KUBECONFIG": str(kubeconfig)}
        self.process: subprocess.Popen[str] | None = None
        if shutil.which("pulumi-resource-kubernetes"):
            return
        helm = shutil.which("helm", path=f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}") or "helm"
        environment = {**os.environ, **self.environment, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"}
        command = [sys.executable, "-m", "cluster.provider", "--helm", helm]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        self.environment["PULUMI_DEBUG_PROVIDERS"] = f"kubernetes:{int(self.process.stdout.readline())}"

    def close(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)


def pulumi_settings(folder: Path) -> dict[str, str]:
    """Environment of an engine whose state, and everything else of its own, lies in a folder."""
    (folder / "state").mkdir()
    environment = {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "tests",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The engine that is built from its module is older than the SDK: newer modules are refused here.
        "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
    }
    if shutil.which("pulumi", path=environment["PATH"]) is None:
        pytest.fail("no pulumi: `make cluster-up` builds it")
    return environment


@pytest.fixture
def pulumi_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A backend of its own in a folder, for this process and what it starts."""
    environment = pulumi_settings(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def attached(pulumi_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Attaches a provider to a cluster, given its kubeconfig."""
    started: list[Provider] = []

    def attach(kubeconfig: Path) -> None:
        provider = Provider(kubeconfig)
        started.append(provider)
        for name, value in provider.environment.items():
            monkeypatch.setenv(name, value)

    yield attach
    for provider in started:
        provider.close()


@pytest.fixture
def progress() -> FakeProgress:
    return FakeProgress()
