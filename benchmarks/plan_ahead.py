"""Does a plan hold beyond what was measured? Calibrated and run with 4,000 users, planned for 8,000, then measured with 8,000.

`python benchmarks/plan_ahead.py [--again]` (about 17 minutes, nothing beside it): the reference platform on the embedded default, by the
commands that a user would type. The policy's bounds during the calibration are what 4,000 users need, so more replicas than that were never
measured. Compared are the needs of `scaleproof plan` with means over the last minute of a steady load. `--again` compares the runs that are
there once more.

Exit code 1 where a need is more than 15 % off.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from scaleproof.telemetry.run import Run, read_run  # noqa: E402  needs the path

FEW, MANY = 4_000, 8_000
THINK_SECONDS = 30.0
"""The mean of `load.think_seconds` in platform.yaml."""
STEADY_SECONDS = 60.0
SECONDS = {FEW: 150, MANY: 210}
"""A steady load of so many users: the autoscaler has to settle before its last minute."""
MOST_OFF = 0.15
STACK = "plan-ahead"
FOLDER = Path("runs/plan-ahead")
REPLICAS_FOR_FEW = 2
HOLDS = 6
"""maxReplicas of orders in Pulumi.dev.yaml."""


@dataclass(frozen=True)
class Need:
    """One need: planned and measured."""

    part: str
    quantity: str
    planned: float
    low: float
    high: float
    measured: float

    @property
    def off(self) -> float:
        """Planned relative to measured, minus one."""
        return self.planned / self.measured - 1


def scaleproof(*arguments: str, accept: tuple[int, ...] = (0,)) -> str:
    """What a command prints. Raises SystemExit where it fails."""
    print(f"$ scaleproof {' '.join(arguments)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "scaleproof", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in accept:
        raise SystemExit(f"scaleproof {arguments[0]} ended with exit code {done.returncode}")
    return done.stdout


def write_policy(most: int) -> None:
    """The dev stack with so many replicas of orders at most."""
    text = (ROOT / "Pulumi.dev.yaml").read_text()
    (ROOT / f"Pulumi.{STACK}.yaml").write_text(re.sub(rf"maxReplicas: {HOLDS}\b", f"maxReplicas: {most}", text))


def load(users: int) -> Path:
    """The folder of a run with so many users all the time."""
    rates = FOLDER / f"{users}.csv"
    rates.write_text("second,rate\n" + "".join(f"{second},{users / THINK_SECONDS}\n" for second in range(SECONDS[users])))
    # The verdict does not matter: with few replicas the beginning of a load that is there at once breaks the SLO.
    shape = f"replay:{rates}"
    scaleproof("load", "--stack", STACK, "--users", str(users), "--shape", shape, "--label", str(users), accept=(0, 1, 3))
    kept = FOLDER / str(users)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree((ROOT / "runs/latest").resolve(), kept)
    return kept


def measure() -> None:
    """Everything that takes time; leaves two runs and a calibration."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_policy(REPLICAS_FOR_FEW)
    try:
        scaleproof("up", "--stack", STACK)
        try:
            scaleproof("calibrate", "--stack", STACK, "-o", str(FOLDER / "calibration.json"))
            load(FEW)
            write_policy(HOLDS)
            scaleproof("up", "--stack", STACK)
            load(MANY)
        finally:
            scaleproof("down", "--stack", STACK)
        plan = scaleproof(
            "plan", "--stack", STACK, "--users", str(MANY), "--current-users", str(FEW), "--calibration", str(FOLDER / "calibration.json"),
            "--run", str(FOLDER / str(FEW)), "--format", "json", accept=(0, 1),
        )  # fmt: skip
        (FOLDER / "plan.json").write_text(plan)
    finally:
        (ROOT / f"Pulumi.{STACK}.yaml").unlink(missing_ok=True)


def compared(run: Run, needs: dict[str, Any]) -> Iterator[Need]:
    """Needs that a run measures, over its last minute."""
    duration = run.meta.duration_seconds
    begin = duration - STEADY_SECONDS
    requests, replicas, host = (
        table[(table[column] >= begin) & (table[column] < duration)]
        for table, column in (
            (run.tables["requests"], "sent_s"),
            (run.tables["replicas"], "time_s"),
            (run.tables["host"], "time_s"),
        )
    )

    def need(part: str, quantity: str, planned: dict[str, Any], measured: float) -> Need:
        return Need(part, quantity, planned["value"], planned["low"], planned["high"], measured)

    for name, planned in needs["services"].items():
        own = replicas[replicas["service"] == name]
        counts = own[own["state"] == "ready"].groupby("time_s").size()
        yield need(name, "replicas", planned["replicas"], float(counts.mean()))
        yield need(name, "cores used", planned["cores_used"], float(own.groupby("time_s")["cpu_cores"].sum().mean()))
    rate = len(requests) / STEADY_SECONDS
    yield need("gateway", "requests/s", needs["gateway"]["requests_per_second"], rate)
    yield need("gateway", "cores", needs["gateway"]["cores"], float(host["gateway_cores"].mean()))
    yield need("datastores", "cores", needs["postgres"]["cores"], float(host["datastores_cores"].mean()))


def main(arguments: list[str]) -> int:
    """The table; the exit code."""
    if "--again" not in arguments:
        measure()
    [milestone] = json.loads((FOLDER / "plan.json").read_text())["milestones"]
    found = list(compared(read_run(FOLDER / str(MANY)), milestone["needs"]))
    print(f"{'need of ' + f'{MANY:,} users':32} {'planned':>8} {'(90 %)':>18} {'measured':>9} {'off':>7}")
    for each in found:
        interval = f"({each.low:.2f} to {each.high:.2f})"
        print(f"{each.part + ': ' + each.quantity:32} {each.planned:8.2f} {interval:>18} {each.measured:9.2f} {each.off:+7.1%}")
    worst = max(abs(each.off) for each in found)
    print(f"at most {worst:.1%} off; {MOST_OFF:.0%} wanted")
    return int(worst > MOST_OFF)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
