"""What ordinary users did, as the table `schedule`: written afterwards, because nobody drew it in advance."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scaleproof.load.recorder import Vocabulary

if TYPE_CHECKING:
    import pyarrow as pa


class Actions:
    """One row a task that sent a request; its number is its row."""

    def __init__(self) -> None:
        self._user = array("i")
        self._intended_s = array("d")
        self._journey, self._task, self._service = array("i"), array("i"), array("i")
        self._journeys, self._tasks, self._services = Vocabulary(), Vocabulary(), Vocabulary()

    def __len__(self) -> int:
        return len(self._user)

    def add(self, *, user: int, intended_s: float, journey: str, task: str, service: str) -> int:
        """The number of the new action; `service` is that of its first request, empty where no route serves it."""
        self._user.append(user)
        self._intended_s.append(intended_s)
        self._journey.append(self._journeys.code(journey))
        self._task.append(self._tasks.code(task))
        self._service.append(self._services.code(service))
        return len(self._user) - 1

    def table(self) -> pa.Table:
        """The rows so far."""
        import pyarrow as pa  # noqa: PLC0415  # 40 MB that the generator does not need while it measures

        from scaleproof.telemetry.tables import SCHEDULE  # noqa: PLC0415  # imports pyarrow

        def texts(vocabulary: Vocabulary, codes: array[int]) -> pa.Array:
            return pa.array(vocabulary.texts, pa.string()).take(pa.array(np.array(codes), pa.int32()))

        columns = {
            "action": np.arange(len(self._user)),
            "user": np.array(self._user),
            "intended_s": np.array(self._intended_s),
            "journey": texts(self._journeys, self._journey),
            "task": texts(self._tasks, self._task),
            "service": texts(self._services, self._service),
        }
        return pa.table([pa.array(columns[field.name]).cast(field.type) for field in SCHEDULE], schema=SCHEDULE)

    def write(self, file: Path) -> None:
        """Write the rows as parquet, whole or not at all."""
        import pyarrow.parquet as pq  # noqa: PLC0415  # as above

        unfinished = file.with_name(f".{file.name}.unfinished")
        pq.write_table(self.table(), unfinished, compression="zstd")
        unfinished.rename(file)
