"""`python fuzz_worker.py URL CASES`: so many generated requests to one service, half of them valid, each answer with all checks.

A process of its own: schemathesis' command records and reports each case, which costs twice the CPU of making and checking it.
Ends with 1 and the first failure, with a curl command that repeats it. schemathesis leaves it unshrunk, which would take minutes.
"""

import importlib
import os
import sys
from pathlib import Path

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings

SLICE = 500
"""Cases of one run of hypothesis, which remembers them all."""
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


def ask_slice(cases, mode: schemathesis.GenerationMode, number: int, session: requests.Session) -> int:
    """Returns how many were asked: hypothesis stops early where there are no more different ones."""
    asked = 0

    @seed(number)
    @settings(
        max_examples=SLICE, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=cases.as_strategy(mode))
    def ask(case: schemathesis.Case) -> None:
        nonlocal asked
        asked += 1
        case.validate_response(case.call(session=session))

    ask()
    return asked


def main(url: str, cases: int) -> None:
    importlib.import_module(os.environ["SCHEMATHESIS_HOOKS"])  # as the command does by itself
    config = schemathesis.Config.from_path(Path(__file__).with_name("schemathesis.toml"))
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
    session = requests.Session()
    session.trust_env = False
    asked, number = 0, 0
    while asked < cases:
        asked += ask_slice(schema, MODES[number % len(MODES)], number, session)
        number += 1
    sys.stdout.write(f"{asked} generated, in {number} slices\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
