"""The violation of an SLO, in the words of docs: the share of intended requests that were not served well. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scaleproof.telemetry.intended import intended_requests
from scaleproof.telemetry.run import Run


@dataclass(frozen=True)
class Violation:
    """What became of the intended requests; each is counted once: never sent, else failed, else slow, else good."""

    intended: int
    failed: int
    never_sent: int
    slow: int

    @property
    def bad(self) -> int:
        """Requests that were not served well."""
        return self.failed + self.never_sent + self.slow

    @property
    def share(self) -> float:
        """Share of intended requests that were not served well, 0..1; 0 where none was intended."""
        return self.bad / self.intended if self.intended else 0.0


def violation(run: Run, service: str | None = None, start_s: float = -np.inf, end_s: float = np.inf) -> Violation:
    """The violation of one service or of all, over the requests intended in [start_s, end_s).

    Each request is held against its own service's threshold, counted from the intended time.
    """
    return violation_of(intended_requests(run, service, start_s, end_s))


def violation_of(intended: pd.DataFrame) -> Violation:
    """The violation over rows of `intended_requests`."""
    return Violation(
        intended=len(intended),
        failed=int(intended["failed"].sum()),
        never_sent=int(intended["never_sent"].sum()),
        slow=int(intended["slow"].sum()),
    )


def served_share(run: Run, start_s: float = -np.inf, end_s: float = np.inf, service: str | None = None) -> float:
    """Share of the requests intended in [start_s, end_s) that were answered without failure, however late; 1 where none was."""
    rows = intended_requests(run, service, start_s, end_s)
    return float(rows["ok"].mean()) if len(rows) else 1.0
