"""Every rule, by family, in the order of the docs."""

from __future__ import annotations

from typing import Final

from scaleproof.rules import (
    autoscalers,
    autoscaling,
    calibrations,
    connections,
    gateway,
    memory,
    needs,
    probes_and_drain,
    promises,
    replicas,
    verdicts,
)
from scaleproof.rules.rule import Rule

FAMILIES: Final[dict[str, tuple[Rule, ...]]] = {
    "Connections": connections.RULES,
    "Gateway and load generator": gateway.RULES,
    "Autoscaling": (*autoscaling.RULES, *autoscalers.RULES),
    "What the peak needs": needs.RULES,
    "Replicas, quotas and nodes": replicas.RULES,
    "Memory": memory.RULES,
    "Probes, starts and drains": probes_and_drain.RULES,
    "Promises": promises.RULES,
    "Calibration": calibrations.RULES,
    "Verdicts of check": verdicts.RULES,
}
VERDICTS: Final = verdicts.RULES
LINT: Final[tuple[Rule, ...]] = tuple(rule for rules in FAMILIES.values() for rule in rules if rules is not verdicts.RULES)
"""What `scaleproof lint` asks: files alone."""
ALL: Final[tuple[Rule, ...]] = (*LINT, *VERDICTS)


def rule_of(identity: str) -> Rule | None:
    """The rule of that id."""
    return next((rule for rule in ALL if rule.id == identity), None)
