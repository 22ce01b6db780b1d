"""How many policy-seconds a second the traffic simulation plays, against a plain compiled loop and against SimPy.

A policy-second is one second of traffic under one policy. Every second has a rate of its own (a day's curve up to 1,000 requests/s,
times normal noise of 10 %). The limit: on all cores at least 1.5 times the plain loop on one. Same results are asserted before
anything is timed. Run: `.venv/bin/python benchmarks/simulator.py` (about 2 minutes, `--quick` 20 seconds); without --quick it rewrites
docs/images/simulator-speed.svg.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))  # as tests import them: numba's cache keeps a module's name

from benchmarks.plain_traffic import play_plainly
from benchmarks.reference import SERVICE
from benchmarks.simpy_traffic import TrafficSimulation
from scaleproof.hpa.compiled import COMPILED
from scaleproof.runtime.machine import machine_facts
from scaleproof.simulator.traffic.evaluate import evaluate, replicas_over_time
from scaleproof.simulator.traffic.kernel import REPLICA_SECONDS, RESCALES, RESULTS, VIOLATED, World
from scaleproof.simulator.traffic.policies import PackedPolicies, pack_policies, steady_replicas
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.simulator.traffic.worlds import world_of
from scaleproof.spec.autoscaling import AutoscalingSpec

CHART = Path(__file__).parents[1] / "docs" / "images" / "simulator-speed.svg"
DAY = 86_400
PEAK = 1000.0
NOISE = 0.1
LEAST_RATIO = 1.5
SIMPY_FROM, SIMPY_SECONDS = 6 * 3600, 3600
"""An hour of the morning's rise."""

EVERYTHING = SERVICE.model_copy(
    update={"warm_up_seconds": 30.0, "warm_up_factor": 1.5, "idle_cores": 0.01, "node_replicas": 6, "node_seconds": 60.0}
)
FEATURES = {
    "reference": "start 15–25 s, backlog at the CPU limit, HPA and metrics-server in full",
    "everything": "also warm-up 30 s × 1.5, idle CPU, a minute for a node beyond 6 replicas, 2 % noise of samples",
}

TARGETS = tuple(range(55, 135, 5))
DOWN_WINDOWS = (60, 120, 300, 600)
SCALE_UPS: tuple[dict[str, object] | None, ...] = (
    None,
    {"tolerance": "0"},
    {"stabilizationWindowSeconds": 30},
    {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}, {"type": "Percent", "value": 50, "periodSeconds": 30}]},
)


def specs() -> list[AutoscalingSpec]:
    """256 policies on CPU utilisation. The first ones are as different as the last ones."""
    found = []
    for window, up, target in product(DOWN_WINDOWS, SCALE_UPS, TARGETS):
        utilization = {"type": "Utilization", "averageUtilization": target}
        behavior: dict[str, object] = {"scaleDown": {"stabilizationWindowSeconds": window}}
        if up is not None:
            behavior["scaleUp"] = up
        document: dict[str, object] = {
            "minReplicas": 2,
            "maxReplicas": 16,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}],
        }
        if window != DOWN_WINDOWS[2] or up is not None:  # without behavior the window is 300 s too, but the rules differ
            document["behavior"] = behavior
        found.append(AutoscalingSpec.model_validate(document))
    return [found[index * 37 % len(found)] for index in range(len(found))]


def noisy_days(days: int) -> NDArray[np.float64]:
    """Requests of every second."""
    seconds = np.arange(days * DAY)
    curve = PEAK * (0.6 - 0.4 * np.cos(2 * np.pi * seconds / DAY))
    rates: NDArray[np.float64] = curve * np.maximum(0.0, 1 + NOISE * np.random.default_rng(days).standard_normal(seconds.size))
    return rates


def play_all_plainly(policies: PackedPolicies, service: ServiceModel, world: World) -> NDArray[np.float64]:
    """As `evaluate` with one world, by the plain loop on one core."""
    results = np.zeros((len(policies), RESULTS))
    packed = service.packed()
    nothing = np.zeros(0, np.int64)
    for row, initial in enumerate(steady_replicas(policies, service, world.rate_before)):
        play_plainly(
            world, packed, policies.ints[row], policies.floats[row], policies.rules[row],
            policies.metrics[row, 0], policies.metrics[row, 1], initial, nothing, results[row],
        )  # fmt: skip
    return results


def seconds_of(work: Callable[[], object], at_least: float = 0.0) -> float:
    """Wall time of one call, the mean where it has to be repeated to last."""
    begin = time.perf_counter()
    calls = 0
    while calls == 0 or time.perf_counter() - begin < at_least:
        work()
        calls += 1
    return (time.perf_counter() - begin) / calls


def medians(rounds: int, works: dict[str, Callable[[], object]], at_least: float = 0.3) -> dict[str, list[float]]:
    """Times of every work, in turn in every round, so that a disturbance meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds_of(work, at_least))
    return times


def against_the_plain_loop(
    name: str, service: ServiceModel, policies: PackedPolicies, rounds: int
) -> tuple[float, float, float]:
    """Policy-seconds/s of the plain loop, of the kernel on one core and on all; prints them and the ratio."""
    world = world_of(noisy_days(1), service, seed=1, usage_noise=0.02 if name == "everything" else 0.0)
    plain, fast = play_all_plainly(policies, service, world), evaluate(policies, service, [world])[:, 0]
    assert np.allclose(plain, fast, rtol=1e-9, atol=0), "the plain loop and the kernel differ"
    played = len(policies) * world.rates.size
    times = medians(
        rounds,
        {
            "plain": lambda: play_all_plainly(policies, service, world),
            "one": lambda: evaluate(policies, service, [world], threads=1),
            "all": lambda: evaluate(policies, service, [world]),
        },
    )
    speeds = {key: played / statistics.median(found) for key, found in times.items()}
    print(f"\n{name}: {FEATURES[name]}")
    print(
        f"{len(policies)} policies × {world.rates.size:,} s; {fast[:, REPLICA_SECONDS].mean() / world.rates.size:.1f} replicas, "
        f"{fast[:, RESCALES].mean():.0f} rescales, {fast[:, VIOLATED].mean() / world.rates.sum():.2%} violated in the mean; "
        f"medians of {rounds} rounds"
    )
    for key, words in (
        ("plain", "plain loop, one core"),
        ("one", "kernel, one core"),
        ("all", f"kernel, {os.cpu_count()} cores"),
    ):
        ratio = statistics.median(base / own for base, own in zip(times["plain"], times[key], strict=True))
        print(f"  {words:22} {speeds[key] / 1e6:8.1f} million policy-seconds/s   {ratio:6.2f} × plain")
    return speeds["plain"], speeds["one"], speeds["all"]


def against_simpy(rounds: int) -> float:
    """Policy-seconds/s of SimPy on an hour under the reference policy; prints it and the ratio to the plain loop on the same hour."""
    spec = specs()[0]
    policies = pack_policies([spec], SERVICE)
    speed, ratio = 0.0, 0.0
    for name, service, noise in (("everything", EVERYTHING, 0.02), ("reference", SERVICE, 0.0)):
        world = world_of(noisy_days(1)[SIMPY_FROM : SIMPY_FROM + SIMPY_SECONDS], service, seed=2, usage_noise=noise)
        initial = int(steady_replicas(policies, service, world.rate_before)[0])
        simpy = TrafficSimulation(world, service, spec, initial)
        simpy.run()
        kernel = evaluate(policies, service, [world])[0, 0]
        assert simpy.counts == replicas_over_time(policies, service, world)[0].tolist(), f"SimPy decides otherwise ({name})"
        assert np.allclose((simpy.replica_seconds, simpy.violated), kernel[[REPLICA_SECONDS, VIOLATED]], rtol=1e-9, atol=0)
        times = medians(
            rounds,
            {
                "simpy": lambda: TrafficSimulation(world, service, spec, initial).run(),  # noqa: B023  called at once
                "plain": lambda: play_all_plainly(policies, service, world),  # noqa: B023
            },
        )
        speed = world.rates.size / statistics.median(times["simpy"])
        ratio = statistics.median(own / base for own, base in zip(times["simpy"], times["plain"], strict=True))
    print(
        f"\nSimPy, one policy × {SIMPY_SECONDS:,} s of the reference, same counts, cost and violation (also with everything on)"
    )
    print(f"  SimPy                  {speed / 1e6:8.3f} million policy-seconds/s   the plain loop is {ratio:.0f} ×")
    return speed


def is_linear(
    title: str, unit: str, sizes: Sequence[int], works: dict[str, Callable[[], object]], rounds: int
) -> tuple[list[float], tuple[float, float]]:
    """The times of all sizes and the line through them; prints both."""
    times = [statistics.median(found) for found in medians(rounds, works).values()]
    slope, intercept = np.polyfit(sizes, times, 1)
    fitted = slope * np.asarray(sizes) + intercept
    spread = float(np.sum((np.asarray(times) - np.mean(times)) ** 2))
    explained = 1 - float(np.sum((np.asarray(times) - fitted) ** 2)) / spread
    print(f"\ntime over {title}: {1000 * slope:.3g} ms a {unit} {1000 * intercept:+.3g} ms, R² {explained:.4f}")
    for size, took, line in zip(sizes, times, fitted, strict=True):
        print(f"  {size:4} {1000 * took:9.1f} ms   {took / line - 1:+6.1%} off the line")
    return times, (float(slope), float(intercept))


def draw(speeds: dict[str, float], *lines: tuple[str, Sequence[int], list[float], tuple[float, float]]) -> None:
    """Speeds as bars on a logarithmic scale, and times over sizes with the line through them."""
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "scaleproof", "font.size": 9}):
        figure = Figure(figsize=(10, 3), layout="constrained")
        panels = figure.subplots(1, 1 + len(lines))
        found = panels[0].bar(list(speeds), list(speeds.values()), width=0.6)
        panels[0].bar_label(found, [f"{value / 1e6:.3g} M" for value in speeds.values()])
        panels[0].set(yscale="log", ylim=(1e4, 5 * max(speeds.values())), title="policy-seconds a second")
        for panel, (unit, sizes, times, (slope, intercept)) in zip(panels[1:], lines, strict=True):
            panel.plot([0, sizes[-1]], [intercept, slope * sizes[-1] + intercept], linewidth=1)
            panel.plot(sizes, times, "o")
            panel.set(xlabel=unit, title="seconds", xticks=sizes, xlim=(0, None), ylim=(0, None))
        for panel in panels:
            panel.spines[["top", "right"]].set_visible(False)
            panel.grid(axis="y", linewidth=0.4)
            panel.set_axisbelow(True)
        figure.savefig(CHART, metadata={"Date": None})


def main(*, quick: bool) -> int:
    """Print the figures; 1 where the kernel is below its limit."""
    if not COMPILED:
        print("needs numba: pip install 'scaleproof[fast]', and SCALEPROOF_INTERPRETED unset")
        return 3
    rounds = 2 if quick else 7
    chosen = specs()[: 64 if quick else 256]
    print(f"{machine_facts()}, load average {os.getloadavg()[0]:.1f}")
    policies = pack_policies(chosen, SERVICE)
    plain, one, every = against_the_plain_loop("reference", SERVICE, policies, rounds)
    against_the_plain_loop("everything", EVERYTHING, policies, rounds)
    simpy = against_simpy(rounds)

    days = (1, 2, 4) if quick else (1, 2, 4, 8)
    few = policies.chosen(range(64))
    worlds = {number: world_of(noisy_days(number), SERVICE, seed=3) for number in days}
    by_day = is_linear(
        "days (64 policies)", "day", days,
        {str(number): lambda number=number: evaluate(few, SERVICE, [worlds[number]]) for number in days}, rounds,
    )  # fmt: skip
    counts = (64, 128, 256) if quick else (64, 128, 256, 512)
    many = {count: policies.chosen(np.arange(count) % len(policies)) for count in counts}
    by_policy = is_linear(
        "policies (1 day)", "policy", counts,
        {str(count): lambda count=count: evaluate(many[count], SERVICE, [worlds[1]]) for count in counts}, rounds,
    )  # fmt: skip
    if not quick:
        speeds = {"SimPy": simpy, "plain loop": plain, "1 core": one, f"{os.cpu_count()} cores": every}
        draw(speeds, ("days, 64 policies", days, *by_day), ("policies, 1 day", counts, *by_policy))
        print(f"\n{CHART.relative_to(CHART.parents[2])} written")
    kept = every >= LEAST_RATIO * plain
    print(f"\n{every / plain:.1f} × the plain loop: " + ("within the limit" if kept else f"BELOW THE LIMIT of {LEAST_RATIO}"))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(quick="--quick" in sys.argv[1:]))
