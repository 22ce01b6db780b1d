"""The schedule: every user's intended actions and times, drawn in advance from a seed. Pure.

Users follow the shape: the user number k is active while the shape holds more than k users, so it may leave and come back. An active
user is a renewal process in equilibrium: from becoming active to its first action passes the residual of a think time (a
length-biased think time times a uniform phase), after that whole think times. So the expected rate is active users / mean think
time from the first second on, without a ramp of its own (Cox, Renewal Theory, 1962, ch. 5).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scaleproof.load.journeys import Journey
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.shapes import Shape

if TYPE_CHECKING:
    import pandas as pd

_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Schedule:
    """The drawn actions as arrays, in order of time; an action's id is its row."""

    journeys: tuple[Journey, ...]
    journey_of_user: NDArray[np.int32]
    """Per user, the index into `journeys`; also users who never act have one."""
    user: NDArray[np.int32]
    intended_s: NDArray[np.float64]
    task: NDArray[np.int32]
    """Per action, the index into the tasks of its user's journey."""

    def times_by_service(self) -> dict[str, NDArray[np.float64]]:
        """Sorted intended seconds per service, as `simulator.arrivals.from_schedule` takes them from the frame."""
        names = [[task.service or "" for task in journey.tasks] for journey in self.journeys]
        known = sorted({name for row in names for name in row})
        numbers = np.zeros((len(names), max(len(row) for row in names)), dtype=np.int32)
        for index, row in enumerate(names):
            numbers[index, : len(row)] = [known.index(name) for name in row]
        service = numbers[self.journey_of_user[self.user], self.task]
        times = {name: self.intended_s[service == number] for number, name in enumerate(known)}
        return {name: each for name, each in times.items() if each.size}

    def frame(self) -> pd.DataFrame:
        """The table `schedule` of `telemetry.tables`."""
        import pandas as pd  # noqa: PLC0415  # Locust's workers need the arrays only, and are 60 MB smaller without

        journey = self.journey_of_user[self.user]
        width = max(len(each.tasks) for each in self.journeys)
        names = np.full((len(self.journeys), width), "", dtype=object)
        services = np.full((len(self.journeys), width), None, dtype=object)
        for row, each in enumerate(self.journeys):
            for column, task in enumerate(each.tasks):
                names[row, column], services[row, column] = task.name, task.service
        return pd.DataFrame(
            {
                "action": np.arange(len(self.user), dtype=np.int32),
                "user": self.user,
                "intended_s": self.intended_s,
                "journey": np.array([each.name for each in self.journeys], dtype=object)[journey],
                "task": names[journey, self.task],
                "service": services[journey, self.task],
            }
        )


def draw_schedule(
    journeys: Sequence[Journey],
    users: int,
    shape: Shape,
    seed: int,
    think_seconds: tuple[float, float],
    services: Collection[str] | None = None,
) -> pd.DataFrame:
    """The table `schedule` for `users` at the shape's peak; think times are uniform in `think_seconds`.

    Tasks that are played together are a row each, at one time. With `services`, only tasks that serve one of them are drawn, in the
    proportions they have among each other; every active user still acts once a think time. The same arguments give the same frame.
    Raises BadInputError where no task is left.
    """
    return draw(journeys, users, shape, seed, think_seconds, services).frame()


def draw(
    journeys: Sequence[Journey],
    users: int,
    shape: Shape,
    seed: int,
    think_seconds: tuple[float, float],
    services: Collection[str] | None = None,
) -> Schedule:
    """As `draw_schedule`, as arrays."""
    chosen, moments, journey_weights = _restricted(journeys, services)
    rng = np.random.default_rng([0x5CA1E, seed])
    journey_of_user = mixed(journey_weights, users, rng.random())

    user, start, end = active_intervals(shape, users)
    low, high = think_seconds
    length_biased = np.sqrt(low**2 + rng.random(user.size) * (high**2 - low**2))
    due = start + length_biased * rng.random(user.size)
    times, who = [], []
    alive = due < end
    while alive.any():
        user, due, end = user[alive], due[alive], end[alive]
        times.append(due)
        who.append(user)
        due = due + low + (high - low) * rng.random(user.size)
        alive = due < end
    all_times = np.concatenate(times) if times else np.zeros(0)
    all_users = np.concatenate(who) if who else np.zeros(0, dtype=np.int32)
    order = np.lexsort((all_users, all_times))
    all_times, all_users = all_times[order], all_users[order]

    moment = np.zeros(all_users.size, dtype=np.int32)
    place = rng.random(all_users.size)
    for index, choices in enumerate(moments):
        mine = journey_of_user[all_users] == index
        moment[mine] = _pick(place[mine], np.array([each.weight for each in choices]))
    rows, task = _expanded(journey_of_user[all_users], moment, moments)
    return Schedule(chosen, journey_of_user, all_users[rows], all_times[rows], task)


def mixed(weights: NDArray[np.float64], users: int, first: float) -> NDArray[np.int32]:
    """For each user an index into the weights; `first` in 0..1 is where the sequence begins.

    A golden-ratio sequence spreads the kinds so evenly that the mix holds at every number of active users.
    """
    place = np.asarray((first + np.arange(users) * _GOLDEN) % 1.0, dtype=np.float64)
    return _pick(place, weights)


def active_intervals(shape: Shape, users: int) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """(user, start, end) of every stretch in which a user is active: while shape.users_at(t) > its number. Seconds."""
    since = np.full(users, np.nan)
    numbers = np.arange(users, dtype=np.int32)
    parts: list[tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]] = []

    def active_below(level: float) -> int:
        return min(users, max(0, int(np.ceil(level))))

    first_time, first_share = shape.points[0]
    since[: active_below(first_share * users)] = max(0.0, first_time)
    for (time_a, share_a), (time_b, share_b) in zip(shape.points, shape.points[1:], strict=False):
        level_a, level_b = share_a * users, share_b * users
        count_a, count_b = active_below(level_a), active_below(level_b)
        if count_a == count_b:
            continue
        moving: NDArray[np.int32] = numbers[min(count_a, count_b) : max(count_a, count_b)]
        crossing = np.asarray(time_a + (moving - level_a) / (level_b - level_a) * (time_b - time_a), dtype=np.float64)
        if count_b > count_a:
            since[moving] = crossing
        else:
            parts.append((moving, since[moving], crossing))
            since[moving] = np.nan
    left = numbers[~np.isnan(since)]
    parts.append((left, since[left], np.full(left.size, shape.duration_seconds)))
    user, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((start, user))
    return user[order], start[order], end[order]


@dataclass(frozen=True)
class _Moment:
    """What a user does at one time."""

    weight: float
    tasks: tuple[int, ...]
    """Indices into the tasks of its journey: one, or those that are played together."""


def _restricted(
    journeys: Sequence[Journey], services: Collection[str] | None
) -> tuple[tuple[Journey, ...], list[list[_Moment]], NDArray[np.float64]]:
    """The journeys with the tasks that remain, what of them is drawn, and the weights that keep these tasks' proportions."""
    chosen, moments, weights = [], [], []
    for journey in sorted(journeys, key=lambda each: each.name):
        tasks = tuple(task for task in journey.tasks if services is None or task.service in services)
        index_of = {task.name: index for index, task in enumerate(tasks)}
        choices = [
            _Moment(task.weight, remaining)
            for task in journey.tasks
            if task.weight > 0
            and (remaining := tuple(index_of[each] for each in (task.name, *task.together) if each in index_of))
        ]
        if choices:
            share = sum(each.weight for each in choices) / sum(task.weight for task in journey.tasks)
            chosen.append(journey.model_copy(update={"tasks": tasks}))
            moments.append(choices)
            weights.append(journey.weight * share)
    if not chosen:
        wanted = "any service" if services is None else ", ".join(sorted(services))
        raise BadInputError(f"no task serves {wanted}", hint="write a task for it and mark it with @serves in the locustfile")
    return tuple(chosen), moments, np.array(weights)


def _expanded(
    journey: NDArray[np.int32], moment: NDArray[np.int32], moments: Sequence[Sequence[_Moment]]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """A row a task of each drawn moment, those of one moment beside each other: which moment it belongs to, and the task."""
    known = [(each.tasks, number, index) for number, choices in enumerate(moments) for index, each in enumerate(choices)]
    sizes = np.ones((len(moments), max(len(choices) for choices in moments)), dtype=np.int64)
    tasks = np.zeros((*sizes.shape, max(len(each) for each, _, _ in known)), dtype=np.int32)
    for each, number, index in known:
        sizes[number, index] = len(each)
        tasks[number, index, : len(each)] = each
    count = sizes[journey, moment]
    rows = np.repeat(np.arange(count.size), count)
    within = np.arange(rows.size) - np.repeat(np.cumsum(count) - count, count)
    return rows, tasks[journey[rows], moment[rows], within]


def _pick(place: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.int32]:
    """The index whose stretch of the cumulated weights each place in 0..1 falls into."""
    edges = np.cumsum(weights) / weights.sum()
    return np.minimum(np.searchsorted(edges, place, side="right"), len(weights) - 1).astype(np.int32)
