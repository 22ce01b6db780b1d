"""`telemetry.traces` on Kubernetes."""

import json

import pytest

from scaleproof.components.api_gateway import gateway_manifests
from scaleproof.components.platform_inputs import check
from scaleproof.components.platform_parts import gateway_args, service_args
from scaleproof.spec.errors import BadInputError

ENDPOINT = "http://collector.observability.svc.cluster.local:4318"
TRACES = {"telemetry": {"traces": {"endpoint": ENDPOINT, "sampled": 0.015}}}


def proxies(made):
    found = gateway_manifests(gateway_args(made))
    return {item["metadata"]["name"]: item["spec"] for item in found if item["kind"] == "EnvoyProxy"}


def test_the_public_gateway_makes_spans_and_sends_them_over_grpc(inputs):
    found = proxies(inputs(platform=TRACES, gateway={"traces_port": 14317}))
    tracing = found["gateway"]["telemetry"]["tracing"]
    assert tracing["samplingFraction"] == {"numerator": 15_000, "denominator": 1_000_000}
    assert tracing["provider"] == {
        "type": "OpenTelemetry",
        "serviceName": "gateway",
        "host": "collector.observability.svc.cluster.local",
        "port": 14317,
    }
    assert [name for name, spec in found.items() if "tracing" in spec["telemetry"]] == ["gateway"]


def test_services_are_told_and_may_reach_the_collector(inputs):
    args = service_args(inputs(platform=TRACES), "orders", [])
    told = args.container.environment
    assert (told["OTEL_EXPORTER_OTLP_ENDPOINT"], told["OTEL_SERVICE_NAME"]) == (ENDPOINT, "orders")
    assert (told["OTEL_TRACES_SAMPLER"], told["OTEL_TRACES_SAMPLER_ARG"]) == ("parentbased_traceidratio", "0.015")
    assert [flow for flow in args.egress if not flow.peers and list(flow.ports) == [4318]]


@pytest.mark.parametrize("endpoint", ["local", "https://collector.example:4318"])
def test_what_envoy_gateway_cannot_reach_is_refused(project, endpoint):
    document = json.loads((project / "platform.yaml").read_text())
    (project / "platform.yaml").write_text(json.dumps({**document, "telemetry": {"traces": {"endpoint": endpoint}}}))
    with pytest.raises(BadInputError, match=r"telemetry\.traces\.endpoint: .*expected http://"):
        check(project, "dev")


def test_without_traces_nobody_is_told_anything(inputs):
    made = inputs()
    assert not [name for name in service_args(made, "orders", []).container.environment if name.startswith("OTEL")]
    assert not [spec for spec in proxies(made).values() if "tracing" in spec["telemetry"]]
