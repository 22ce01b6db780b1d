"""What the needs cost by a price file. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from scaleproof.spec.plan_files import Prices
from scaleproof.tuner.growth_plan.needs import NODES, PLATFORM, Needs
from scaleproof.tuner.growth_plan.samples import Amount, Figure


@dataclass(frozen=True)
class Cost:
    """In the price file's currency."""

    hour: Figure
    """At the peak."""
    month: Figure
    """The file's hours a month at its mean share of the peak."""


def cost_of(needs: Needs, prices: Prices) -> Cost:
    """By nodes where a node has a price; otherwise by the reserved cores and GiB of all parts that run on the nodes."""
    if prices.node_hour is not None:
        source = needs[NODES, "nodes"]
        hourly = source.samples * prices.node_hour
    else:
        source = needs[PLATFORM, "cores_reserved"]
        memory = needs[PLATFORM, "memory_reserved_bytes"].samples / 2**30
        hourly = source.samples * (prices.core_hour or 0.0) + memory * (prices.gib_hour or 0.0)
    monthly = hourly * prices.hours_per_month * prices.mean_share
    return Cost(
        hour=Amount(hourly, extrapolated=source.extrapolated, assumed=source.assumed).figure(),
        month=Amount(monthly, extrapolated=source.extrapolated, assumed=source.assumed).figure(),
    )
