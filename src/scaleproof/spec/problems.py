"""What a gateway answers by itself, as problem documents (RFC 9457): the same on every target. Pure.

Both renderings of the spec, Envoy's own configuration and Envoy Gateway's policies, take it from here. A platform's services answer
with the same codes where they share one; `tests/unit/services/errors` holds the reference platform's table against this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scaleproof.spec.gateway import Gateway

MEDIA_TYPE: Final = "application/problem+json"
DOCUMENTATION: Final = "/docs/errors#"
_UNIT_SECONDS: Final = {"Second": 1, "Minute": 60, "Hour": 3600}


@dataclass(frozen=True)
class GatewayProblem:
    """One kind of answer. Texts hold no `%` and no `"`: both renderings are formats of Envoy."""

    status: int
    code: str
    title: str
    detail: str
    retry_after_seconds: int | None = None

    @property
    def members(self) -> dict[str, str | int]:
        """Of the document, those that are the same each time."""
        return {
            "type": DOCUMENTATION + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }


MALFORMED: Final = GatewayProblem(
    400, "malformed_request", "The request cannot be read", "The request is not well-formed, or its body is not JSON."
)
UNAUTHENTICATED: Final = GatewayProblem(401, "unauthenticated", "Sign in first", "No valid access token came with the request.")
NOT_FOUND: Final = GatewayProblem(404, "not_found", "Nothing is here", "Nothing is at this path.")
RATE_LIMITED: Final = GatewayProblem(429, "rate_limited", "Too many requests", "More requests came than the limit allows.")
INTERNAL: Final = GatewayProblem(
    500, "internal_error", "Something went wrong here", "The service met something that nobody has foreseen."
)

PROBLEMS: Final = (
    MALFORMED,
    UNAUTHENTICATED,
    GatewayProblem(403, "forbidden", "Not allowed", "The user is known and may not do this."),
    NOT_FOUND,
    GatewayProblem(
        408, "request_timeout", "The request took too long to arrive", "The request did not arrive completely in time."
    ),
    GatewayProblem(413, "payload_too_large", "The body is too large", "The body is larger than 64 KiB."),
    RATE_LIMITED,
    GatewayProblem(431, "headers_too_large", "The headers are too large", "The headers of the request are too large together."),
    INTERNAL,
    GatewayProblem(
        502, "dependency_failed", "A service behind this one failed", "A service that this one needs answered with an error."
    ),
    GatewayProblem(
        503,
        "temporarily_unavailable",
        "Not available at present",
        "The service cannot answer at present: a part that it needs cannot be reached.",
        retry_after_seconds=1,
    ),
    GatewayProblem(
        504,
        "deadline_exceeded",
        "It took too long",
        "No answer was ready in time; whether the request was carried out is not known.",
    ),
)
"""By status: a gateway has one answer for each."""


def retry_after_seconds(problem: GatewayProblem, gateway: Gateway) -> int | None:
    """The header Retry-After. A limit says when to come again: after the shortest unit of any, as which one was hit is not known."""
    if problem is RATE_LIMITED:
        return min((_UNIT_SECONDS[limit.unit] for limit in gateway.rate_limits), default=None)
    return problem.retry_after_seconds
