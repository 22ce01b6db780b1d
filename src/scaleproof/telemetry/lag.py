"""The load generator's own lateness, from its records. Pure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scaleproof.telemetry.percentiles import grouped_quantiles


def generator_lag(schedule: pd.DataFrame, requests: pd.DataFrame, seconds: int) -> pd.Series[float]:
    """p95 of (begun - intended) in seconds, per second of the intended time; NaN where nobody who was free had to act.

    An action begins with what is sent first for it, which may be a request aside. Only actions of users who were free count: a user
    whose previous answer came after the next intended time is late because of the platform, not of the generator. Of actions that are
    played together the first one speaks for all.
    """
    index = pd.RangeIndex(seconds, name="second")
    actions = requests.groupby("action")
    begun, ends = actions["sent_s"].min(), actions["finished_s"].max()
    first = requests.loc[requests["step"] == 0, ["action", "intended_s"]]
    rows = first.merge(schedule[["action", "user"]], on="action").sort_values(["user", "intended_s"], kind="stable")
    rows["begun_s"], rows["ended_s"] = rows["action"].map(begun), rows["action"].map(ends)
    same_user = rows["user"].eq(rows["user"].shift())
    previous_end = rows.groupby("user")["ended_s"].cummax().shift().where(same_user, -np.inf)
    free = rows[previous_end <= rows["intended_s"]]
    lag = (free["begun_s"] - free["intended_s"]).to_numpy(dtype=np.float64)
    second = np.floor(free["intended_s"].to_numpy(dtype=np.float64)).astype(np.int64)
    return pd.Series(grouped_quantiles(second, lag, seconds, (0.95,))[:, 0], index=index, name="generator_lag_s")
