"""What the load noticed of a crash: from the crash until the component was back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scaleproof.telemetry.intended import intended_requests
from scaleproof.telemetry.run import Run

_WORDS: Final = {"crashed": "crashed", "oom_killed": "was killed for using too much memory"}
_BACK: Final = frozenset({"restarted", "ready"})
_UNSETTLED_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Dip:
    """One crash and the requests that were intended between it and the component's return (10 s where it did not return)."""

    time_s: float
    component: str
    what: str
    restart_seconds: float | None
    intended: int
    bad: int


def dips_of(run: Run) -> list[Dip]:
    """The crashes of the run, in order of time. A replica's dip counts its own service's requests, any other's all requests."""
    events = run.tables["events"].sort_values("time_s", kind="stable")
    rows = intended_requests(run)
    bad = rows["failed"] | rows["never_sent"] | rows["slow"]
    dips = []
    for crash in events[events["kind"].isin(list(_WORDS))].to_dict("records"):
        time_s, component, replica = float(crash["time_s"]), str(crash["component"]), str(crash["replica"] or "")
        later = events[(events["time_s"] > time_s) & (events["component"] == component) & events["kind"].isin(list(_BACK))]
        later = later[later["replica"] == crash["replica"]] if replica else later
        # A restarted process serves once it is ready; some targets only report the restart.
        later = later.sort_values("kind", key=lambda kind: kind != "ready", kind="stable")
        back = float(later["time_s"].iloc[0]) - time_s if len(later) else None
        until = time_s + (_UNSETTLED_SECONDS if back is None else back)
        inside = (rows["intended_s"] >= time_s) & (rows["intended_s"] < until)
        if component in run.meta.platform.services:
            inside &= rows["service"] == component
        dips.append(
            Dip(
                time_s=time_s,
                component=replica or component,
                what=_WORDS[str(crash["kind"])],
                restart_seconds=back,
                intended=int(inside.sum()),
                bad=int((inside & bad).sum()),
            )
        )
    return dips
