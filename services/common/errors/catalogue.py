"""The codes that errors are answered with: data, read once at start."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMMON = Path(__file__).with_name("catalogue.toml")
FILE_NAME = "errors.toml"
"""A service's own codes, in its package."""


class CatalogueError(Exception):
    """A catalogue's file is not as it must be; the message names the file, the code and what is wrong."""


@dataclass(frozen=True)
class Problem:
    """One code. The columns are explained in catalogue.toml."""

    code: str
    status: int
    title: str
    when: str
    show: str
    retryable: bool
    retry_after_seconds: int | None = None

    @property
    def type(self) -> str:
        """The URI reference that identifies the kind of problem (RFC 9457, section 3.1.1): its entry in docs/errors.md."""
        return f"/docs/errors#{self.code}"


def load_catalogue(package: str) -> Mapping[str, Problem]:
    """The common codes and those of the package (`services.orders`), by code.

    Raises CatalogueError, also where the package repeats a common code.
    """
    found = read_catalogue(COMMON)
    (folder,) = importlib.import_module(package).__path__
    own = Path(folder) / FILE_NAME
    if own.exists():
        for code, problem in read_catalogue(own).items():
            if code in found:
                raise CatalogueError(f"{own}: {code} is a common code already")
            found[code] = problem
    return found


def read_catalogue(file: Path) -> dict[str, Problem]:
    """The codes of one file, in its order. Raises CatalogueError."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{file}: {error}") from error
    found = {}
    for code, columns in tables.items():
        try:
            problem = Problem(code=code, **columns)
        except TypeError as error:
            raise CatalogueError(f"{file}: {code}: {error}") from error
        if not 400 <= problem.status <= 599:  # noqa: PLR2004 - what HTTP calls an error
            raise CatalogueError(f"{file}: {code}: {problem.status} is not the status of an error")
        found[code] = problem
    return found
