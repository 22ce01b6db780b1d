"""The Debian packages that the cluster needs, installed where they lack."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable

from scripts.cluster.commands import ClusterError, run

PACKAGES = (
    "buildah",
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "iproute2",
    "mmdebstrap",
    "nftables",
    "openssl",
    "runc",
    "util-linux",
)


def missing(listed: str, wanted: Iterable[str]) -> list[str]:
    r"""Those of `wanted` that `dpkg-query -W -f '${Package} ${db:Status-Status}\\n'` does not list as installed."""
    installed = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]


def install(say: Callable[[str], None]) -> None:
    """Install what is missing. Raises ClusterError where this is no Debian."""
    try:
        listed = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"], capture_output=True, text=True, check=True
        ).stdout
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise ClusterError(
            "this needs Debian or Ubuntu for its packages; elsewhere use kind or any cluster (docs/cluster-for-tests.md)"
        ) from error
    packages = missing(listed, PACKAGES)
    if not packages:
        return
    say(f"installing Debian's {', '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-q"], environment=environment)
    run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], environment=environment)
