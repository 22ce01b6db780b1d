"""What runs now, as lines for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def status_lines(state: Mapping[str, Any]) -> list[str]:
    """Gateway, services with their replicas, components, and what the autoscaler last said of each service."""
    lines = [f"gateway  {state['gateway_url']}", f"limits   {state['cpu_limit']}", ""]
    lines.append(f"{'service':<14}{'ready':>7}{'desired':>9}{'min–max':>9}  replicas")
    for name, service in state["services"].items():
        bounds = f"{service['min']}–{service['max']}"
        held = "  (held: the autoscaler is suspended)" if service["held"] else ""
        replicas = ", ".join(f"{replica['name']} {replica['state']}" for replica in service["replicas"])
        lines.append(f"{name:<14}{service['ready']:>7}{service['desired']:>9}{bounds:>9}  {replicas}{held}")
    lines.append("")
    for component in state["components"]:
        restarts = f", restarted {component['restarts']} times" if component["restarts"] else ""
        lines.append(f"{component['name']:<14}{'ready' if component['ready'] else 'not ready'}{restarts}")
    if state["decisions"]:
        lines += ["", *(f"{name}: {decision['message']}" for name, decision in state["decisions"].items())]
    return lines
