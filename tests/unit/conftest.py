"""In which order two workers take the tests: each begins with what takes long, and one start of the services' servers serves all."""

from __future__ import annotations

from pathlib import Path

import pytest

UNIT = Path(__file__).parent
FIRST_WORKER = ("services",)
SECOND_WORKER = ("runtime", "runtime_servers", "load", "tuner/traffic", "cli", "recordings", "adoption", "charts")
"""Where processes, servers and clocks are real, or much is computed. The rest takes milliseconds a test."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`--dist worksteal` gives each worker a half of the list; whoever is done takes from the end of the other's."""
    if not hasattr(config, "workerinput"):
        return
    first, second, rest = ([item for item in items if group_of(item) == number] for number in (0, 1, 2))
    room = max(0, len(items) // 2 - len(first))
    items[:] = [*first, *rest[:room], *second, *rest[room:]]


def group_of(item: pytest.Item) -> int:
    folder = item.path.relative_to(UNIT).parent if item.path.is_relative_to(UNIT) else Path()
    for number, folders in enumerate((FIRST_WORKER, SECOND_WORKER)):
        if any(folder.is_relative_to(each) for each in folders):
            return number
    return 2
