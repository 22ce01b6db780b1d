"""Where the real servers' programs are: on PATH first, else inside an installed wheel, whose modules are not imported."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from scaleproof.spec.errors import CannotMeasureError

INSTALL_HINT = "install them all with: pip install 'scaleproof[local]'"


def on_path(names: Iterable[str]) -> Iterator[Path]:
    """The programs of these names on PATH, links resolved.

    Scripts of the running interpreter's own environment are left out: a wheel's console script stands there for the program,
    and would be a second process in front of it.
    """
    scripts = Path(sys.prefix, "bin").resolve()
    for name in names:
        found = shutil.which(name)
        if found is not None and Path(found).parent.resolve() != scripts:
            yield Path(found).resolve()


def in_wheel(distribution: str, name: str) -> Iterator[Path]:
    """The executable files called `name` that the installed distribution brought, the greatest path first.

    Greatest first, so that `pginstall18/bin/postgres` comes before `pginstall/bin/postgres`.
    """
    try:
        files = importlib.metadata.distribution(distribution).files or []
    except importlib.metadata.PackageNotFoundError:
        return
    paths = sorted((Path(str(file.locate())) for file in files if file.name == name and ".." not in file.parts), reverse=True)
    yield from (path.resolve() for path in paths if os.access(path, os.X_OK))


def first_of(candidates: Iterable[Path], wanted: str, tried: Sequence[str]) -> Path:
    """The first candidate. Raises CannotMeasureError where there is none, naming `wanted` and what was tried."""
    for candidate in candidates:
        return candidate
    raise CannotMeasureError(f"no {wanted} on this machine (tried: {', '.join(tried)})", hint=INSTALL_HINT)
