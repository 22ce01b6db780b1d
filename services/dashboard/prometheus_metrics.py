"""The platform's history from a Prometheus (`PROMETHEUS_URL`), by the names that a platform on a cluster has there.

Rates and latency are what the platform's recording rules keep (docs/components.md), replicas what kube-state-metrics says of the autoscalers.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import ValidationError

from services.common.errors.raised import ServiceError
from services.common.given import LateShown
from services.dashboard.platform_history import Figure, PlatformHistory
from services.dashboard.runtime_metrics import Reads

PATH = "/api/v1/query_range"
STEP_SECONDS = 15
MOST_POINTS = 240
"""Of a series: longer steps for longer periods."""
LEAST_WINDOW_SECONDS = 60
"""Samples are 15 s apart at best: a shorter window might hold none."""
KEDA_PREFIX = "keda-hpa-"
"""How KEDA calls the autoscalers that it makes."""

Question = Literal["replicas", "desired", "requests", "failures", "p95_ms"]
ASKED_FOR: Mapping[Figure, tuple[Question, ...]] = {
    "replicas": ("replicas",),
    "desired": ("desired",),
    "requests_per_second": ("requests",),
    "error_share": ("failures", "requests"),
    "p95_ms": ("p95_ms",),
}
LABELS = ("horizontalpodautoscaler", "envoy_cluster_name")


def expression(question: Question, *, window_seconds: int, namespace: str | None) -> str:
    """PromQL. Of replicas and latency the most within a step: what lasted shorter is seen too."""
    window = f"[{window_seconds}s]"
    within = "" if namespace is None else f'{{namespace="{namespace}"}}'
    autoscaler, gateway = "kube_horizontalpodautoscaler_status", "service:envoy_cluster_upstream_rq"
    return {
        "replicas": f"max by ({LABELS[0]}) (max_over_time({autoscaler}_current_replicas{within}{window}))",
        "desired": f"max by ({LABELS[0]}) (max_over_time({autoscaler}_desired_replicas{within}{window}))",
        "requests": f"sum by ({LABELS[1]}) (avg_over_time({gateway}:rate1m{window}))",
        "failures": f"sum by ({LABELS[1]}) (avg_over_time({gateway}_5xx:rate1m{window}))",
        "p95_ms": f"max by ({LABELS[1]}) (max_over_time({gateway}_time:p95_1m{window}))",
    }[question]


class Sampled(LateShown):
    """One series of an answer: its labels, and its values (written as texts) with their times."""

    metric: dict[str, str]
    values: list[tuple[float, float]]


class Matrix(LateShown):
    """The data of an answer."""

    resultType: Literal["matrix"]  # noqa: N815  Prometheus' own name
    result: list[Sampled]


class RangeAnswer(LateShown):
    """What is needed of Prometheus' answer."""

    status: Literal["success"]
    data: Matrix


class PrometheusMetrics:
    """`PlatformMetrics` of a platform that a Prometheus watches. `namespace`: whose autoscalers; None: all it knows."""

    def __init__(self, prometheus: Reads, *, namespace: str | None, clock: Callable[[], float] = time.time) -> None:
        self._prometheus = prometheus
        self._namespace = namespace
        self._clock = clock

    async def history(self, minutes: int, figures: Sequence[Figure]) -> PlatformHistory:
        """As `PlatformMetrics`. Each question is asked once, all at the same time."""
        step = STEP_SECONDS * math.ceil(60 * minutes / STEP_SECONDS / MOST_POINTS)
        last = int(self._clock() // step)
        times = [number * step for number in range(last - math.ceil(60 * minutes / step) + 1, last + 1)]
        questions = sorted({question for figure in figures for question in ASKED_FOR[figure]})
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {question: group.create_task(self._ask(question, times, step)) for question in questions}
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        answers = {question: task.result() for question, task in tasks.items()}
        names = sorted({name for answer in answers.values() for name in answer})
        nothing: list[float | None] = [None] * len(times)
        services: dict[str, dict[Figure, list[float | None]]] = {name: {} for name in names}
        for name, figure in ((name, figure) for name in names for figure in figures):
            asked = [answers[question].get(name, nothing) for question in ASKED_FOR[figure]]
            services[name][figure] = _shares(*asked) if figure == "error_share" else asked[0]
        return PlatformHistory(step, times, services)

    async def _ask(self, question: Question, times: Sequence[int], step: int) -> dict[str, list[float | None]]:
        # Prometheus looks back: what it says of a step's end is the step's.
        window = max(step, LEAST_WINDOW_SECONDS)
        query = expression(question, window_seconds=window, namespace=self._namespace)
        body = await self._prometheus.read(
            PATH, {"query": query, "start": times[0] + step, "end": times[-1] + step, "step": step}
        )
        try:
            found = RangeAnswer.model_validate_json(body)
        except ValidationError as error:
            raise ServiceError("dependency_failed") from error
        return {_name(series.metric): _on_times(series.values, [each + step for each in times]) for series in found.data.result}


def _name(labels: Mapping[str, str]) -> str:
    return next((labels[label].removeprefix(KEDA_PREFIX) for label in LABELS if label in labels), "")


def _on_times(values: Sequence[tuple[float, float]], times: Sequence[int]) -> list[float | None]:
    """NaN is how Prometheus says that it does not know."""
    known = {int(moment): value for moment, value in values if math.isfinite(value)}
    return [known.get(moment) for moment in times]


def _shares(failures: Sequence[float | None], requests: Sequence[float | None]) -> list[float | None]:
    """Who never failed has no series of failures."""
    return [min((failed or 0.0) / asked, 1.0) if asked else None for failed, asked in zip(failures, requests, strict=True)]
