"""Every intended request of a run with what became of it: the frame that violation, windows and summaries are taken from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scaleproof.telemetry.run import Run


def intended_requests(run: Run, service: str | None = None, start_s: float = -np.inf, end_s: float = np.inf) -> pd.DataFrame:
    """One row an intended request whose intended time lies in [start_s, end_s), in order of intended time.

    Columns: action, step, service, intended_s, sent_s, finished_s, status, ok, error, never_sent, latency_s (finished - intended; NaN
    where no answer came), sent_latency_s (finished - sent), threshold_s (of the service's SLO), failed, slow.
    An action's first request is intended whether or not it was sent; a later step is intended once it was sent.
    """
    planned = run.tables["schedule"][["action", "intended_s", "service"]]
    seen = run.tables["requests"]
    first = seen["step"] == 0
    columns = ["action", "step", "sent_s", "finished_s", "status", "ok", "error"]
    rows = planned.merge(seen.loc[first, columns], on="action", how="left")
    later = seen.loc[~first, [*columns, "intended_s", "service"]]
    if len(later):
        rows = pd.concat([rows, later], ignore_index=True)
    keep = (rows["intended_s"] >= start_s) & (rows["intended_s"] < end_s)
    if service is not None:
        keep &= rows["service"] == service
    rows = rows[keep].sort_values("intended_s", kind="stable", ignore_index=True)

    rows["never_sent"] = rows["sent_s"].isna()
    rows["step"] = rows["step"].fillna(0).astype("int16")
    rows["status"] = rows["status"].fillna(0).astype("int16")
    rows["ok"] = rows["ok"].eq(True)  # NaN, where nothing was sent, is not ok
    rows["latency_s"] = rows["finished_s"] - rows["intended_s"]
    rows["sent_latency_s"] = rows["finished_s"] - rows["sent_s"]
    thresholds = {name: spec.slo.latency_seconds for name, spec in run.meta.platform.services.items()}
    rows["threshold_s"] = rows["service"].map(thresholds).astype("float64")
    rows["failed"] = ~rows["ok"] & ~rows["never_sent"]
    # A service without an SLO has no threshold: the comparison with NaN is False, so nothing of it is slow.
    rows["slow"] = rows["ok"] & (rows["latency_s"] > rows["threshold_s"])
    return rows
