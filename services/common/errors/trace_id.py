"""Which trace a request belongs to: the same as in the gateway's own documents. Source: W3C Trace Context, level 1, section 3.2."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace

TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
REQUEST_ID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
NO_TRACE, NO_PARENT, NO_VERSION = b"0" * 32, b"0" * 16, b"ff"


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A `traceparent` that is valid, in hexadecimal digits."""

    trace_id: str
    parent_id: str
    flags: str


def trace_id_of(scope: Any) -> str:
    """32 hexadecimal digits for an ASGI request: of its span or its `traceparent`, else of Envoy's `x-request-id`, else random."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return trace.format_trace_id(span.trace_id)
    request_id = None
    for name, value in scope["headers"]:
        if name == b"traceparent":
            parent = parse_traceparent(value)
            if parent is not None:
                return parent.trace_id
        elif name == b"x-request-id":
            request_id = parse_request_id(value) or request_id
    return request_id or new_trace_id()


def parse_traceparent(value: bytes) -> TraceParent | None:
    """None where the header is not valid. Later versions may have more fields, version 00 may not."""
    match = TRACEPARENT.fullmatch(value.strip())
    if match is None:
        return None
    version, trace_id, parent_id, flags, more = match.groups()
    if version == NO_VERSION or trace_id == NO_TRACE or parent_id == NO_PARENT or (version == b"00" and more is not None):
        return None
    return TraceParent(str(trace_id, "ascii"), str(parent_id, "ascii"), str(flags, "ascii"))


def parse_request_id(value: bytes) -> str | None:
    """Envoy's `x-request-id`, a UUID, as a trace id; None for another one."""
    return str(value, "ascii").replace("-", "") if REQUEST_ID.fullmatch(value) is not None else None


def new_trace_id() -> str:
    """A random one."""
    return os.urandom(16).hex()
