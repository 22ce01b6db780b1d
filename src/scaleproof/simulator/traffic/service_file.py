"""Reading a service's model: a measured calibration, or a file that states the same of one service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from scaleproof.simulator.calibration import Calibration
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.errors import BadInputError

_HOW = "`scaleproof schema service` prints the format; docs/traffic.md has an example"


@dataclass(frozen=True)
class KnownService:
    """One service of a file."""

    name: str | None
    """None where the file states one service without a name."""
    model: ServiceModel
    careful: ServiceModel
    """The unfavourable ends of what was measured instead of the middles. What a file states, it states: then the same."""


def read_service(file: Path, service: str | None = None) -> KnownService:
    """`file`: what `scaleproof calibrate` wrote (then `service` says which, where it has several), or a ServiceModel as JSON.

    Raises BadInputError with file, field and expectation.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"{file}: no such file", hint=_HOW) from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"{file}: cannot be read as JSON ({error})", hint=_HOW) from None
    if not isinstance(document, dict):
        raise BadInputError(f"{file}: expected a JSON object, found {type(document).__name__}", hint=_HOW)
    version = document.get("version")
    if isinstance(version, int) and version > 1:
        raise BadInputError(f"{file}: version {version} is newer than 1", hint="upgrade scaleproof")
    try:
        if "services" not in document:
            if service is not None:
                raise BadInputError(f"{file}: describes one service without a name", hint="leave out --service")
            stated = ServiceModel.model_validate(document)
            return KnownService(None, stated, stated)
        known = Calibration.model_validate(document).services
        name = service if service is not None else next(iter(known)) if len(known) == 1 else None
        if name is None or name not in known:
            found = f"no service {name!r}" if name is not None else "more than one service"
            raise BadInputError(f"{file}: {found}; it has {', '.join(known)}", hint="choose one with --service NAME")
        return KnownService(name, ServiceModel.of(known[name]), ServiceModel.of(known[name], careful=True))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise BadInputError(f"{file}: {where}: {first['msg']}", hint=_HOW) from None
