"""Pulumi's real engine, the provider (the official one where it is on PATH), and a cluster: a fake API, or the real one."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis.internal.observability  # noqa: F401  its plug-in would import it last of all, when threads of stopped engines still write tracebacks: CPython 3.11 cannot parse twice at a time
import pytest

from fakes.kube_api_server import FakeKube
from fakes.progress import FakeProgress
from scaleproof.cluster.kube_api import KubeApi, connect
from scripts.cluster import engine
from scripts.cluster.places import NAMESPACE, default_places

CLONE_NEWNET = 0x40000000


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


@pytest.fixture(scope="session", autouse=True)
def network() -> None:
    """That of the cluster which `make cluster-up` started, if it is up, before any test: threads of gRPC stay in the one they began in."""
    if "KUBECONFIG" not in os.environ and default_places().kubeconfig.exists():
        enter_network_of_the_cluster()


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The real cluster: $KUBECONFIG, else the one that `make cluster-up` started."""
    named = os.environ.get("KUBECONFIG")
    file = Path(named) if named else default_places().kubeconfig
    if not named and not file.exists():
        pytest.fail("no cluster: `make cluster-up` first, or set KUBECONFIG")
    return file


@pytest.fixture
def api(kubeconfig: Path) -> Iterator[KubeApi]:
    """A connection to the real cluster."""
    connected = connect(kubeconfig)
    yield connected
    connected.close()


@pytest.fixture
def fake_kube() -> Iterator[FakeKube]:
    with FakeKube() as server:
        yield server


def pulumi_settings(folder: Path) -> dict[str, str]:
    """Environment of an engine whose state lies in a folder. Fails the test where there is no engine."""
    environment = engine.engine_settings(default_places(), folder)
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
    with ExitStack() as opened:

        def attach(kubeconfig: Path) -> None:
            environment = opened.enter_context(engine.attached({**os.environ, "KUBECONFIG": str(kubeconfig)}))
            for name in environment.keys() & {"KUBECONFIG", "PULUMI_DEBUG_PROVIDERS"}:
                monkeypatch.setenv(name, environment[name])

        yield attach


@pytest.fixture
def progress() -> FakeProgress:
    return FakeProgress()
