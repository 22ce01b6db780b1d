"""Functions that run interpreted from Python and compiled from a kernel, with the same results.

`@jitable` marks a function of scalars and sequences: called from Python it stays the plain function (no numba import, no
compilation, lists as well as arrays); called from a `@kernel` it is compiled into it. `@kernel` is `numba.njit(cache=True)`
where numba is installed and SCALEPROOF_INTERPRETED is not set, otherwise the identity.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

COMPILED: Final = importlib.util.find_spec("numba") is not None and not os.environ.get("SCALEPROOF_INTERPRETED")

_waiting: list[Callable[..., Any]] = []
_joined: list[bool] = []


def jitable(function: Function) -> Function:
    """Callable from a `@kernel`. The function itself is returned unchanged."""
    _waiting.append(function)
    if _joined:
        _register_waiting()
    return function


def kernel(function: Function) -> Function:
    """`numba.njit(cache=True)`, or the function unchanged where nothing is compiled."""
    if not COMPILED:
        return function
    numba = importlib.import_module(
        "numba"
    )  # not at the top: it costs half a second and 60 MB, and only the simulator needs it

    if not _joined:
        _joined.append(True)
        numba.config.CACHE_DIR = str(_cache_folder())
    _register_waiting()
    compiled: Function = numba.njit(cache=True, nogil=True)(function)
    return compiled


def _register_waiting() -> None:
    register_jitable = importlib.import_module("numba.extending").register_jitable
    while _waiting:
        register_jitable(_waiting.pop())


def source_digest() -> str:
    """Of everything that the simulators' results depend on."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for folder in ("hpa", "simulator"):
        for file in sorted((root / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _cache_folder() -> Path:
    """One folder a source state: numba's own cache does not see that a function in another file has changed."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("NUMBA_CACHE_DIR") or caches / "scaleproof") / f"kernels-{source_digest()[:16]}"
