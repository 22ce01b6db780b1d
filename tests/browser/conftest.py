"""One platform and one browser for all tests; each visitor has a profile of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from browser_world import Person, Visitor, World, open_browser, open_world
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("platform")) as opened:
        yield opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def visit(world: World, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Somebody new, or a person on another device; nothing may be complained about."""
    visitors: list[Visitor] = []

    def begin(person: Person | None = None, *roles: str, **context: object) -> Visitor:
        visitor = Visitor(world, browser, person or world.person(*roles), **context)
        visitors.append(visitor)
        return visitor

    yield begin
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    for visitor in visitors:
        visitor.close()
    assert complaints == []
