"""`helm test`: the master serves its web page and its figures, and all workers have come."""

from __future__ import annotations

import os
import re
import sys
import time
import urllib.error
import urllib.request

PATIENCE_SECONDS = 90.0


def page(url: str) -> str:
    """The text at an address of this release."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # the address is the chart's own
        text: str = answer.read().decode()
    return text


def ready_workers(text: str) -> int:
    """Workers that the master counts as there."""
    counts = re.findall(r'^locust_workers\{state="(?:ready|spawning|running)"\} (\d+)', text, flags=re.MULTILINE)
    return sum(int(count) for count in counts)


def main() -> int:
    """0 where everything is there in time."""
    wanted = int(os.environ["WORKERS"])
    until = time.monotonic() + PATIENCE_SECONDS
    seen = "nothing"
    while time.monotonic() < until:
        try:
            there = ready_workers(page(os.environ["METRICS_URL"]))
            seen = f"{there} of {wanted} workers"
            if there == wanted and "Locust" in page(os.environ["WEB_URL"]):
                print(f"{seen}, and the web page answers")
                return 0
        except (urllib.error.URLError, TimeoutError) as error:
            seen = str(error)
        time.sleep(2)
    print(f"after {PATIENCE_SECONDS:.0f} s: {seen}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
