"""One Prometheus: range queries in pieces that it answers, and its failures as errors that a person can act on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from urllib3.util.retry import Retry

from scaleproof.spec.errors import BadInputError, CannotMeasureError, ScaleproofError

TIMEOUT_SECONDS: Final = 5
MOST_POINTS: Final = 10_000
"""Points a query; Prometheus refuses more than 11,000 (web/api/v1: query_range)."""

Series = dict[str, Any]
"""`metric`: its labels; `values`: pairs of Unix seconds and a number as text."""


class Moments:
    """The steps of a time range, in pieces that Prometheus answers in one query."""

    def __init__(self, start: float, end: float, step_seconds: int) -> None:
        self.step_seconds = step_seconds
        self.start, self.end = math.ceil(start), math.floor(end)

    def pieces(self) -> Iterator[tuple[datetime, datetime]]:
        """First and last moment of each piece."""
        length = self.step_seconds * (MOST_POINTS - 1)
        first = self.start
        while first <= self.end:
            last = min(self.end, first + length)
            yield datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC)
            first += length + self.step_seconds


class PrometheusServer:
    """Raises BadInputError where `url` is no address; nothing is asked yet."""

    def __init__(self, url: str, bearer_token: str | None = None, *, patience_seconds: float = 0.0) -> None:
        """`patience_seconds`: how long an answer to a query may take, where that is longer than a connection may."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BadInputError(f"{url!r} is not the address of a Prometheus", hint="such as http://127.0.0.1:9090")
        self.url = url.rstrip("/")
        self._patience_seconds = max(TIMEOUT_SECONDS, patience_seconds)
        self._client = PrometheusConnect(
            url=self.url,
            headers={"Authorization": f"Bearer {bearer_token}"} if bearer_token else {},
            # The library tries again for longer than a person waits.
            retry=Retry(total=0, read=False),
            timeout=(TIMEOUT_SECONDS, self._patience_seconds),  # type: ignore[arg-type]  # handed to requests, which takes a pair
        )

    def series(self, query: str, moments: Moments, what: str) -> Iterator[list[Series]]:
        """The answers to one PromQL expression, a list a piece; `what` names it in errors."""
        for first, last in moments.pieces():
            try:
                found = self._client.custom_query_range(query, start_time=first, end_time=last, step=str(moments.step_seconds))
                found = [{"metric": dict(one["metric"]), "values": list(one["values"])} for one in found]
            except (PrometheusApiClientException, requests.RequestException, KeyError, TypeError, ValueError) as error:
                raise self._explained(error, what) from None
            yield found

    def _explained(self, error: Exception, what: str) -> ScaleproofError:
        text = str(error)
        if isinstance(error, PrometheusApiClientException):
            if "Status Code 400" in text or "Status Code 422" in text:
                return BadInputError(f"Prometheus refuses {what}: {text}", hint="correct that query")
            if "Status Code 401" in text or "Status Code 403" in text:
                return CannotMeasureError(f"Prometheus at {self.url} wants authentication", hint="give a bearer token")
            return CannotMeasureError(f"Prometheus at {self.url} fails: {text}", hint="see its log")
        if isinstance(error, requests.ReadTimeout) and self._patience_seconds > TIMEOUT_SECONDS:
            return CannotMeasureError(
                f"Prometheus at {self.url} does not answer {what} within {self._patience_seconds:g} s",
                hint="ask for less time or with a larger step, or record the expression by a rule",
            )
        if isinstance(error, requests.ConnectionError | requests.Timeout):
            return CannotMeasureError(
                f"Prometheus at {self.url} cannot be reached within {TIMEOUT_SECONDS} s",
                hint="is the address right, and is it up? In a cluster: kubectl port-forward service/prometheus 9090",
            )
        return CannotMeasureError(f"{self.url} does not answer like a Prometheus ({text})", hint="check the address")
