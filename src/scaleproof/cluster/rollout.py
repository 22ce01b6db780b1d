"""Bringing a stack up on a cluster: what it needs is checked first, what stands in its way is said while it comes up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.preflight import Plan, check
from scaleproof.cluster.stack import KubeStack
from scaleproof.cluster.stack_watch import StackWatch
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.policy import Policy
from scaleproof.tuner.ports import Progress


def roll_out(
    api: KubeApi, stack: KubeStack, plan: Plan, namespaces: Sequence[str], progress: Progress, *, policy: Policy | None = None
) -> dict[str, Any]:
    """`pulumi up`, with the stack's outputs. `namespaces` are watched meanwhile; `policy` stands in for the stack file's.

    Raises BadInputError where the policy does not fit the cluster, CannotMeasureError where the cluster lacks something, or where
    something stands in the way of a pod: within a minute, however long Pulumi itself would wait.
    """
    check(api, plan)
    return bring_up(api, stack, namespaces, progress, policy=policy)


def bring_up(
    api: KubeApi, stack: KubeStack, namespaces: Sequence[str], progress: Progress, *, policy: Policy | None = None
) -> dict[str, Any]:
    """As `roll_out`, on a cluster that has been checked."""
    watch = StackWatch(api, namespaces)
    try:
        return stack.up(progress, policy=policy, watch=watch)
    except CannotMeasureError as error:
        raise watch.explain(error) from None


def applier(
    api: KubeApi, stack: KubeStack, plan: Plan, namespaces: Sequence[str], progress: Progress
) -> Callable[[Policy], None]:
    """`KubernetesPlatform`'s `apply_policy`: the stack with another policy than its file says, the file left alone."""

    def apply(policy: Policy) -> None:
        wanted = Plan(plan.platform, policy, plan.namespace, installs_gateway=plan.installs_gateway)
        roll_out(api, stack, wanted, namespaces, progress, policy=policy)

    return apply
