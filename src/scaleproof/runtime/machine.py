"""What this machine is, and which code runs on it: what a calibration is stamped with."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform as python_platform
from itertools import pairwise
from pathlib import Path

import psutil

from scaleproof.spec.platform import Platform, Service


def available_cores() -> float:
    """Cores that this process may use."""
    return float(len(os.sched_getaffinity(0)))


def machine_facts() -> dict[str, str | int | float]:
    """CPU model, cores, memory and kernel, for a run's `machine`."""
    return {
        "cpu_model": _cpu_model(),
        "cores": available_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": python_platform.release(),
    }


def machine_digest() -> str:
    """Of CPU model, cores and memory in GiB: the same after a restart, another on another machine."""
    text = f"{_cpu_model()}|{available_cores():g}|{round(psutil.virtual_memory().total / 2**30)}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def image_digest(project: Path, platform: Platform) -> str:
    """Of the Python files that the services' commands run, and of the installed versions."""
    digest = hashlib.sha256()
    for file in sorted({file for service in platform.services.values() for file in _code_of(project, service)}):
        digest.update(str(file.relative_to(project)).encode() + b"\0" + file.read_bytes())
    versions = {f"{found.metadata['Name']}=={found.version}" for found in importlib.metadata.distributions()}
    digest.update("\n".join(sorted(versions)).encode())
    for name, service in sorted(platform.services.items()):
        digest.update(f"{name} {service.command} {sorted(service.environment.items())}\n".encode())
    return digest.hexdigest()[:16]


def _code_of(project: Path, service: Service) -> list[Path]:
    """The package of `-m package.module` below the project, and files that the command names."""
    command = service.command or []
    found: list[Path] = []
    for flag, module in pairwise(command):
        folder = project / module.split(".")[0]
        if flag == "-m" and folder.is_dir():
            found += [file for file in folder.rglob("*.py") if file.is_file()]
    return found + [project / part for part in command if (project / part).is_file() and not Path(part).is_absolute()]


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), python_platform.machine())
