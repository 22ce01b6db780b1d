"""Just the lines that matter of Prometheus text: a kubelet's cAdvisor metrics, and a process's own. Pure.

A whole cAdvisor page has thousands of lines every few seconds, so they are picked, not parsed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

_LINE: Final = re.compile(
    r"^container_(cpu_usage_seconds_total|cpu_cfs_throttled_seconds_total|memory_working_set_bytes)"
    r"\{([^}]*)\} (\S+)(?: (\d+))?$",
    re.MULTILINE,
)
_LABEL: Final = re.compile(r'(container|cpu|id|namespace|pod)="([^"]*)"')
_PROCESS: Final = re.compile(r"^process_(cpu_seconds_total|resident_memory_bytes) (\S+)", re.MULTILINE)
_MACHINE: Final = re.compile(r"^machine_cpu_cores(?:\{[^}]*\})? (\S+)", re.MULTILINE)
MILLISECONDS: Final = 1000.0


@dataclass
class PodReading:
    """One pod in one scrape: counters in seconds, and when the kubelet read them (Unix seconds)."""

    at: float = 0.0
    cpu_seconds: float = 0.0
    throttled_seconds: float = 0.0
    memory_bytes: int = 0


@dataclass
class NodeReading:
    """One node in one scrape."""

    cores: float = 0.0
    at: float = 0.0
    cpu_seconds: float = 0.0
    pods: dict[tuple[str, str], PodReading] = field(default_factory=dict)
    """By namespace and pod."""


def read_cadvisor(text: str, now: float) -> NodeReading:
    """A kubelet's `/metrics/cadvisor`. Containers of a pod are added up; its sandbox is left out, as metrics-server does."""
    found = NodeReading()
    if machine := _MACHINE.search(text):
        found.cores = float(machine[1])
    pods: dict[tuple[str, str], PodReading] = defaultdict(PodReading)
    for name, labels_text, value_text, stamp in _LINE.findall(text):
        labels = dict(_LABEL.findall(labels_text))
        at = float(stamp) / MILLISECONDS if stamp else now
        value = float(value_text)
        if labels.get("id") == "/" and name == "cpu_usage_seconds_total":
            found.at, found.cpu_seconds = at, value
        if not labels.get("pod") or labels.get("container", "") in {"", "POD"} or labels.get("cpu", "total") != "total":
            continue
        pod = pods[labels.get("namespace", ""), labels["pod"]]
        if name == "cpu_usage_seconds_total":
            pod.cpu_seconds += value
            pod.at = max(pod.at, at)
        elif name == "cpu_cfs_throttled_seconds_total":
            pod.throttled_seconds += value
        else:
            pod.memory_bytes += int(value)
    found.pods = dict(pods)
    return found


def read_process(text: str) -> tuple[float, int] | None:
    """CPU seconds and resident bytes that a process reports of itself (prometheus_client's default names); None where it does not."""
    values = dict(_PROCESS.findall(text))
    if "cpu_seconds_total" not in values:
        return None
    return float(values["cpu_seconds_total"]), int(float(values.get("resident_memory_bytes", 0)))
