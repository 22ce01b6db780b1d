"""The node as the kernel sees it: a network namespace with no way out, a process and a mount namespace, a cgroup."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from scripts.cluster.commands import ClusterError, run
from scripts.cluster.places import NAMESPACE, NODE_ADDRESS, SCRIPTS, Places

NETWORK = Path("/run/netns") / NAMESPACE
COVERED = ("/var/lib/cni", "/var/log/containers", "/run/netns", "/run/containerd")
"""Folders whose place the container network, the kubelet and the shims do not let one choose."""

ANCHOR_SECONDS = 10
END_SECONDS = 30


def make_network() -> None:
    """Both ends of the only link stay inside, so no packet can leave."""
    run(["ip", "netns", "add", NAMESPACE])
    for arguments in network_commands():
        run(["ip", "-n", NAMESPACE, *arguments])
    settings = {
        "net.ipv4.ip_forward": "1",
        "net.bridge.bridge-nf-call-iptables": "1",
        "net.ipv4.ip_local_port_range": "15000 65535",
    }
    for name, value in settings.items():
        script = f'echo "{value}" > /proc/sys/{name.replace(".", "/")}'
        run(["nsenter", f"--net={NETWORK}", "sh", "-c", script])


def network_commands() -> list[list[str]]:
    """Arguments of `ip` inside the namespace."""
    return [
        ["link", "set", "lo", "up"],
        ["link", "add", "node0", "type", "veth", "peer", "name", "nowhere0"],
        ["link", "set", "nowhere0", "up"],
        ["address", "add", f"{NODE_ADDRESS}/24", "dev", "node0"],
        ["link", "set", "node0", "up"],
        ["route", "add", "default", "dev", "node0"],
    ]


def start_anchor(places: Places) -> int:
    """Start the first process of the namespaces; returns its process id as the machine sees it."""
    ready = places.sockets / "anchor-ready"
    ready.unlink(missing_ok=True)
    unshare = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc"]
    anchor = [sys.executable, "-I", str(SCRIPTS / "anchor.py"), str(ready), *COVERED]
    with (places.logs / "anchor.log").open("wb") as log:
        outer = subprocess.Popen(
            ["nsenter", f"--net={NETWORK}", *unshare, *anchor],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + ANCHOR_SECONDS
    while time.monotonic() < deadline:
        if ready.exists():
            inner = psutil.Process(outer.pid).children()[0].pid
            (places.state / "anchor.pid").write_text(f"{inner} {start_time(inner)}")
            return inner
        if outer.poll() is not None:
            break
        time.sleep(0.02)
    raise ClusterError(f"the node's namespaces could not be made:\n{(places.logs / 'anchor.log').read_text()}")


def start_time(pid: int) -> float:
    """When a process began, in seconds: with its number it names the process for good."""
    return psutil.Process(pid).create_time()


def anchor_of(places: Places) -> int | None:
    """The anchor's process id; None where it does not run."""
    try:
        pid, started = (places.state / "anchor.pid").read_text().split()
        if abs(start_time(int(pid)) - float(started)) < 1:
            return int(pid)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        pass
    return None


def inside(anchor: int, command: Sequence[str]) -> list[str]:
    """The command within all of the node's namespaces."""
    return ["nsenter", f"--target={anchor}", "--mount", "--pid", "--net", "--", *command]


def start_daemon(anchor: int, name: str, command: Sequence[str], places: Places) -> None:
    """Start a program that goes on; its output goes to its log."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"}
    with (places.logs / f"{name}.log").open("wb") as log:
        subprocess.Popen(
            inside(anchor, command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
            cwd="/",
        )


def make_cgroups(places: Places) -> None:
    """The cgroup above all pods, in every hierarchy; cpuset wants its parent's cores first."""
    for hierarchy in hierarchies(places):
        group = hierarchy / NAMESPACE
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (group / name).exists() and (hierarchy / name).exists():
                (group / name).write_text((hierarchy / name).read_text())


def hierarchies(places: Places) -> list[Path]:
    """Roots of the mounted cgroup hierarchies; cgroup v2 alone is one."""
    if (places.cgroups / "cgroup.controllers").exists():
        return [places.cgroups]
    return [folder for folder in sorted(places.cgroups.iterdir()) if folder.is_dir() and (folder / "cgroup.procs").exists()]


def remove(places: Places) -> None:
    """End every process of the node and take away what the kernel keeps for it. Does nothing where there is nothing."""
    anchor = anchor_of(places)
    if anchor is not None:
        os.kill(anchor, signal.SIGKILL)
    if NETWORK.exists():
        end_processes()
        run(["ip", "netns", "delete", NAMESPACE])
    if is_mounted(NETWORK.parent) and not any(NETWORK.parent.iterdir()):
        # `ip` makes the folder a mount of its own; nobody else has a namespace there.
        run(["umount", NETWORK.parent])
    remove_cgroups(places)
    shutil.rmtree(places.sockets, ignore_errors=True)


def is_mounted(folder: Path) -> bool:
    """Whether something is mounted there, be it the folder itself (which `Path.is_mount` cannot see)."""
    return any(line.split()[1] == str(folder) for line in Path("/proc/self/mounts").read_text().splitlines())


def end_processes() -> None:
    """End whatever is in the network namespace: the node, and what was started with `exec` and forgotten."""
    deadline = time.monotonic() + END_SECONDS
    while pids := [int(word) for word in run(["ip", "netns", "pids", NAMESPACE]).split()]:
        if time.monotonic() > deadline:
            raise ClusterError(f"processes that do not end: {pids}")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def remove_cgroups(places: Places) -> None:
    """Remove the cgroup of all pods, deepest first; a dying process keeps its own for a moment."""
    deadline = time.monotonic() + END_SECONDS
    for hierarchy in hierarchies(places):
        top = hierarchy / NAMESPACE
        groups = sorted((folder for folder in [top, *top.rglob("*")] if folder.is_dir()), key=lambda folder: -len(folder.parts))
        for group in groups:
            remove_cgroup(group, deadline)


def remove_cgroup(group: Path, deadline: float) -> None:
    """Until it is gone. Raises ClusterError where it stays."""
    while group.exists():
        try:
            group.rmdir()
        except OSError as error:
            if time.monotonic() > deadline:
                raise ClusterError(f"{group} cannot be removed: {error}") from error
            time.sleep(0.05)
