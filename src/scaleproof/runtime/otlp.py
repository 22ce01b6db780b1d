"""OTLP's protobuf as spans. Raises ValueError for what is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from scaleproof.telemetry.spans import Span

_KINDS: Final = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
_STATUSES: Final = ("http.response.status_code", "http.status_code")
"""Of the conventions since 1.20, and before; Envoy has the second."""
_PEERS: Final = ("peer.service", "service.peer.name")
_ERROR: Final = 2
_MOST_CHARACTERS: Final = 200
"""Of a name: it comes from anybody."""


def read_spans(body: bytes) -> list[Span]:
    """What one request of an exporter holds."""
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise ValueError("not an OTLP request") from error
    return list(_spans(request))


def _spans(request: Any) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = str(_attributes(resource.resource.attributes).get("service.name", ""))[:_MOST_CHARACTERS]
        for scope in resource.scope_spans:
            for span in scope.spans:
                attributes = _attributes(span.attributes)
                yield Span(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    service=service,
                    name=span.name[:_MOST_CHARACTERS],
                    kind=_KINDS.get(span.kind, ""),
                    start_s=span.start_time_unix_nano / 1e9,
                    duration_s=max(0, span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                    status=_status(_first(attributes, _STATUSES)),
                    failed=span.status.code == _ERROR,
                    peer=str(_first(attributes, _PEERS) or "")[:_MOST_CHARACTERS],
                )


def _attributes(pairs: Any) -> dict[str, object]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}


def _first(attributes: Mapping[str, object], names: Sequence[str]) -> object:
    return next((attributes[name] for name in names if name in attributes), None)


def _status(value: object) -> int:
    """Envoy writes it as text."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) == 3 else 0  # noqa: PLR2004 - digits of an HTTP status
