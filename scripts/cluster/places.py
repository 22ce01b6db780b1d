"""Where everything lies. One cluster a machine; what is cached outlives it, what runs does not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
SCRIPTS = Path(__file__).parent

NAMESPACE = "scaleproof-cluster"
"""Name of the network namespace and of the cgroup above all pods."""

NODE_ADDRESS = "198.18.0.1"
"""Of RFC 2544's range for benchmarks, as are the two below: never routed in public."""
POD_RANGE = "198.19.0.0/24"
SERVICE_RANGE = "198.19.128.0/24"
API_SERVICE_ADDRESS = "198.19.128.1"
DNS_ADDRESS = "198.19.128.10"
NODE_NAME = "node"
API_PORT = 6443


@dataclass(frozen=True, kw_only=True)
class Places:
    """Folders of the cluster; `cache` is kept by `down`, `state` holds one life of the cluster, `sockets` needs short paths."""

    cache: Path
    sockets: Path = Path("/run/scaleproof-cluster")
    cgroups: Path = Path("/sys/fs/cgroup")

    @property
    def programs(self) -> Path:
        """Built programs, one file each."""
        return self.cache / "bin"

    @property
    def images(self) -> Path:
        """Built images, one archive each."""
        return self.cache / "images"

    @property
    def containerd(self) -> Path:
        """Unpacked images: kept, so that the next cluster need not unpack them again."""
        return self.cache / "containerd"

    @property
    def state(self) -> Path:
        """Etcd's data, certificates, configuration, logs of this life of the cluster."""
        return self.cache / "state"

    @property
    def logs(self) -> Path:
        """One log a daemon; kept by `down`, replaced by the next `up`."""
        return self.state / "logs"

    @property
    def certificates(self) -> Path:
        """Keys and certificates, readable by their owner alone."""
        return self.state / "certificates"

    @property
    def configuration(self) -> Path:
        """What the daemons read."""
        return self.state / "configuration"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's way in, from inside the network namespace."""
        return self.state / "kubeconfig"

    @property
    def containerd_socket(self) -> Path:
        """Where kubelet and ctr find containerd."""
        return self.sockets / "containerd.sock"

    def program(self, name: str) -> str:
        """The path of a built program."""
        return str(self.programs / name)


def default_places() -> Places:
    """Below the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Places(cache=cache / "scaleproof" / "cluster")
