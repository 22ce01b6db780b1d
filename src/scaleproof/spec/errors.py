"""The errors every layer raises: one clear message, one hint, one exit code. No traceback reaches a user."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every verb (design.md)."""

    OK = 0
    VERDICT_NO = 1
    BAD_INPUT = 2
    CANNOT_MEASURE = 3
    INTERNAL_ERROR = 4
    INTERRUPTED = 130


class ScaleproofError(Exception):
    """Something a person can act on.

    `message` says what is wrong and where (file, line, field, what was expected); `hint` says what to do.
    """

    exit_code: ExitCode = ExitCode.INTERNAL_ERROR

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  → {self.hint}"


class BadInputError(ScaleproofError):
    """Usage or a bad file: nothing was changed."""

    exit_code = ExitCode.BAD_INPUT


class CannotMeasureError(ScaleproofError):
    """The environment did not allow a measurement: no verdict can be given."""

    exit_code = ExitCode.CANNOT_MEASURE


class InfeasibleError(ScaleproofError):
    """Nothing within the bounds keeps the SLO: the verdict is no."""

    exit_code = ExitCode.VERDICT_NO
