"""`telemetry.traces.endpoint: local`: a receiver of OTLP over HTTP on loopback, a process of its own beside the supervisor.

It keeps what calls between services are read from, and nothing else; for looking at single traces there are collectors.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from scaleproof.runtime.otlp import read_spans
from scaleproof.runtime.span_file import SpanFile
from scaleproof.spec.tracing import TRACES_PATH

MOST_BYTES = 16 * 2**20
"""Of one request, unpacked; an exporter's batch has some 200 KB."""
MEDIA_TYPE = "application/x-protobuf"


def create_receiver(file: SpanFile) -> web.Application:
    """The application: one path, and one for whether it is there."""

    async def receive(request: web.Request) -> web.Response:
        if request.content_type != MEDIA_TYPE:
            return web.Response(status=415, text=f"expected {MEDIA_TYPE}\n")
        try:
            file.append(read_spans(await request.read()))
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        return web.Response(body=ExportTraceServiceResponse().SerializeToString(), content_type=MEDIA_TYPE)

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(text="ready\n")

    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_post(TRACES_PATH, receive)
    app.router.add_get("/readyz", ready)
    return app


def main() -> None:
    """Until it is told to end: port, folder."""
    web.run_app(
        create_receiver(SpanFile(Path(sys.argv[2]))),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=None,
        print=None,
        shutdown_timeout=1.0,
    )


if __name__ == "__main__":
    main()
