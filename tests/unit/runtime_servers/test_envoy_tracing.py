"""Envoy's own spans, as a collector gets them."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from scaleproof.components.gateway_settings import GatewaySettings
from scaleproof.components.gateway_tracing import gateway_tracing
from scaleproof.runtime import envoy_config
from scaleproof.runtime.envoy import Endpoint, EnvoyGateway
from scaleproof.runtime.otlp import read_spans
from scaleproof.spec.platform import Platform

UPSTREAM = Path(__file__).parents[2] / "gateway" / "upstream.py"
SECRET = "code-of-a-sign-in"
RESOURCES = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}}


class Collector:
    """Keeps what it is sent as it came."""

    def __init__(self):
        self.bodies = bodies = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                # Envoy sends it in chunks.
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                bodies.append(body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def spans(self):
        return [span for body in list(self.bodies) for span in read_spans(body)]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


def platform(endpoint, sampled):
    service = {"command": ["x"], "routes": ["/api/orders"], "resources": RESOURCES, "slo": {"latency_ms": 100, "share": 0.95}}
    return Platform.model_validate(
        {
            "version": 1,
            "name": "shop",
            "services": {"orders": service},
            "telemetry": {"traces": {"endpoint": endpoint, "sampled": sampled}},
        }
    )


@pytest.fixture
def gateway_of(tmp_path, free_port, start, until):
    """An Envoy for a platform, in front of one upstream."""

    def make(spec, endpoint, upstream_port):
        gateway = EnvoyGateway(tmp_path / "envoy", spec, free_port(), free_port(), {}, traces_endpoint=endpoint)
        gateway.prepare()
        gateway.update({"orders": [Endpoint(upstream_port)]})
        start(gateway.command())
        until(gateway.is_ready)
        until(lambda: httpx.get(f"{gateway.url}/api/orders", trust_env=False).status_code == 200)
        return gateway

    return make


@pytest.fixture
def upstream(start, free_port):
    """Its port."""
    port = free_port()
    start([sys.executable, str(UPSTREAM), "orders", str(port)])
    return port


@pytest.mark.parametrize("as_on_kubernetes", [False, True])
def test_a_span_has_the_route_and_no_query(collector, gateway_of, upstream, until, monkeypatch, as_on_kubernetes):
    spec = platform(collector.url, 1.0)
    if as_on_kubernetes:
        # Envoy Gateway has no field for the length of the path; its `tags` become custom tags of this kind.
        tags = gateway_tracing(spec, GatewaySettings())["tags"]
        plain = envoy_config.tracing

        def tracing(traces, endpoint):
            found = plain(traces, endpoint)
            del found["max_path_tag_length"]
            return {**found, "custom_tags": [{"tag": tag, "value": value} for tag, value in tags.items()]}

        monkeypatch.setattr(envoy_config, "tracing", tracing)
    gateway = gateway_of(spec, collector.url, upstream)
    assert httpx.get(f"{gateway.url}/api/orders/7?code={SECRET}", trust_env=False).status_code == 200
    until(lambda: len(collector.spans()) >= 2, 20)
    (span, *_) = collector.spans()
    assert (span.service, span.name, span.kind, span.status) == ("gateway", "/api/orders", "server", 200)
    assert not [body for body in collector.bodies if SECRET.encode() in body]


def test_the_share_is_recorded_and_the_rest_is_told_so(collector, gateway_of, upstream, until):
    gateway = gateway_of(platform(collector.url, 0.1), collector.url, upstream)
    with httpx.Client(base_url=gateway.url, trust_env=False) as client:
        flags = [client.get("/api/orders").json()["headers"]["traceparent"][-2:] for _ in range(600)]
    recorded = flags.count("01")
    assert 30 <= recorded <= 100, "60 ± 5 standard deviations"
    assert flags.count("00") == len(flags) - recorded
    until(lambda: len(collector.spans()) >= recorded, 20)


def test_a_collector_that_is_away_costs_no_request(gateway_of, upstream, free_port):
    endpoint = f"http://127.0.0.1:{free_port()}"
    gateway = gateway_of(platform(endpoint, 1.0), endpoint, upstream)
    with httpx.Client(base_url=gateway.url, trust_env=False) as client:
        assert {client.get("/api/orders").status_code for _ in range(300)} == {200}
