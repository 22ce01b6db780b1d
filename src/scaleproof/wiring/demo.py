"""A demo of the reference platform as a program of its own: scaleproof imports nothing of that platform."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from scaleproof.spec.errors import BadInputError, CannotMeasureError

NEEDED = ("fastapi", "psycopg", "hiredis")
"""Of what the services import: where one is missing, all are."""
END_SECONDS = 30.0
"""For its servers to end, after Ctrl-C."""


def run_demo(name: str, checkout: Path, *, quick: bool) -> int:
    """Run it to its end; returns its exit code.

    Raises BadInputError where the folder is no checkout, CannotMeasureError where the services cannot be imported.
    """
    if not (checkout / "demos" / f"{name}.py").is_file() or not (checkout / "services").is_dir():
        raise BadInputError(
            f"{checkout.resolve()} is not a checkout of scaleproof's repository: it has no demos/{name}.py",
            hint="demos belong to the reference platform: clone the repository and type this in its folder, or name it with --checkout",
        )
    missing = [module for module in NEEDED if find_spec(module) is None]
    if missing:
        raise CannotMeasureError(
            f"the reference platform needs {', '.join(missing)}, which this Python does not have",
            hint="type `make test-deps` in the checkout, and use .venv/bin/scaleproof",
        )
    command = [sys.executable, "-m", f"demos.{name}", *(["--quick"] if quick else [])]
    # In a session of its own: Ctrl-C reaches this process alone, which passes it on once, as SIGTERM: what a shell starts in the
    # background ignores SIGINT.
    process = subprocess.Popen(command, cwd=checkout, start_new_session=True)  # noqa: S603  the checkout's own program
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        raise
    finally:
        process.kill()
