"""`telemetry` in `platform.yaml`: where traces go, and of how many requests. Off unless it is said."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from scaleproof.spec.gateway import HttpUrl
from scaleproof.spec.model import SpecModel

LOCAL: Final = "local"
GATEWAY: Final = "gateway"
"""The service name of the gateway's spans."""
TRACES_PATH: Final = "/v1/traces"
"""Below the endpoint, as OTLP over HTTP has it."""


class TraceExport(SpecModel):
    """OpenTelemetry traces of the gateway and of the services, over OTLP."""

    endpoint: Annotated[
        Literal["local"] | HttpUrl,
        Field(
            description="A collector's address for OTLP over HTTP, such as http://collector:4318. local: scaleproof's own receiver, "
            "of the embedded default alone, whose spans end up in the run."
        ),
    ]
    sampled: Annotated[float, Field(ge=0.0001, le=1)] = Field(
        default=0.01,
        description="Share of the requests whose trace is recorded, in steps of 0.0001 (Envoy's); the gateway decides, the services "
        "follow.",
    )


class Telemetry(SpecModel):
    """What is recorded beside metrics and logs."""

    traces: TraceExport | None = Field(default=None, description="Without it nothing is recorded, and nothing is paid for it.")


def trace_variables(service: str, endpoint: str, sampled: float) -> dict[str, str]:
    """What a service is told: OpenTelemetry's own variables, which any SDK understands."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": service,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": f"{sampled:g}",
        # An SDK that sends by itself would send these to the same address.
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }


def traces_url(endpoint: str) -> str:
    """Where spans are sent to."""
    return endpoint.rstrip("/") + TRACES_PATH
