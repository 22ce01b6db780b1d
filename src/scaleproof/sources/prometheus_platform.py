"""A platform whose replicas, gateway and decisions are read from a Prometheus instead of from the platform itself."""

from __future__ import annotations

from collections.abc import Mapping

from scaleproof.simulator.calibration import Stamp
from scaleproof.sources.prometheus import read_run_tables
from scaleproof.sources.prometheus_queries import PrometheusQueries
from scaleproof.spec.policy import Policy
from scaleproof.tuner.ports import Observations, ServiceState, TargetPlatform


class PrometheusPlatform:
    """`tuner.ports.TargetPlatform`: everything is passed on, but `observe` answers from a Prometheus.

    The machine's own table (`host`) stays the platform's.
    """

    def __init__(self, platform: TargetPlatform, url: str, services: tuple[str, ...], bearer_token: str | None = None) -> None:
        self._platform = platform
        self._url = url
        self._bearer_token = bearer_token
        self._services = services
        self._queries = PrometheusQueries()
        self.name = platform.name

    def observe(self, start: float, end: float) -> Observations:
        """What Prometheus saw between two Unix times, and the machine as the platform saw it."""
        own = self._platform.observe(start, end)
        seen = read_run_tables(self._url, start, end, self._queries, self._services, bearer_token=self._bearer_token)
        return Observations(tables={**own.tables, **seen})

    def stamp(self) -> Stamp:
        """The platform's."""
        return self._platform.stamp()

    def apply(self, policy: Policy) -> None:
        """The platform's."""
        self._platform.apply(policy)

    def hold(self, replicas: Mapping[str, int]) -> None:
        """The platform's."""
        self._platform.hold(replicas)

    def release(self) -> None:
        """The platform's."""
        self._platform.release()

    def settle(self, timeout_seconds: float) -> None:
        """The platform's."""
        self._platform.settle(timeout_seconds)

    def states(self) -> Mapping[str, ServiceState]:
        """The platform's."""
        return self._platform.states()
