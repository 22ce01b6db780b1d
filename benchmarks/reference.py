"""What the benchmarks of traffic share: the service that all of them judge on, and a progress nobody sees."""

from __future__ import annotations

from scaleproof.simulator.traffic.service_model import ServiceModel

SERVICE = ServiceModel(
    cpu_seconds_per_request=0.0025,
    capacity_per_second=140,
    request_millicores=250,
    limit_millicores=500,
    start_seconds=(15, 25),
    start_burn_cores=0.3,
    start_burn_seconds=5,
)


class Silence:
    """Of `tuner.ports.Progress`."""

    def stage(self, title: str, seconds: float | None = None) -> None:
        """Nothing."""

    def advance(self, elapsed_seconds: float, note: str = "") -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """Nothing."""
