"""The file that keeps a search's state: `tune --trace … --resume FILE`."""

from __future__ import annotations

import os
from pathlib import Path

from scaleproof import __version__
from scaleproof.hpa.compiled import source_digest
from scaleproof.spec.errors import BadInputError
from scaleproof.tuner.traffic.checkpoint import Checkpoint, key_of
from scaleproof.tuner.traffic.question import TrafficQuestion


def open_checkpoint(file: Path, question: TrafficQuestion) -> Checkpoint:
    """What the file holds, if there is one, and from now on what is played. Raises BadInputError where it is of another question."""
    if not file.parent.is_dir():
        raise BadInputError(f"{file}: cannot be written (no such folder)", hint="make it first")
    try:
        kept = file.read_bytes() if file.exists() else None
    except OSError as error:
        raise BadInputError(
            f"{file}: cannot be read ({error.strerror})", hint="--resume: a file, new or made by `tune`"
        ) from None

    def save(state: bytes) -> None:
        replace_whole(file, state)

    return Checkpoint(key_of(question, f"{__version__} {source_digest()}"), save, kept, name=str(file))


def replace_whole(file: Path, content: bytes) -> None:
    """Whole or not at all, also when interrupted."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(file)
    except OSError as error:
        raise BadInputError(f"{file}: cannot be written ({error.strerror})", hint="check the folder's permissions") from None
    finally:
        unfinished.unlink(missing_ok=True)
