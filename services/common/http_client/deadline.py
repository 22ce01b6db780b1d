"""How long a request may still take, on its way from service to service: what travels is the time left, in milliseconds."""

from __future__ import annotations

SENT_HEADER = "x-request-timeout-ms"
"""Not Envoy's own name: Envoy drops `x-envoy-*` of every peer that it is not told to trust, services behind it included."""
READ_HEADERS = frozenset({SENT_HEADER.encode(), b"x-envoy-expected-rq-timeout-ms"})
"""The second is what Envoy sends upstream where its headers are not suppressed; both may be there, the shorter counts."""
_LONGEST_NUMBER = 9


def read_seconds_left(value: bytes) -> float | None:
    """Seconds; None where the header is not a whole number of milliseconds."""
    return int(value) / 1000 if value.isdigit() and len(value) <= _LONGEST_NUMBER else None


def write_seconds_left(seconds: float) -> str:
    """The header; rounded down, so that nobody believes to have more time than there is."""
    return str(max(0, int(seconds * 1000)))
