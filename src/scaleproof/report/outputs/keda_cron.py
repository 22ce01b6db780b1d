"""A policy with a scheduled minimum as KEDA's ScaledObject: cron triggers beside the policy's own.

KEDA makes each trigger a metric of one HPA, which takes the greatest proposal. Sources: keda.sh, "Cron" scaler and "ScaledObject specification".
"""

from __future__ import annotations

from typing import Any

from scaleproof.report.outputs.destination import Destination, check_names
from scaleproof.report.outputs.keda import RequestRate, triggers_of
from scaleproof.report.outputs.output import Output
from scaleproof.report.outputs.yaml_text import to_yaml
from scaleproof.report.scheduled_minimum import judged_line, pattern_line, verdict_line
from scaleproof.report.wording import percent, sentence
from scaleproof.simulator.traffic.schedule import Schedule
from scaleproof.spec.autoscaler_manifest import SCALED_OBJECT, TAKE_OVER, autoscaler_fields, scaled_object_spec
from scaleproof.tuner.traffic.scheduled_minimum import OnLaterDays, ScheduledMinimum


def keda_cron(minimum: ScheduledMinimum, name: str, rate: RequestRate | None) -> Output:
    """The ScaledObject of the Deployment of that name.

    Raises BadInputError where the name is none, or where the policy looks at requests and `rate` does not say where to read them.
    """
    assert minimum.schedule is not None  # only what pays is printed
    assert minimum.with_schedule is not None
    check_names([name])
    spec = minimum.with_schedule.knobs.spec()
    triggers, notes = triggers_of(name, spec, rate)
    to = Destination("recorded traffic")
    document = to.manifest(
        *SCALED_OBJECT,
        name,
        annotations=TAKE_OVER,
        spec=scaled_object_spec(name, spec, [*triggers, *cron_triggers(minimum.schedule)], tolerance=True),
    )
    service = minimum.question.service
    traces = ", ".join(trace.name for trace in minimum.question.traces)
    comments = [
        f"Tuned on {traces} by `scaleproof tune --output keda-cron`.",
        sentence(pattern_line(minimum)),
        sentence(judged_line(minimum)),
        *_figures(minimum.with_schedule, minimum.without),
        sentence(verdict_line(minimum)),
        (
            f"{name}: tuned for a CPU request of {service.request_millicores}m and a limit of {service.limit_millicores}m; this object sets "
            "neither, and a target in per cent is one of the request."
        ),
        *notes,
    ]
    if autoscaler_fields(spec, tolerance=True) != autoscaler_fields(spec, tolerance=False):
        comments.append(f"{name}: tolerance needs Kubernetes 1.35; an older one drops it and takes 10 %.")
    return Output({f"{name}-scaledobject.yaml": to_yaml(document, comments)}, tuple(notes))


def cron_triggers(schedule: Schedule) -> list[dict[str, Any]]:
    """One a window; where several are open, the greatest counts."""
    return [
        {
            "type": "cron",
            "metadata": {
                "timezone": schedule.zone,
                "start": window.start_cron,
                "end": window.end_cron,
                "desiredReplicas": str(window.replicas),
            },
        }
        for window in schedule.windows
    ]


def _figures(scheduled: OnLaterDays, without: OnLaterDays | None) -> list[str]:
    said = [
        f"With its windows: {scheduled.cost:.3f} times what perfect foresight costs, {percent(scheduled.violation)} violated."
    ]
    if without is not None:
        said.append(f"The best policy without: {without.cost:.3f} times, {percent(without.violation)} violated.")
    return said
