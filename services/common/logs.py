"""Logs of a service: a JSON object a line, with the trace of the request that it is about (docs/telemetry.md)."""

from __future__ import annotations

import logging
import time

from opentelemetry import trace
from pythonjsonlogger.json import JsonFormatter

from services.common.http_client.propagation import serving

QUIET_SECONDS = 60.0
"""The exporter of traces says each second that its collector is away; once a minute is enough."""
_EXPORTERS = "opentelemetry."


class TraceFilter(logging.Filter):
    """Puts the ids of the trace and the span into each record; who logs may say another `trace_id`, with `extra`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """All pass."""
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            record.trace_id = trace.format_trace_id(span.trace_id)
            record.span_id = trace.format_span_id(span.span_id)
        elif not hasattr(record, "trace_id"):
            incoming = serving()
            trace_id = incoming.trace_id if incoming is not None else None
            if trace_id is not None:
                record.trace_id = trace_id
        return True


class ExporterFilter(logging.Filter):
    """Lets one line a minute of OpenTelemetry's own pass."""

    def __init__(self) -> None:
        super().__init__()
        self._last = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it passes."""
        if not record.name.startswith(_EXPORTERS):
            return True
        now = time.monotonic()
        if now - self._last < QUIET_SECONDS:
            return False
        self._last = now
        return True


class LineFormatter(JsonFormatter):
    """`time` is RFC 3339 in UTC; a traceback is one field, so that a record stays one line."""

    def __init__(self, *, service: str, replica: str) -> None:
        super().__init__(
            "{asctime}{levelname}{name}{message}",
            style="{",
            datefmt="%Y-%m-%dT%H:%M:%S",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception"},
            static_fields={"service": service, "replica": replica},
        )
        self.converter = time.gmtime

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """With milliseconds."""
        return f"{super().formatTime(record, datefmt)}.{int(record.msecs):03d}Z"


def set_up_logs(*, service: str, replica: str) -> None:
    """Of the whole process, libraries included, to standard error; from INFO on."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter(service=service, replica=replica))
    handler.addFilter(ExporterFilter())
    handler.addFilter(TraceFilter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
