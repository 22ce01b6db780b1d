"""What Envoy answers by itself, as problem documents. Pure.

`local_reply_config` changes Envoy's own answers alone: what a service answers passes as it is. The first mapper that fits is taken.
Sources: envoyproxy.io, "Local reply modification"; "Access logging" (the operators between percent signs).
"""

from __future__ import annotations

from typing import Any, Final

from scaleproof.spec.gateway import Gateway
from scaleproof.spec.problems import INTERNAL, MALFORMED, MEDIA_TYPE, PROBLEMS, GatewayProblem, retry_after_seconds

Json = dict[str, Any]
_TYPES: Final = "type.googleapis.com/envoy"
_NAMESPACE: Final = "problem"
_TRACE_ID: Final = "trace_id"


def local_replies(gateway: Gateway) -> Json:
    """`local_reply_config` of a connection manager."""
    exact = [_mapper(problem, problem.status, "EQ", gateway) for problem in PROBLEMS]
    # Statuses without an entry of their own keep their number. Below 400 Envoy answers with redirects, which have no body.
    others = [_mapper(problem, problem.status, "GE", gateway) for problem in (INTERNAL, MALFORMED)]
    return {"mappers": [*exact, *others]}


def trace_id_filter() -> Json:
    """An HTTP filter that finds the request's trace id, for the documents: of its `traceparent`, else its `x-request-id` without dashes.

    A tracer's own `%TRACE_ID%` is not known to local replies. The reference platform's services take the same one.
    """
    return {
        "name": "envoy.filters.http.header_to_metadata",
        "typed_config": {
            "@type": f"{_TYPES}.extensions.filters.http.header_to_metadata.v3.Config",
            # The later one wins.
            "request_rules": [
                _rule("x-request-id", r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})", r"\1\2\3\4\5"),
                _rule("traceparent", r"[0-9a-f]{2}-([0-9a-f]{32})-.*", r"\1"),
            ],
        },
    }


def _rule(header: str, pattern: str, substitution: str) -> Json:
    # What does not fit is taken whole by the second half of the pattern, and becomes nothing: no value is set. (Patterns are as
    # short as Envoy wants them: 100 instructions.)
    rewrite = {"pattern": {"regex": f"^(?:{pattern}|.*)$"}, "substitution": substitution}
    value = {"metadata_namespace": _NAMESPACE, "key": _TRACE_ID, "type": "STRING", "regex_value_rewrite": rewrite}
    return {"header": header, "on_header_present": value, "remove": False}


def _mapper(problem: GatewayProblem, status: int, comparison: str, gateway: Gateway) -> Json:
    # The formatter escapes what it inserts, and leaves out what is not known.
    document = {
        **problem.members,
        "status": "%RESPONSE_CODE%",
        "instance": "%PATH(NQ)%",
        "trace_id": f"%DYNAMIC_METADATA({_NAMESPACE}:{_TRACE_ID})%",
    }
    found: Json = {
        "filter": {
            "status_code_filter": {
                "comparison": {
                    "op": comparison,
                    "value": {"default_value": status, "runtime_key": f"problems.{comparison}.{status}"},
                }
            }
        },
        "body_format_override": {"json_format": document, "content_type": MEDIA_TYPE, "omit_empty_values": True},
    }
    seconds = retry_after_seconds(problem, gateway) if comparison == "EQ" else None
    if seconds is not None:
        header = {"key": "retry-after", "value": str(seconds)}
        found["headers_to_add"] = [{"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]
    return found
