"""The verbs: parse, call, exit code. Imports of what a verb needs happen in the verb, so that --help stays quick."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from scaleproof import __version__
from scaleproof.cli import demos, gate, loop, own_service, platform, questions, watch
from scaleproof.cli.contents import CHAPTERS, cli
from scaleproof.spec.errors import BadInputError, CannotMeasureError, ExitCode, ScaleproofError

__all__ = ["CHAPTERS", "cli", "demos", "gate", "loop", "main", "own_service", "platform", "questions", "watch"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script. Exit codes: 0 ok, 1 verdict no, 2 bad input, 3 could not measure, 4 internal error, 130 interrupted."""
    # SIGTERM ends like Ctrl-C, so that a CI job that is cancelled leaves nothing running either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = cli.main(args=arguments, prog_name="scaleproof", standalone_mode=False)
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    except click.ClickException as error:
        error.show()
        code = ExitCode.BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # the reader is gone; closing at exit must not fail again
        code = ExitCode.OK
    except (BadInputError, CannotMeasureError, ScaleproofError) as error:
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    except Exception:  # noqa: BLE001  the last resort: a user never sees a traceback, the file keeps it for us
        code = _internal_error()
    sys.exit(int(code or ExitCode.OK))


def _internal_error() -> ExitCode:
    descriptor, name = tempfile.mkstemp(prefix="scaleproof-error-", suffix=".txt")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"scaleproof {__version__}, Python {sys.version}\n{traceback.format_exc()}")
    last = traceback.format_exc().strip().splitlines()[-1]
    click.echo(f"error: internal error: {last}\n  → please report it with {name}", err=True)
    return ExitCode.INTERNAL_ERROR
