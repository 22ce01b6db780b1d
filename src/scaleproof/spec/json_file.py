"""Versioned JSON files of one model: reading them, with what is wrong told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from scaleproof.spec.errors import BadInputError

Model = TypeVar("Model", bound=BaseModel)


def read_json(file: Path, model: type[Model], *, version: int, again: str) -> Model:
    """The file as that model.

    Raises BadInputError where it is not JSON, not such a model (`again` says how to get one) or newer than `version`;
    FileNotFoundError where there is none, as not every caller minds.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise BadInputError(f"{file}: cannot be read as JSON ({error})", hint=again) from None
    found = document.get("version") if isinstance(document, dict) else None
    if isinstance(found, int) and found > version:
        raise BadInputError(f"{file}: version {found} is newer than {version}", hint="upgrade scaleproof")
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise BadInputError(f"{file}: {where}: {first['msg']}", hint=again) from None
