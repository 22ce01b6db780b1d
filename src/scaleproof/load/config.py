"""The order that a Locust process plays: one JSON file, named in the environment variable SCALEPROOF_LOAD."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationError

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.model import SpecModel
from scaleproof.spec.platform import Platform
from scaleproof.spec.shapes import Shape

if TYPE_CHECKING:
    from scaleproof.tuner.ports import LoadPlan

CONFIG_VARIABLE = "SCALEPROOF_LOAD"
GRACE_SECONDS = 20.0


class LoadConfig(SpecModel):
    """Everything that a Locust process needs to draw its share of the schedule and to play it."""

    version: Literal[1] = 1
    platform: Platform
    host_url: str = Field(description="Where every request goes: scheme, host and port.")
    users: Annotated[int, Field(gt=0)]
    shape_name: str
    shape_points: tuple[tuple[float, float], ...]
    seed: int
    think_seconds: tuple[float, float]
    services: frozenset[str] | None = None
    closed_loop: bool = Field(
        default=False, description="The users are ordinary Locust users, played as they are: nothing is drawn in advance."
    )
    tags: tuple[str, ...] = Field(default=(), description="Closed loop: only tasks with one of these tags (Locust's --tags).")
    exclude_tags: tuple[str, ...] = Field(default=(), description="Closed loop: no task with one of these tags.")
    grace_seconds: float = Field(
        default=20.0, description="Time after the load's end in which late actions are still sent and answered."
    )
    folder: str = Field(description="Where results and status lines are written; each process writes its own files.")
    parent_pid: int | None = Field(default=None, description="Die with this process; None where Locust is on its own.")

    @classmethod
    def of(
        cls,
        plan: LoadPlan,
        platform: Platform,
        host_url: str,
        *,
        closed_loop: bool,
        folder: str = "",
        parent_pid: int | None = None,
    ) -> Self:
        """The order that plays a plan."""
        return cls(
            platform=platform,
            host_url=host_url,
            users=plan.users,
            shape_name=plan.shape.name,
            shape_points=plan.shape.points,
            seed=plan.seed,
            think_seconds=plan.think_seconds,
            services=plan.services,
            closed_loop=closed_loop,
            tags=plan.tags,
            exclude_tags=plan.exclude_tags,
            folder=folder,
            parent_pid=parent_pid,
        )

    @property
    def shape(self) -> Shape:
        """The shape that the users follow."""
        return Shape(self.shape_name, self.shape_points)


def read_config(environment: Mapping[str, str] | None = None) -> LoadConfig | None:
    """The order of this process; None where it is played by plain Locust. Raises BadInputError where the file is not one."""
    name = (os.environ if environment is None else environment).get(CONFIG_VARIABLE)
    if not name:
        return None
    try:
        return LoadConfig.model_validate_json(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{CONFIG_VARIABLE}={name}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(f"{name}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
