"""What the users of a load do: journeys and their tasks, as a locustfile declares them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from pydantic import Field

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.model import SpecModel

SERVICE_ATTRIBUTE = "service"
TOGETHER_ATTRIBUTE = "together"

TaskMethod = TypeVar("TaskMethod", bound=Callable[..., Any])


def serves(service: str) -> Callable[[TaskMethod], TaskMethod]:
    """Says which service a task's first request goes to: the schedule must know it before anything is sent.

    Write it below Locust's own decorator::

        @task(3)
        @serves("orders")
        def list_orders(self): ...
    """

    def mark(method: TaskMethod) -> TaskMethod:
        setattr(method, SERVICE_ATTRIBUTE, service)
        return method

    return mark


def together_with(*names: str) -> Callable[[TaskMethod], TaskMethod]:
    """Says which other methods are played at the same moment as a task: what a page loads at once when it is opened.

    Each of them is an action of its own in the schedule, with its own service, and counts from the moment that they share. They need
    `@serves`, not `@task`. A user who sends several requests at once needs several connections: set `concurrency` of the class. Plain
    `locust` plays the task alone. ::

        @task(3)
        @serves("dashboard")
        @together_with("newest_orders", "revenue")
        def open_page(self): ...
    """

    def mark(method: TaskMethod) -> TaskMethod:
        setattr(method, TOGETHER_ATTRIBUTE, names)
        return method

    return mark


class Task(SpecModel):
    """One method of a user class that is played."""

    name: str
    weight: Annotated[float, Field(ge=0, description="0: played together with others only.")]
    service: str | None = Field(
        default=None, description="Service of the first request, from @serves; None where it is not said."
    )
    together: tuple[str, ...] = Field(default=(), description="Other tasks that are played at the same moment.")


class Journey(SpecModel):
    """One user class: what one kind of user does."""

    name: str
    weight: Annotated[float, Field(gt=0)]
    tasks: Annotated[tuple[Task, ...], Field(min_length=1)]


def journey_of(user_class: Any) -> Journey:
    """The journey that a Locust user class declares. Raises BadInputError where it cannot be drawn in advance."""
    name = user_class.__name__
    tasks = list(user_class.tasks)  # Locust's metaclass repeats each task by its weight
    for each in tasks:
        if isinstance(each, type) or not callable(each):
            raise BadInputError(
                f"user class {name}: the task {getattr(each, '__name__', each)!r} is a TaskSet, expected a method",
                hint="write the steps as methods of the user class with @task",
            )
    if not tasks:
        raise BadInputError(f"user class {name}: no task", hint="mark at least one method with @task")
    weights = Counter(each.__name__ for each in tasks)
    methods = {each.__name__: each for each in tasks}
    together = {task: tuple(getattr(method, TOGETHER_ATTRIBUTE, ())) for task, method in methods.items()}
    for task, companions in together.items():
        methods.update({each: _companion(user_class, task, each) for each in companions})
    return Journey(
        name=name,
        weight=float(user_class.weight),
        tasks=tuple(
            Task(
                name=task,
                weight=weights[task],
                service=getattr(methods[task], SERVICE_ATTRIBUTE, None),
                together=together.get(task, ()),
            )
            for task in sorted(methods)
        ),
    )


def _companion(user_class: Any, task: str, name: str) -> Any:
    method = getattr(user_class, name, None)
    if name == task or not callable(method) or isinstance(method, type):
        raise BadInputError(
            f"user class {user_class.__name__}: {task} is together with {name!r}, which is no other method of it",
            hint="@together_with takes names of methods of the same class",
        )
    return method


def with_services(journeys: Iterable[Journey], services: Iterable[str]) -> tuple[Journey, ...]:
    """The journeys with every task's service known and part of the platform, in order of name.

    A platform of one service needs no `@serves`. Raises BadInputError otherwise.
    """
    known = sorted(services)
    return tuple(_with_services(journey, known) for journey in sorted(journeys, key=lambda each: each.name))


def _with_services(journey: Journey, known: list[str]) -> Journey:
    tasks = []
    for task in journey.tasks:
        service = task.service or (known[0] if len(known) == 1 else None)
        if service is None:
            raise BadInputError(
                f"journey {journey.name}: the task {task.name} does not say which service it calls",
                hint=f'add @serves("{known[0]}") (or {", ".join(known[1:])}) below its @task',
            )
        if service not in known:
            raise BadInputError(
                f"journey {journey.name}: the task {task.name} serves {service!r}, which the platform does not declare",
                hint=f"expected one of {', '.join(known)}",
            )
        tasks.append(task.model_copy(update={"service": service}))
    return journey.model_copy(update={"tasks": tuple(tasks)})
