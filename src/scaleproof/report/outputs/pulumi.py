"""The policy as configuration of a Pulumi stack."""

from __future__ import annotations

from typing import Final

from scaleproof.report.outputs.destination import Destination
from scaleproof.report.outputs.output import Output
from scaleproof.report.outputs.yaml_text import to_yaml
from scaleproof.spec.policy import Policy
from scaleproof.spec.stack_file import POLICY_KEY

FILE: Final = "Pulumi.stack.yaml"


def pulumi(policy: Policy, to: Destination) -> Output:
    """`config: scaleproof:policy` of `Pulumi.<stack>.yaml`: everything the policy says."""
    plain = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    return Output({FILE: to_yaml({"config": {POLICY_KEY: plain}}, [f"Policy of {to.source}."])})
