"""What `up` tells the supervisor, as a file: nothing of it is on a command line."""

from __future__ import annotations

from pathlib import Path

from scaleproof.runtime.state_folder import StateFolder
from scaleproof.spec.model import SpecModel
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy


class Orders(SpecModel):
    """A platform to be started."""

    token: str
    project: Path
    stack: str
    platform: Platform
    policy: Policy
    cores: float
    starter_pid: int
    """Until `up` says that it is content, the platform ends with this process."""
    owner_pid: int | None = None
    """The platform ends with this process."""
    seed: int = 0
    """Draws the phases of scrapes and syncs."""

    def write(self, folder: StateFolder) -> None:
        """To the folder."""
        folder.write("orders.json", self.model_dump(mode="json", by_alias=True, exclude_none=True))

    @classmethod
    def read(cls, folder: StateFolder) -> Orders:
        """From the folder."""
        return cls.model_validate(folder.read("orders.json"))
