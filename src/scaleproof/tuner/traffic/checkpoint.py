"""What a search has played so far, so that an interrupted one goes on where it was and ends with the same answer.

A search is deterministic: it asks for the same plays in the same order every time. So what is kept needs no names: the first play that
is asked for is the first one that was kept, and so on. Each carries a digest of what was asked, which must agree.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator.traffic.evaluate import evaluate
from scaleproof.simulator.traffic.kernel import RESULTS, World
from scaleproof.simulator.traffic.policies import PackedPolicies
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.errors import BadInputError
from scaleproof.tuner.traffic.question import TrafficQuestion

Floats = NDArray[np.float64]

VERSION: Final = 1
PIECE_SECONDS: Final = 1_000_000_000
"""Policy-seconds between two savings: what an interruption may cost, a few seconds of work."""


class Checkpoint:
    """A `race.Player` that keeps what it has played."""

    def __init__(self, key: str, save: Callable[[bytes], None], kept: bytes | None = None, *, name: str = "the search") -> None:
        """`key`: see `key_of`; `save` gets the whole state after every piece; `kept`: what an earlier one has saved.

        Raises BadInputError, which begins with `name`, where that is of another question or no such state.
        """
        self._key = key
        self._save = save
        self._name = name
        self._digests: list[str] = []
        self._results: list[Floats] = []
        self._next = 0
        if kept is not None:
            self._read(kept)

    def __call__(
        self,
        policies: PackedPolicies,
        service: ServiceModel,
        worlds: Sequence[World],
        *,
        advance: Callable[[int], None] | None = None,
    ) -> Floats:
        """As `evaluate`. `advance` is told of what is played now, not of what was kept."""
        seconds = sum(world.rates.shape[0] for world in worlds)
        size = max(1, PIECE_SECONDS // max(1, seconds))
        pieces = [
            self._piece(policies.chosen(np.arange(begin, min(begin + size, len(policies)))), service, worlds, advance)
            for begin in range(0, len(policies), size)
        ]
        return np.concatenate(pieces) if pieces else np.zeros((0, len(worlds), RESULTS))

    def _piece(
        self, policies: PackedPolicies, service: ServiceModel, worlds: Sequence[World], advance: Callable[[int], None] | None
    ) -> Floats:
        digest = _digest(policies, service, worlds)
        at = self._next
        if at < len(self._results):
            if self._digests[at] != digest:
                raise BadInputError(
                    f"{self._name}: of a search that went another way",
                    hint="it had other options; name a file that does not exist",
                )
        else:
            found = evaluate(policies, service, worlds, advance=advance)
            self._digests.append(digest)
            self._results.append(found)
            self._save(self._written())
        self._next += 1
        return self._results[at]

    def _written(self) -> bytes:
        out = io.BytesIO()
        state: dict[str, Any] = {f"piece{number}": found for number, found in enumerate(self._results)}
        np.savez(out, **state, version=np.array(VERSION), key=np.array(self._key), digests=np.array(self._digests))
        return out.getvalue()

    def _read(self, kept: bytes) -> None:
        try:
            with np.load(io.BytesIO(kept), allow_pickle=False) as state:
                version, key = int(state["version"]), str(state["key"])
                self._digests = [str(digest) for digest in state["digests"]]
                self._results = [state[f"piece{number}"] for number in range(len(self._digests))]
        except (TypeError, ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise BadInputError(
                f"{self._name}: is not the state of a search ({error})",
                hint="--resume: a file that `tune` has made, or a new name",
            ) from None
        if version > VERSION:
            raise BadInputError(f"{self._name}: version {version} is newer than {VERSION}", hint="upgrade scaleproof")
        if key != self._key:
            raise BadInputError(
                f"{self._name}: of another question: other traces, service, bounds, seed, or another scaleproof",
                hint="name a file that does not exist, or ask the same question",
            )


def key_of(question: TrafficQuestion, software: str) -> str:
    """The same where the same is asked of the same `software`: only then may a search go on."""
    asked = hashlib.sha256(software.encode())
    for trace in question.traces:
        asked.update(f"{trace.name}, {trace.interval_seconds}, {trace.began}".encode())
        asked.update(np.ascontiguousarray(trace.rates).tobytes())
    for model in (question.service, question.service_in_force, question.current):
        asked.update(b"none" if model is None else model.model_dump_json(by_alias=True).encode())
    rest = (
        question.budget,
        question.least_replicas,
        question.most_replicas,
        question.of_requests,
        question.confidence,
        question.most_runs,
        question.variation,
        question.seed,
    )
    asked.update(repr(rest).encode())
    return asked.hexdigest()


def _digest(policies: PackedPolicies, service: ServiceModel, worlds: Sequence[World]) -> str:
    """Of what tells plays of one question apart: its traffic itself is in the key."""
    asked = hashlib.sha256()
    for array in (policies.ints, policies.floats, policies.rules, policies.metrics, service.packed()):
        asked.update(np.ascontiguousarray(array).tobytes())
    for world in worlds:
        told = (
            world.rates.shape[0],
            float(world.sums[-1]),
            world.sync_phase,
            world.scrape_phase,
            float(world.starts.sum()),
            world.scheduled.shape[0],
            int(world.scheduled.sum()),
        )
        asked.update(repr(told).encode())
    return asked.hexdigest()
