"""Up, down, status: the order of things."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.cluster import addons, daemons, debian, images, node, programs
from scripts.cluster.certificates import CLIENTS, issue_all, kubeconfig
from scripts.cluster.commands import ClusterError, run
from scripts.cluster.places import NAMESPACE, Places

API_SECONDS = 60
READY_SECONDS = 180
RECOVERY_SECONDS = 30
"""How long a cluster that runs may take to be ready again before it is started anew."""

Say = Callable[[str], None]


@contextlib.contextmanager
def alone(places: Places) -> Iterator[None]:
    """One `up` or `down` at a time."""
    places.cache.mkdir(parents=True, exist_ok=True)
    with (places.cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ClusterError("another cluster-up or cluster-down is at work; wait for it") from error
        yield


def require_root() -> None:
    """Namespaces, mounts and cgroups are root's."""
    if os.geteuid() != 0:
        raise ClusterError(
            "the cluster for tests needs root; as another user, use kind or any cluster (docs/cluster-for-tests.md)"
        )


def prepare(places: Places, say: Say) -> None:
    """Packages, programs and images: what takes long, once."""
    debian.install(say)
    every = images.all_images()
    with ThreadPoolExecutor(max_workers=1) as other:
        # These wait for registries, that one computes.
        others = other.submit(images.build_images, [image for image in every if not image.of_program], places, say)
        programs.build(programs.NODE, places, say)
        others.result()
    images.build_images([image for image in every if image.of_program], places, say)
    addons.gateway_chart(places, say)


def up(places: Places, say: Say) -> None:
    """A cluster that is ready. Does nothing where it is already."""
    prepare(places, say)
    if node.anchor_of(places) is not None:
        if becomes_ready(places):
            images.import_images(inside_of(places), places, say)
            say("the cluster is up")
            return
        say("a cluster runs, but is not ready: it starts anew")
    started = time.monotonic()
    remove(places)
    try:
        start(places, say)
    except BaseException:
        # What is half up would only be in the way; its logs stay.
        remove(places)
        raise
    say(f"the cluster is ready after {time.monotonic() - started:.0f} s")


def start(places: Places, say: Say) -> None:
    """Start everything, and wait until everything is ready."""
    shutil.rmtree(places.state, ignore_errors=True)
    for folder in (places.logs, places.configuration / "cni", places.sockets, places.containerd):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    say("namespaces and certificates")
    issue_all(places.certificates)
    write_configuration(places)
    node.make_network()
    node.make_cgroups(places)
    anchor = node.start_anchor(places)
    inside = inside_of(places)
    say("etcd, API server, containerd")
    node.start_daemon(anchor, "containerd", daemons.containerd(places), places)
    node.start_daemon(anchor, "etcd", daemons.etcd(places), places)
    node.start_daemon(anchor, "apiserver", daemons.api_server(places), places)
    wait_for("containerd", lambda: images.answers(inside, places), API_SECONDS)
    images.import_images(inside, places, say)
    wait_for("the API server", lambda: answers(places, inside, "get", "--raw", "/readyz"), API_SECONDS)
    say("controller manager, scheduler, kubelet, proxy")
    node.start_daemon(anchor, "controller-manager", daemons.controller_manager(places), places)
    node.start_daemon(anchor, "scheduler", daemons.scheduler(places), places)
    node.start_daemon(anchor, "kubelet", daemons.kubelet(places), places)
    node.start_daemon(anchor, "proxy", daemons.kube_proxy(places), places)
    say("DNS, metrics, disks, Prometheus, Envoy Gateway")
    addons.install_addons(places, inside, say)
    for what, arguments in READY.items():
        wait_for(what, lambda arguments=arguments: answers(places, inside, *arguments), READY_SECONDS)


def inside_of(places: Places) -> addons.Inside:
    """Puts a command into the namespaces of the cluster that runs."""
    anchor = node.anchor_of(places)
    if anchor is None:
        raise ClusterError("the cluster is down; start it with `make cluster-up`")
    return lambda command: node.inside(anchor, command)


READY = {
    "the node": ("wait", "--for=condition=Ready", "node/node", "--timeout=1s"),
    "CoreDNS": ("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=1s"),
    "Envoy Gateway": ("-n", addons.GATEWAY_NAMESPACE, "rollout", "status", "deployment/envoy-gateway", "--timeout=1s"),
    "Prometheus": ("-n", "monitoring", "rollout", "status", "deployment/prometheus", "--timeout=1s"),
    "metrics-server": ("wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=1s"),
    "metrics of the node": ("top", "node"),
}
"""What ready means: what is waited for → a kubectl command that succeeds then."""


def write_configuration(places: Places) -> None:
    """Every file that a daemon reads."""
    folder = places.configuration
    for name, certificate in CLIENTS.items():
        content = json.dumps(kubeconfig(daemons.API_SERVER, places.certificates, certificate))
        (places.kubeconfig if name == "admin" else folder / f"{name}.kubeconfig").write_text(content)
    (folder / "kubelet.json").write_text(json.dumps(daemons.kubelet_configuration(places)))
    (folder / "kube-proxy.json").write_text(json.dumps(daemons.kube_proxy_configuration(places)))
    (folder / "containerd.toml").write_text(daemons.containerd_configuration(places))
    (folder / "cni" / "10-pods.conflist").write_text(json.dumps(daemons.network_configuration(places)))
    (folder / "resolv.conf").write_text("")


def answers(places: Places, inside: addons.Inside, *arguments: str) -> bool:
    """Whether kubectl succeeds."""
    try:
        addons.kubectl(places, inside, *arguments)
    except ClusterError:
        return False
    return True


def wait_for(what: str, ready: Callable[[], bool], seconds: float) -> None:
    """Ask until it is so. Raises ClusterError after that time."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} was not ready within {seconds:.0f} s; the daemons' logs tell more")
        time.sleep(0.5)


def is_ready(places: Places) -> bool:
    """Whether a cluster runs and everything in it is ready."""
    if node.anchor_of(places) is None:
        return False
    inside = inside_of(places)
    return all(answers(places, inside, *arguments) for arguments in READY.values())


def becomes_ready(places: Places) -> bool:
    """Whether the cluster that runs is ready, or gets so soon."""
    try:
        wait_for("the cluster", lambda: is_ready(places), RECOVERY_SECONDS)
    except ClusterError:
        return False
    return True


def remove(places: Places) -> None:
    """Everything that runs goes; logs and the cache stay."""
    node.remove(places)
    for name in ("etcd", "kubelet", "disks", "certificates", "pod-addresses", "pod-logs", "opt", "volume-plugins"):
        shutil.rmtree(places.state / name, ignore_errors=True)
    for name in ("kubeconfig", "anchor.pid"):
        (places.state / name).unlink(missing_ok=True)


def leftovers(places: Places) -> list[str]:
    """What a cluster that is down must not leave: processes, mounts, namespaces, cgroups. One line each."""
    found = [f"cgroup {group}" for h in node.hierarchies(places) if (group := h / NAMESPACE).exists()]
    if node.NETWORK.exists():
        found.append(f"network namespace {node.NETWORK}")
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    found += [f"mount {line.split()[1]}" for line in mounts if str(places.cache) in line or str(places.sockets) in line]
    # Not of the whole cache: its helm or pulumi may be at somebody else's work.
    ours = (str(places.state), str(places.sockets))
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if any(f"{path}/" in command for path in ours):
                found.append(f"process {file.parent.name} {command[:100]}")
    return found


def status(places: Places) -> str:
    """The nodes and pods as kubectl shows them."""
    if node.anchor_of(places) is None:
        return "the cluster is down"
    show = [
        places.program("kubectl"),
        "--kubeconfig",
        str(places.kubeconfig),
        "get",
        "nodes,pods",
        "--all-namespaces",
        "-o",
        "wide",
    ]
    return run(inside_of(places)(show))
