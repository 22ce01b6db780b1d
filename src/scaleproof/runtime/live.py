"""What a supervisor says of its services, as readings (`telemetry.live`). Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from scaleproof.telemetry.live import DecisionReading, ServiceReading


def service_readings(state: Mapping[str, Any]) -> dict[str, ServiceReading]:
    """The services of the order `status` (`runtime.handlers`)."""
    decisions = state.get("decisions", {})
    return {name: _service(service, decisions.get(name)) for name, service in state["services"].items()}


def _service(service: Mapping[str, Any], decision: Mapping[str, Any] | None) -> ServiceReading:
    replicas = service["replicas"]
    return ServiceReading(
        ready=service["ready"],
        desired=service["desired"],
        minimum=service["min"],
        maximum=service["max"],
        held=service["held"],
        states=dict(Counter(replica["state"] for replica in replicas)),
        request_millicores=service["request_millicores"],
        cpu_seconds={replica["name"]: float(replica["cpu_seconds"]) for replica in replicas},
        decision=None if decision is None else _decision(decision),
    )


def _decision(document: Mapping[str, Any]) -> DecisionReading:
    return DecisionReading(
        time=document["time"],
        current=document["current"],
        desired=document["desired"],
        reason=document["reason"],
        message=document["message"],
        utilization=_number(document["utilization"]),
        target=_number(document["target"]),
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
