"""The load's arrivals, drawn for rules and simulations: nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scaleproof.load.inspection import Cast
    from scaleproof.simulator.model import Arrivals
    from scaleproof.spec.platform import Platform
    from scaleproof.tuner.ports import LoadPlan


@dataclass(frozen=True)
class Inspection:
    """A locustfile that is being looked at in a process of its own: Locust's import takes as long as all of ours."""

    cast: Future[Cast]

    def arrivals(self, plan: LoadPlan, platform: Platform) -> Arrivals:
        """Sorted intended seconds per service. Raises BadInputError where the locustfile is not usable, or cannot be drawn."""
        from scaleproof.load.journeys import with_services
        from scaleproof.load.schedule import draw

        journeys = with_services(self.cast.result().drawable(), platform.services)
        return draw(journeys, plan.users, plan.shape, plan.seed, plan.think_seconds).times_by_service()


@contextmanager
def inspection(locustfile: Path) -> Iterator[Inspection]:
    """Started at once; what is done within the block is done beside it."""
    from scaleproof.load.inspection import inspected

    with ThreadPoolExecutor(1, thread_name_prefix="inspection") as pool:
        yield Inspection(pool.submit(inspected, locustfile))
