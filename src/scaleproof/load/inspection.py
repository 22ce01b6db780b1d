"""The journeys of a locustfile, without Locust in this process (`inspect_locustfile` is the other one)."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from scaleproof.load.journeys import Journey
from scaleproof.spec.errors import BadInputError, ExitCode

INSPECT_TIMEOUT_SECONDS: Final = 60.0


def inspected(locustfile: Path) -> list[Journey]:
    """Its journeys, found in a process of its own. Raises BadInputError where it is not usable."""
    if not locustfile.is_file():
        raise BadInputError(f"{locustfile}: no such locustfile", hint="set load.locustfile in platform.yaml")
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", "scaleproof.load.inspect_locustfile", str(locustfile)],
            capture_output=True,
            text=True,
            timeout=INSPECT_TIMEOUT_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise BadInputError(f"{locustfile}: not imported within {INSPECT_TIMEOUT_SECONDS:.0f} s") from None
    except (IndexError, json.JSONDecodeError):
        raise BadInputError(f"{locustfile}: cannot be imported: {done.stderr.strip()[-300:]}") from None
    if done.returncode != ExitCode.OK:
        raise BadInputError(answer["message"], hint=answer["hint"])
    return [Journey.model_validate(each) for each in answer["journeys"]]


def digest_of(locustfile: Path) -> str:
    """Of every Python file in the locustfile's folder and below: its journeys live beside it."""
    digest = hashlib.sha256(str(locustfile).encode())
    for file in sorted(locustfile.parent.rglob("*.py")):
        digest.update(str(file).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
