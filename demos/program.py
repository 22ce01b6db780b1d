"""What all demos have in common as programs: arguments, a stage, exit codes."""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from typing import NoReturn, Protocol

from demos.stage import Stage, open_stage
from scaleproof.spec.errors import ExitCode, ScaleproofError


class Demo(Protocol):
    """One demo."""

    def __call__(self, stage: Stage, *, quick: bool) -> bool:
        """Print figures; whether everything was as it should be. `quick`: shorter phases, rougher figures."""


def main(demo: Demo, description: str, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run it. Exit codes: 0 as it should be, 1 not so, 3 something could not be started, 4 internal error, 130 interrupted."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="shorter phases, rougher figures")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(int(run(demo, quick=given.quick)))


def run(demo: Demo, *, quick: bool) -> ExitCode:
    """The exit code. Everything that was started has ended."""
    begun = time.monotonic()
    try:
        with open_stage() as stage:
            held = demo(stage, quick=quick)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return ExitCode.INTERRUPTED
    except ScaleproofError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except Exception:  # noqa: BLE001  the last resort: 1 would be a verdict
        traceback.print_exc()
        return ExitCode.INTERNAL_ERROR
    print(f"\n{time.monotonic() - begun:.0f} s. {'All as it should be.' if held else 'NOT as it should be.'}")
    return ExitCode.OK if held else ExitCode.VERDICT_NO
