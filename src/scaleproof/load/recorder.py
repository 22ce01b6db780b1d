"""What a Locust process remembers of every request: append-only columns, written as one parquet file at the end."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scaleproof.load.status import ServiceLine

if TYPE_CHECKING:
    import pyarrow as pa

_NO_ERROR = ""


class Vocabulary:
    """Texts as small numbers: a million requests share a few dozen names."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, text: str) -> int:
        """The number of this text."""
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = len(self.texts)
            self.texts.append(text)
        return code


class Recorder:
    """The table `requests` of `telemetry.tables` as it grows; 50 bytes a request."""

    def __init__(self) -> None:
        self.finished_s = array("d")
        self.intended_s = array("d")
        self.ok = array("b")
        self._action = array("i")
        self._step = array("h")
        self._sent_s = array("d")
        self._status = array("h")
        self._service = array("i")
        self._name = array("i")
        self._error = array("i")
        self._services, self._names, self._errors = Vocabulary(), Vocabulary(), Vocabulary()

    def __len__(self) -> int:
        return len(self._action)

    def add(
        self,
        *,
        action: int,
        step: int,
        service: str,
        name: str,
        intended_s: float,
        sent_s: float,
        finished_s: float,
        status: int,
        error: str | None,
    ) -> None:
        """One request; `error` None where it was answered well, `finished_s` NaN where it was not answered."""
        self._action.append(action)
        self._step.append(step)
        self._service.append(self._services.code(service))
        self._name.append(self._names.code(name))
        self.intended_s.append(intended_s)
        self._sent_s.append(sent_s)
        self.finished_s.append(finished_s)
        self._status.append(status)
        self.ok.append(error is None)
        self._error.append(self._errors.code(_NO_ERROR if error is None else error))

    def recent(self, first: int) -> tuple[int, int, float]:
        """(requests, errors, p95 latency in seconds from the intended time) of the rows from `first` on; NaN where none was answered."""
        # Slices copy: a view would forbid the arrays to grow.
        latency = np.array(self.finished_s[first:]) - np.array(self.intended_s[first:])
        latency = latency[np.isfinite(latency)]
        p95 = float(np.quantile(latency, 0.95)) if latency.size else float("nan")
        ok = self.ok[first:]
        return len(ok), len(ok) - sum(ok), p95

    def recent_by_service(self, first: int, threshold_seconds: Mapping[str, float]) -> dict[str, ServiceLine]:
        """The same per service, and how many were good: without failure and within the service's threshold."""
        service, ok = np.array(self._service[first:]), np.array(self.ok[first:]).astype(bool)
        latency = np.array(self.finished_s[first:]) - np.array(self.intended_s[first:])
        found = {}
        for code in np.unique(service).tolist():
            name, mine = self._services.texts[code], service == code
            answered = latency[mine & np.isfinite(latency)]
            good = ok & mine & (latency <= threshold_seconds.get(name, float("inf")))
            found[name] = ServiceLine(
                completed=int(mine.sum()),
                errors=int((mine & ~ok).sum()),
                good=int(good.sum()),
                p95_s=float(np.quantile(answered, 0.95)) if answered.size else None,
            )
        return found

    def table(self) -> pa.Table:
        """The rows so far."""
        import pyarrow as pa  # noqa: PLC0415  # 40 MB that the generator does not need while it measures

        from scaleproof.telemetry.tables import REQUESTS  # noqa: PLC0415  # imports pyarrow

        def texts(vocabulary: Vocabulary, codes: array[int]) -> pa.Array:
            return pa.array(vocabulary.texts, pa.string()).take(pa.array(np.array(codes), pa.int32()))

        columns = {
            "action": np.array(self._action),
            "step": np.array(self._step),
            "service": texts(self._services, self._service),
            "name": texts(self._names, self._name),
            "intended_s": np.array(self.intended_s),
            "sent_s": np.array(self._sent_s),
            "finished_s": np.array(self.finished_s),
            "status": np.array(self._status),
            "ok": pa.array(np.array(self.ok).astype(bool)),
            "error": texts(self._errors, self._error),
        }
        return pa.table([pa.array(columns[field.name]).cast(field.type) for field in REQUESTS], schema=REQUESTS)

    def write(self, file: Path) -> None:
        """Write the rows as parquet, whole or not at all."""
        import pyarrow.parquet as pq  # noqa: PLC0415  # as above

        unfinished = file.with_name(f".{file.name}.unfinished")
        pq.write_table(self.table(), unfinished, compression="zstd")
        unfinished.rename(file)


def error_kind(status: int, exception: BaseException, *, retry_after: bool = False) -> str:
    """A failed request's kind, short enough to be counted: `timeout`, `connection refused`, `http 503`, `check: …`.

    `retry_after`: the answer had that header. Only a server that is up and refuses for now sends it (RFC 9110, 10.2.3), so that
    `http 503, retry later` (overload) is told from `http 503` (nobody was there to answer).
    """
    if type(exception).__name__ == "CatchResponseError":
        return f"check: {str(exception)[:80]}"
    if status >= 400:  # noqa: PLR2004  # HTTP's first error code
        return f"http {status}, retry later" if retry_after else f"http {status}"
    if isinstance(exception, TimeoutError):
        return "timeout"
    if isinstance(exception, ConnectionRefusedError):
        return "connection refused"
    text = f"{type(exception).__name__} {exception}".lower()
    for words, kind in (
        (("timed out", "timeout"), "timeout"),
        (("refused",), "connection refused"),
        (("reset", "closed", "broken pipe", "aborted"), "connection reset"),
    ):
        if any(word in text for word in words):
            return kind
    return type(exception).__name__
