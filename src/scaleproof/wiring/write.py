"""New files in a project's folder: all of them or none, and nothing that is there is lost unless somebody said so."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from scaleproof.spec.errors import BadInputError


def check_free(files: Mapping[Path, str], *, force: bool) -> None:
    """Raises BadInputError where one of the files is there already, unless `force`."""
    there = [str(file) for file in files if file.exists() or file.is_symlink()]
    if there and not force:
        verb = "is" if len(there) == 1 else "are"
        raise BadInputError(
            f"{', '.join(there)} {verb} there already",
            hint="--force overwrites, --output DIR writes elsewhere; nothing was written",
        )


def write_new(files: Mapping[Path, str], *, force: bool) -> None:
    """Write the files, each by rename. Raises BadInputError where one is there already or cannot be written."""
    check_free(files, force=force)
    unfinished = {file: file.with_name(f".{file.name}.{os.getpid()}") for file in files}
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished[file].write_text(text, encoding="utf-8")
        for file, temporary in unfinished.items():
            temporary.replace(file)
    except OSError as error:
        for temporary in unfinished.values():
            with contextlib.suppress(OSError):
                temporary.unlink()
        name = error.filename or next(iter(files))
        raise BadInputError(f"{name}: cannot be written ({error.strerror})", hint="check the folder's permissions") from None
