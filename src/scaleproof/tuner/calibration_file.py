"""The calibration on disk, and the refusal to use it for what it was not measured on."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from scaleproof.simulator.calibration import CALIBRATION_VERSION, Calibration, Stamp
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.json_file import read_json
from scaleproof.spec.platform import Platform, Service
from scaleproof.spec.policy import Policy

LONGEST_AGE_SECONDS: Final = 7 * 86_400.0
_ROUNDING: Final = 1e-9
_AGAIN: Final = "run `scaleproof calibrate` again"


def write_calibration(calibration: Calibration, file: Path) -> Path:
    """Write the file whole or not at all. Returns it. Raises BadInputError where it cannot be written."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise BadInputError(f"{file}: cannot be written ({error.strerror})", hint="check the folder's permissions") from None
    return file


def read_calibration(file: Path) -> Calibration:
    """Read the file. Raises BadInputError where it is missing, not a calibration, or newer than this scaleproof."""
    try:
        return read_json(file, Calibration, version=CALIBRATION_VERSION, again=_AGAIN)
    except FileNotFoundError:
        raise BadInputError(
            f"{file}: no such file", hint="run `scaleproof calibrate` first, or give --calibration FILE"
        ) from None


def check_calibration(calibration: Calibration, stamp: Stamp, policy: Policy, platform: Platform, *, now: float) -> None:
    """Raises BadInputError where the calibration was measured elsewhere, on other limits, code or SLOs, or is older than 7 days.

    `stamp` is what the platform would stamp one with now; `now` in Unix seconds.
    """
    known = calibration.stamp
    if known.target != stamp.target:
        raise BadInputError(f"calibration: measured on target {known.target}, this is {stamp.target}", hint=_AGAIN)
    if known.machine != stamp.machine:
        raise BadInputError(f"calibration: measured on another machine ({known.machine}, this is {stamp.machine})", hint=_AGAIN)
    if known.image != stamp.image:
        raise BadInputError("calibration: the services' code or its packages changed since it was measured", hint=_AGAIN)
    for name, service in platform.services.items():
        _check_service(calibration, name, service, policy.services[name].resources.limits.cpu_millicores)
    for name, limits in stamp.limits.items():
        if known.limits.get(name) != limits:
            raise BadInputError(
                f"calibration: {name} was measured with limits {known.limits.get(name, 'unknown')}, now they are {limits}",
                hint=_AGAIN,
            )
    age = now - known.measured_at
    if age > LONGEST_AGE_SECONDS:
        raise BadInputError(f"calibration: {age / 86_400:.0f} days old, at most 7 are trusted", hint=_AGAIN)


def _check_service(calibration: Calibration, name: str, service: Service, limit_millicores: int) -> None:
    if name not in calibration.services:
        raise BadInputError(f"calibration: service {name} was not measured", hint=_AGAIN)
    slo = (service.slo.latency_seconds, service.slo.share)
    measured = calibration.slo.get(name)
    if measured is None or any(abs(a - b) > _ROUNDING for a, b in zip(measured, slo, strict=True)):
        raise BadInputError(
            f"calibration: {name} was measured for the SLO {_slo(measured)}, platform.yaml now says {_slo(slo)}", hint=_AGAIN
        )
    known = calibration.services[name].limit_millicores
    if known != limit_millicores:
        raise BadInputError(
            f"calibration: {name} was measured with a CPU limit of {known}m, the policy now says {limit_millicores}m",
            hint=_AGAIN,
        )


def _slo(slo: tuple[float, float] | None) -> str:
    return "nothing" if slo is None else f"{slo[1]:.4g} within {slo[0] * 1000:.0f} ms"
