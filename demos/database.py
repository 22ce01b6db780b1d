"""`scaleproof demo database`: orders' queries as first written and as they are now, a small one of benchmarks/database.py."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time

from scaleproof.spec.errors import ExitCode, ScaleproofError

ORDERS, QUICK_ORDERS = 100_000, 20_000


def main() -> int:
    """Exit codes: 0 it was measured, 3 something could not be started, 130 interrupted."""
    parser = argparse.ArgumentParser(description="The database: queries as first written, and as they are now.")
    parser.add_argument("--quick", action="store_true", help="fewer orders")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begun = time.monotonic()
    try:
        # By its name: benchmarks are not type-checked.
        importlib.import_module("benchmarks.database").demo(QUICK_ORDERS if given.quick else ORDERS)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return ExitCode.INTERRUPTED
    except ScaleproofError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    print(f"{time.monotonic() - begun:.0f} s. On a million orders: docs/database.md.")
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
