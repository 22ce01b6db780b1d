"""Which trace a request belongs to: the same as in the gateway's own documents. Source: W3C Trace Context, level 1, section 3.2."""

from __future__ import annotations

import os
import re
from typing import Any

TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
REQUEST_ID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
NO_TRACE, NO_PARENT, NO_VERSION = b"0" * 32, b"0" * 16, b"ff"


def trace_id_of(scope: Any) -> str:
    """32 hexadecimal digits for an ASGI request: of its `traceparent`, else of the `x-request-id` that Envoy gives it, else random."""
    request_id = None
    for name, value in scope["headers"]:
        if name == b"traceparent":
            trace_id = parse_traceparent(value)
            if trace_id is not None:
                return trace_id
        elif name == b"x-request-id" and REQUEST_ID.fullmatch(value) is not None:
            request_id = str(value, "ascii").replace("-", "")
    return request_id or new_trace_id()


def parse_traceparent(value: bytes) -> str | None:
    """Its trace id, None where the header is not valid. Later versions may have more fields, version 00 may not."""
    match = TRACEPARENT.fullmatch(value.strip())
    if match is None:
        return None
    version, trace, parent, more = match.groups()
    if version == NO_VERSION or trace == NO_TRACE or parent == NO_PARENT or (version == b"00" and more is not None):
        return None
    return str(trace, "ascii")


def new_trace_id() -> str:
    """A random one."""
    return os.urandom(16).hex()
