"""Where spans go: made at start, drained at the end. The SDK reads its own standard variables (OTEL_…)."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from services.common.settings import ServiceSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

CLOSE_SECONDS = 1.0
"""How long the end of a replica waits for a collector: it comes after up to 7 s of draining, and SIGKILL after 10 s."""


class Tracing:
    """The spans of one process: a bounded queue, sent in batches by a thread of its own. A full queue drops, it never waits."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self.tracer: Tracer = provider.get_tracer("services.common")

    async def open(self) -> None:
        """An adapter's first call; the thread runs already."""

    async def close(self) -> None:
        """Send what is left, but no longer than CLOSE_SECONDS: the SDK itself would wait 30 s for a collector that is silent."""
        last = threading.Thread(target=self._provider.shutdown, name="traces-shutdown", daemon=True)
        last.start()
        await asyncio.to_thread(last.join, CLOSE_SECONDS)


def create_tracing(settings: ServiceSettings) -> Tracing | None:
    """None where nothing is sent: then nothing of the SDK is imported either (0.14 CPU-seconds of the start)."""
    if not settings.sends_traces:
        return None
    from opentelemetry import trace  # noqa: PLC0415 - see above
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say is the operator's word.
    resource = Resource({"service.instance.id": settings.replica}).merge(Resource.create())
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": settings.service}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return Tracing(provider)
