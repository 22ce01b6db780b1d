"""Who plays in a locustfile, without Locust in this process (`inspect_locustfile` is the other one)."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scaleproof.load.journeys import Journey
from scaleproof.spec.errors import BadInputError, ExitCode

INSPECT_TIMEOUT_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Cast:
    """A locustfile's user classes: either journeys, which can be drawn in advance, or ordinary users, which cannot."""

    locustfile: Path
    journeys: tuple[Journey, ...] = ()
    ordinary: tuple[str, ...] = ()
    """Names of the ordinary classes, in order."""
    shape: str | None = None
    """The LoadTestShape beside ordinary users: it is not used."""

    def drawable(self) -> tuple[Journey, ...]:
        """The journeys. Raises BadInputError where the users are ordinary ones."""
        if self.ordinary:
            raise BadInputError(
                f"{self.locustfile}: {self.ordinary[0]} is an ordinary Locust user: what it does cannot be drawn in advance",
                hint=f"`scaleproof load` plays it as it is (a closed loop); to draw its load, write `class {self.ordinary[0]}(JourneyUser)`, "
                "see docs/adopt.md; recorded traffic needs neither: --trace",
            )
        return self.journeys


def inspected(locustfile: Path) -> Cast:
    """Its users, found in a process of its own. Raises BadInputError where it is not usable."""
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
    return Cast(
        locustfile,
        journeys=tuple(Journey.model_validate(each) for each in answer.get("journeys", ())),
        ordinary=tuple(answer.get("ordinary", ())),
        shape=answer.get("shape"),
    )


def digest_of(locustfile: Path) -> str:
    """Of every Python file in the locustfile's folder and below: its journeys live beside it."""
    digest = hashlib.sha256(str(locustfile).encode())
    for file in sorted(locustfile.parent.rglob("*.py")):
        digest.update(str(file).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
