"""A Locust plug-in: figures for Prometheus at /metrics and readiness at /healthz, on EXPORTER_PORT.

It is given to Locust as one more locustfile and needs nothing but Locust itself, so it runs in any image that has Locust.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from gevent.pywsgi import WSGIServer
from locust import events

QUANTILES = (0.5, 0.9, 0.95, 0.99)


def metrics(environment: Any) -> str:
    """The statistics of the master, or of a Locust that is alone, in Prometheus' text format."""
    lines: list[str] = []
    entries = sorted(environment.stats.entries.values(), key=lambda entry: (entry.name, entry.method or ""))
    _family(lines, "locust_requests_total", "counter", "Requests that were answered or failed.")
    lines += [_sample("locust_requests_total", entry, entry.num_requests) for entry in entries]
    _family(lines, "locust_failures_total", "counter", "Requests that failed.")
    lines += [_sample("locust_failures_total", entry, entry.num_failures) for entry in entries]
    _family(lines, "locust_response_time_seconds", "summary", "Response times since the load began, from sending on.")
    for entry in entries:
        for quantile in QUANTILES:
            seconds = (entry.get_response_time_percentile(quantile) or 0) / 1000
            lines.append(_sample("locust_response_time_seconds", entry, seconds, f',quantile="{quantile}"'))
        lines.append(_sample("locust_response_time_seconds_sum", entry, entry.total_response_time / 1000))
        lines.append(_sample("locust_response_time_seconds_count", entry, entry.num_requests - entry.num_none_requests))
    runner = environment.runner
    _family(lines, "locust_users", "gauge", "Users that run.")
    lines.append(f"locust_users {0 if runner is None else runner.user_count}")
    if hasattr(runner, "clients"):
        _family(lines, "locust_workers", "gauge", "Workers of this master by state.")
        states = [worker.state for worker in list(runner.clients.values())]
        for state in ("ready", "spawning", "running", "missing"):
            lines.append(f'locust_workers{{state="{state}"}} {states.count(state)}')
    return "\n".join(lines) + "\n"


def serve(environment: Any) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """The two pages as a WSGI application."""

    def application(request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = request.get("PATH_INFO")
        if path == "/metrics":
            status, body = "200 OK", metrics(environment)
        elif path == "/healthz":
            status, body = "200 OK", "ok\n"
        else:
            status, body = "404 Not Found", "see /metrics\n"
        start_response(status, [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")])
        return [body.encode()]

    return application


def _family(lines: list[str], name: str, kind: str, help_text: str) -> None:
    lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]


def _sample(name: str, entry: Any, value: float, more: str = "") -> str:
    return f'{name}{{method="{_escaped(entry.method or "")}",name="{_escaped(entry.name)}"{more}}} {value}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@events.init.add_listener
def _on_init(environment: Any, **_: Any) -> None:
    port = os.environ.get("EXPORTER_PORT")
    if port:
        WSGIServer(("0.0.0.0", int(port)), serve(environment), log=None).start()  # noqa: S104  # Prometheus is another pod
