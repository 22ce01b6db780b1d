"""The policy pack: `pulumi up --policy-pack infra/policy`. Its rules are in rules.py."""

from collections.abc import Mapping
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from rules import RULES, Rule

asked: list[Mapping[str, Any]] = []
"""Every object as the program asks for it: what the cluster answers holds defaults, such as replicas."""


def is_object(args: ResourceValidationArgs) -> bool:
    """A Kubernetes object, and not a Helm release or a component."""
    return args.resource_type.startswith("kubernetes:") and "kind" in args.props


def remember(args: ResourceValidationArgs, _report: ReportViolation) -> None:
    """For the rules that look across objects."""
    if is_object(args):
        asked.append(args.props)


def text(rule: Rule, finding: str) -> str:
    """What is wrong, why that matters, what to do."""
    return f"{finding}. {rule.reason} {rule.fix}"


def across_objects(rule: Rule) -> Policy:
    """Judged when all are known."""

    def validate(_args: StackValidationArgs, report: ReportViolation) -> None:
        for finding in rule.check(asked):
            report(text(rule, finding))

    return StackValidationPolicy(rule.id, rule.meaning, validate)


def each_object(rule: Rule) -> Policy:
    """Judged before it is made."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if is_object(args):
            for finding in rule.check([args.props]):
                report(text(rule, finding))

    return ResourceValidationPolicy(rule.id, rule.meaning, validate)


PolicyPack(
    name="scaleproof",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        ResourceValidationPolicy("collects-objects", "Reports nothing: it remembers what the program asks for.", remember),
        *(across_objects(rule) if rule.across else each_object(rule) for rule in RULES),
    ],
)
