"""What the simulator refuses: nothing is extrapolated beyond what the calibration measured."""

from __future__ import annotations

from dataclasses import dataclass

from scaleproof.simulator.calibration import Calibration
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.policy import Policy


@dataclass(frozen=True)
class Beyond:
    """One thing that a policy would need and the calibration does not know."""

    field: str
    message: str
    hint: str


def beyond(calibration: Calibration, policy: Policy) -> list[Beyond]:
    """Everything in which the policy leaves what was measured; empty where the simulator may answer.

    - More replicas than were measured at once, where a shared bottleneck stopped their growth: how it goes on is not known.
    - Another CPU limit: start-up, burn and the bottleneck were measured under the calibrated one.
    A rate above `highest_rate_per_replica` is no such thing: in overload the quota decides, and the quota is known.
    """
    found = []
    for name, service in policy.services.items():
        known = calibration.services.get(name)
        if known is None:
            continue
        most = service.autoscaling.max_replicas
        if known.bottleneck is not None and most > known.highest_replicas:
            found.append(
                Beyond(
                    field=f"services.{name}.autoscaling.maxReplicas",
                    message=f"{most} replicas, but growth was limited by {known.bottleneck} "
                    f"and at most {known.highest_replicas} were measured",
                    hint=f"set maxReplicas to {known.highest_replicas} or fewer, or calibrate with more replicas",
                )
            )
        limit = service.resources.limits.cpu_millicores
        if limit != known.limit_millicores:
            found.append(
                Beyond(
                    field=f"services.{name}.resources.limits.cpu",
                    message=f"a limit of {limit}m, but {known.limit_millicores}m was measured",
                    hint="calibrate again with this limit",
                )
            )
    return found


def refuse_beyond(calibration: Calibration, policy: Policy) -> None:
    """Raises BadInputError with the first thing that would have to be extrapolated."""
    for item in beyond(calibration, policy):
        raise BadInputError(f"{item.field}: {item.message}", hint=item.hint)
