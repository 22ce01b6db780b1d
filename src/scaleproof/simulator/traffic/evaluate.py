"""Policies times worlds, on all cores: the compiled kernel releases the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.hpa.compiled import COMPILED, kernel
from scaleproof.simulator import autoscaling
from scaleproof.simulator.traffic.kernel import PERIOD, RESULTS, World, play
from scaleproof.simulator.traffic.policies import PackedPolicies, steady_replicas
from scaleproof.simulator.traffic.service_model import ServiceModel

_SECONDS_A_PIECE: Final = 20_000_000
"""Policy-seconds of one piece of work: a fraction of a second, so that progress shows and Ctrl-C is heard."""
_PIECES_A_THREAD: Final = 4
"""At least, so that no thread waits long for another's last piece."""


@kernel
def _play_many(
    world: World,
    service: NDArray[np.float64],
    ints: NDArray[np.int64],
    floats: NDArray[np.float64],
    rules: NDArray[np.int64],
    metrics: NDArray[np.int64],
    initial: NDArray[np.int64],
    replicas_by_sync: NDArray[np.int64],
    results: NDArray[np.float64],
) -> None:
    for row in range(ints.shape[0]):
        play(
            world, service, ints[row], floats[row], rules[row], metrics[row, 0], metrics[row, 1], initial[row],
            replicas_by_sync[row], results[row],
        )  # fmt: skip


def evaluate(
    policies: PackedPolicies,
    service: ServiceModel,
    worlds: Sequence[World],
    *,
    threads: int | None = None,
    initial: NDArray[np.int64] | None = None,
    advance: Callable[[int], None] | None = None,
) -> NDArray[np.float64]:
    """float64[policies, worlds, RESULTS]: every policy under every world; the columns are named in `kernel`.

    A run begins with the steady count of `World.rate_before`, or with `initial` (one entry a policy). `advance` is told
    the policy-seconds that are done.
    """
    results = np.zeros((len(policies), len(worlds), RESULTS))
    packed = service.packed()
    pieces: list[tuple[int, int, int]] = []
    workers = threads or (os.cpu_count() or 1 if COMPILED else 1)
    for number, world in enumerate(worlds):
        for_all_threads = -(-workers * _PIECES_A_THREAD // len(worlds))
        for_progress = -(-len(policies) * world.rates.shape[0] // _SECONDS_A_PIECE)
        size = max(1, -(-len(policies) // max(for_all_threads, for_progress)))
        pieces += [(number, begin, min(begin + size, len(policies))) for begin in range(0, len(policies), size)]
    nothing = np.zeros((len(policies), 0), np.int64)

    def one(piece: tuple[int, int, int]) -> int:
        number, begin, end = piece
        world = worlds[number]
        seconds: int = world.rates.shape[0]
        part = policies.chosen(np.arange(begin, end))
        start = steady_replicas(part, service, world.rate_before) if initial is None else _within(initial[begin:end], part)
        _play_many(
            world,
            packed,
            part.ints,
            part.floats,
            part.rules,
            part.metrics,
            start,
            nothing[begin:end],
            results[begin:end, number],
        )
        return (end - begin) * seconds

    with ThreadPoolExecutor(workers, thread_name_prefix="traffic") as pool:
        for done in pool.map(one, pieces):
            if advance is not None:
                advance(done)
    return results


def _within(initial: NDArray[np.int64], policies: PackedPolicies) -> NDArray[np.int64]:
    return np.clip(initial, policies.ints[:, autoscaling.MIN_REPLICAS], policies.ints[:, autoscaling.MAX_REPLICAS])


def replicas_over_time(policies: PackedPolicies, service: ServiceModel, world: World) -> NDArray[np.int64]:
    """The count before each decision; int64[policies, decisions]."""
    seconds = world.rates.shape[0]
    counts = np.zeros((len(policies), max(0, -(-(seconds - world.sync_phase) // PERIOD))), np.int64)
    results = np.zeros((len(policies), RESULTS))
    _play_many(
        world, service.packed(), policies.ints, policies.floats, policies.rules, policies.metrics,
        steady_replicas(policies, service, world.rate_before), counts, results,
    )  # fmt: skip
    return counts
