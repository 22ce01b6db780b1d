"""Recorded questions and upstream's answers, put to whichever scaleproof is on the path: `python -m upstream.replay FILE`.

Each line of the file is [cases, answers]. Prints how many lines differ; a crash of ours on a line counts as a difference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from upstream.verdict import Autoscaler, comparable


def main():
    different = 0
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        different += not agrees(*json.loads(line))
    sys.stdout.write(f"{different}\n")


def agrees(cases, answers):
    autoscaler = Autoscaler()
    try:
        return all(autoscaler.sync(case)[0] == comparable(theirs) for case, theirs in zip(cases, answers, strict=True))
    except (ArithmeticError, LookupError, ValueError):
        return False


if __name__ == "__main__":
    main()
