from __future__ import annotations

import pytest

import scaleproof.load
from scaleproof.load.journeys import Journey, Task, journey_of, serves, together_with, with_services
from scaleproof.spec.errors import BadInputError


def browse(self): ...


def pay(self): ...


serves("orders")(browse)


class Shopper:
    """As Locust's metaclass leaves a user class: each task repeated by its weight."""

    weight = 2
    tasks = (browse, pay, browse)


def test_a_user_class_declares_a_journey():
    assert journey_of(Shopper) == Journey(
        name="Shopper", weight=2, tasks=(Task(name="browse", weight=2, service="orders"), Task(name="pay", weight=1))
    )


@pytest.mark.parametrize(("tasks", "message"), [([], "no task"), ([Shopper], "TaskSet"), ([3], "expected a method")])
def test_what_cannot_be_drawn_is_refused(tasks, message):
    with pytest.raises(BadInputError, match=message):
        journey_of(type("Odd", (), {"weight": 1, "tasks": tasks}))


def test_every_task_needs_a_known_service():
    journey = journey_of(Shopper)
    with pytest.raises(BadInputError, match="pay does not say which service") as caught:
        with_services([journey], ["orders", "dashboard"])
    assert '@serves("dashboard")' in (caught.value.hint or "")
    with pytest.raises(BadInputError, match="'orders', which the platform does not declare"):
        with_services([journey], ["shop"])


def test_a_platform_of_one_service_needs_no_serves():
    (journey,) = with_services([journey_of(Shopper)], ["orders"])
    assert {task.service for task in journey.tasks} == {"orders"}


def test_the_package_offers_what_a_locustfile_imports():
    assert scaleproof.load.serves is serves
    with pytest.raises(AttributeError):
        _ = scaleproof.load.nothing


class Page:
    """A task together with methods that are no tasks of their own, and with one that is."""

    weight = 1

    @serves("dashboard")
    @together_with("revenue", "refresh")
    def open_page(self): ...

    @serves("orders")
    def revenue(self): ...

    @serves("identity")
    def refresh(self): ...

    tasks = (open_page, open_page, refresh)


def test_what_is_played_together_is_part_of_the_journey():
    assert journey_of(Page).tasks == (
        Task(name="open_page", weight=2, service="dashboard", together=("revenue", "refresh")),
        Task(name="refresh", weight=1, service="identity"),
        Task(name="revenue", weight=0, service="orders"),
    )
    with pytest.raises(BadInputError, match="the task revenue serves 'orders', which the platform does not declare"):
        with_services([journey_of(Page)], ["dashboard", "identity"])


@pytest.mark.parametrize("name", ["nothing", "weight", "open_page"])
def test_together_with_what_is_no_other_method_is_refused(name):
    @together_with(name)
    def open_page(self): ...

    with pytest.raises(BadInputError, match=f"open_page is together with '{name}', which is no other method"):
        journey_of(type("Odd", (), {"weight": 1, "tasks": [open_page], "open_page": open_page}))
