"""What a scheduled minimum is worth, as lines of text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from scaleproof.report.columns import aligned
from scaleproof.report.traffic import span
from scaleproof.report.traffic_tuning import describe
from scaleproof.report.wording import percent, plural
from scaleproof.simulator.traffic.schedule import EVERY_DAY, Window
from scaleproof.tuner.traffic.daily_pattern import LEAST_EXPLAINED, WEEKEND, WORKING_DAYS
from scaleproof.tuner.traffic.scheduled_minimum import JUDGING_RUNS, WORTH_A_SCHEDULE, OnLaterDays, ScheduledMinimum

_NAMES: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_GROUPS: Final = {EVERY_DAY: "every day", WORKING_DAYS: "working days", WEEKEND: "weekends"}


def schedule_lines(minimum: ScheduledMinimum) -> list[str]:
    """The pattern, both policies on the later days, the verdict, and the windows where they pay."""
    lines = [f"scheduled minimum (KEDA cron): {pattern_line(minimum)}"]
    if not minimum.judged_seconds:
        return [*lines, verdict_line(minimum)]
    rows: list[tuple[str, ...]] = [("on the later days", "cost to clairvoyant", "violation, worst run", "policy")]
    if minimum.without is not None:
        rows.append(_row("without windows", minimum.without))
    else:
        rows.append(("without windows", "none holds on the earlier days", "", ""))
    if minimum.with_schedule is not None:
        rows.append(_row("with windows", minimum.with_schedule))
    lines += [judged_line(minimum), *aligned(rows), verdict_line(minimum)]
    if minimum.pays and minimum.schedule is not None:
        windows = [("window", "days", "at least")]
        windows += [(clock_times(window), days(window), str(window.replicas)) for window in minimum.schedule.windows]
        lines += [f"windows by the clocks of {minimum.zone}; `--output keda-cron` prints the ScaledObject:", *aligned(windows)]
    return lines


def schedule_json(minimum: ScheduledMinimum) -> dict[str, Any]:
    """The same as data; costs are relative to the clairvoyant's, violations are shares of requests."""
    schedule = minimum.schedule
    return {
        "pays": minimum.pays,
        "explained": minimum.pattern.explained,
        "kinds_of_days": [list(kind) for kind in minimum.pattern.kinds],
        "tuned_seconds": minimum.tuned_seconds,
        "judged_seconds": minimum.judged_seconds,
        "without": _figures(minimum.without),
        "with": _figures(minimum.with_schedule),
        "timezone": minimum.zone,
        "windows": []
        if schedule is None
        else [{**asdict(each), "start": each.start_cron, "end": each.end_cron} for each in schedule.windows],
    }


def pattern_line(minimum: ScheduledMinimum) -> str:
    """What the time explains."""
    pattern = minimum.pattern
    what = "the time of day" if len(pattern.kinds) == 1 else "the time, working days and weekends apart,"
    explained = percent(max(0.0, pattern.explained))
    return f"{what} explains {explained} of the variance of {plural(pattern.days, 'day')}, each seen from the others"


def judged_line(minimum: ScheduledMinimum) -> str:
    """Which days were tuned on, and which judged."""
    return (
        f"tuned on the first {span(minimum.tuned_seconds)}, judged on the last {span(minimum.judged_seconds)} "
        f"({JUDGING_RUNS} runs), which the search has not seen"
    )


def verdict_line(minimum: ScheduledMinimum) -> str:
    """Whether it pays, and why not."""
    budget = percent(minimum.question.budget)
    without, scheduled = minimum.without, minimum.with_schedule
    if not minimum.judged_seconds:
        return f"no schedule: less than {percent(LEAST_EXPLAINED)} is no pattern to rely on"
    if scheduled is None:
        return (
            f"no schedule: on the earlier days, none holds and is cheaper by {percent(WORTH_A_SCHEDULE)} than the policy alone"
        )
    if minimum.pays:
        if without is None or scheduled.cost > without.cost * (1 - WORTH_A_SCHEDULE):
            return f"it pays: with windows violation stays within {budget}, without them it does not"
        return f"it pays: {percent(1 - scheduled.cost / without.cost)} cheaper on the later days"
    if scheduled.violation > minimum.question.budget:
        return f"no schedule: with windows, the later days are violated by more than {budget}"
    return f"no schedule: it is not cheaper by {percent(WORTH_A_SCHEDULE)} on the later days"


def clock_times(window: Window) -> str:
    """`06:59 to 09:00`."""
    closes = window.opens + window.minutes
    return f"{window.opens // 60:02d}:{window.opens % 60:02d} to {closes // 60 % 24:02d}:{closes % 60:02d}"


def days(window: Window) -> str:
    """On which it opens."""
    return _GROUPS.get(window.days) or ", ".join(_NAMES[day] for day in window.days)


def _row(name: str, figures: OnLaterDays) -> tuple[str, ...]:
    return name, f"{figures.cost:.3f}", percent(figures.violation), describe(figures.knobs)


def _figures(figures: OnLaterDays | None) -> dict[str, Any] | None:
    if figures is None:
        return None
    return {
        "cost": figures.cost,
        "violation": figures.violation,
        "replica_hours": figures.replica_hours,
        "policy": figures.knobs.spec().model_dump(mode="json", by_alias=True, exclude_none=True),
    }
