"""The tables of a run, one parquet file each. Times are seconds since the run's start unless a name says otherwise."""

from __future__ import annotations

import pyarrow as pa

SCHEDULE = pa.schema(
    [
        ("action", pa.int32()),  # row number: joins with requests.action
        ("user", pa.int32()),
        ("intended_s", pa.float64()),
        ("journey", pa.string()),
        ("task", pa.string()),
        ("service", pa.string()),  # of the action's first request, as the task declares it
    ]
)
"""Every user's intended actions, drawn in advance from the seed: the trace of the run."""

REQUESTS = pa.schema(
    [
        ("action", pa.int32()),
        ("step", pa.int16()),  # 0 for an action's first request
        ("service", pa.string()),
        ("name", pa.string()),
        ("intended_s", pa.float64()),
        ("sent_s", pa.float64()),
        ("finished_s", pa.float64()),
        ("status", pa.int16()),  # 0 where no response came
        ("ok", pa.bool_()),
        ("error", pa.string()),
    ]
)
"""One row a request. An action whose first request is absent was never sent. A later step is intended when it is sent;
a request without a response by the end of the run has the error `unfinished`. `http 503, retry later` has a Retry-After header: the
server was there and refused for now."""

REPLICAS = pa.schema(
    [
        ("time_s", pa.float64()),
        ("service", pa.string()),
        ("replica", pa.string()),
        ("state", pa.string()),  # starting, ready, unready, draining, failed
        ("cpu_cores", pa.float64()),  # mean since the previous sample
        ("throttled_share", pa.float64()),  # of the time since the previous sample
        ("memory_bytes", pa.int64()),
    ]
)
"""One row a replica and second, from creation to its end."""

GATEWAY = pa.schema(
    [
        ("time_s", pa.float64()),
        ("service", pa.string()),
        ("upper_bound_s", pa.float64()),  # bucket's upper bound, +inf last
        ("count", pa.int64()),  # cumulative over buckets and over time since Envoy's start
    ]
)
"""Envoy's downstream latency histogram per service, at every scrape."""

HOST = pa.schema(
    [
        ("time_s", pa.float64()),
        ("cpu_share", pa.float64()),  # of all cores
        ("steal_share", pa.float64()),
        ("generator_cores", pa.float64()),
        ("gateway_cores", pa.float64()),
        ("datastores_cores", pa.float64()),
        ("generator_lag_s", pa.float64()),  # p95 of (sent - intended) of users that were free
        ("generator_memory_bytes", pa.int64()),
        ("gateway_memory_bytes", pa.int64()),
    ]
)
"""One row a second: the machine, and the load generator's own lateness."""

DECISIONS = pa.schema(
    [
        ("time_s", pa.float64()),
        ("service", pa.string()),
        ("current_replicas", pa.int32()),
        ("desired_replicas", pa.int32()),
        ("reason", pa.string()),  # a reason code of scaleproof.hpa
        ("message", pa.string()),  # that code rendered with its numbers
        ("utilization", pa.float64()),  # per cent of the request; NaN where no metric
        ("target", pa.float64()),
    ]
)
"""Every sync of the autoscaler, also those that changed nothing."""

EVENTS = pa.schema(
    [
        ("time_s", pa.float64()),
        ("kind", pa.string()),  # created, ready, draining, stopped, crashed, restarted, oom_killed, policy_applied
        ("component", pa.string()),  # a service, or envoy, redis, postgres, autoscaler
        ("replica", pa.string()),
        ("message", pa.string()),
    ]
)
"""What happened to the platform."""

SPANS = pa.schema(
    [
        ("time_s", pa.float64()),
        ("trace_id", pa.string()),
        ("span_id", pa.string()),
        ("parent_id", pa.string()),  # empty where a trace begins
        ("service", pa.string()),
        ("name", pa.string()),
        ("kind", pa.string()),  # server, client, …
        ("duration_s", pa.float64()),
        ("status", pa.int16()),  # HTTP's; 0 where there was no answer
        ("failed", pa.bool_()),
        ("peer", pa.string()),  # whom a client's span asked
    ]
)
"""Spans of the requests whose trace was recorded (`telemetry.traces` with `endpoint: local`). The only table that a run may lack."""

TABLES: dict[str, pa.Schema] = {
    "schedule": SCHEDULE,
    "requests": REQUESTS,
    "replicas": REPLICAS,
    "gateway": GATEWAY,
    "host": HOST,
    "decisions": DECISIONS,
    "events": EVENTS,
    "spans": SPANS,
}
OPTIONAL = frozenset({"spans"})
"""Without a file where there is no row."""
