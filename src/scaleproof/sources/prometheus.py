"""A run's platform side out of a Prometheus: the tables replicas, gateway, decisions and events of `telemetry.tables`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from scaleproof.sources.prometheus_queries import PrometheusQueries
from scaleproof.sources.prometheus_server import Moments, PrometheusServer
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.telemetry.run import empty_table
from scaleproof.telemetry.tables import TABLES

REPLICA_VALUES: Final = ("cpu_cores", "throttled_share", "memory_bytes", "ready", "draining", "failed")
DECISION_VALUES: Final = ("current_replicas", "desired_replicas", "utilization", "target")


def read_run_tables(
    url: str,
    start: float,
    end: float,
    queries: PrometheusQueries,
    services: Iterable[str],
    *,
    step_seconds: int = 1,
    bearer_token: str | None = None,
) -> Mapping[str, pd.DataFrame]:
    """What Prometheus saw of the services between two Unix times; `time_s` counts from `start`.

    Replicas have one row a pod and step. Decisions have one row a step: what the HorizontalPodAutoscaler published, without
    its reasons, which Prometheus does not have. Their times are as fine as Prometheus' scrape interval.

    Raises BadInputError where the address, the times or a query is wrong; CannotMeasureError where Prometheus does not answer
    within 5 s, or knows no pod of a service.
    """
    server = PrometheusServer(url, bearer_token)
    if not start < end:
        raise BadInputError(f"the time range ends ({end:.0f}) before it begins ({start:.0f})", hint="give the start first")
    answer = partial(_matrix, server, queries, moments=Moments(start, end, step_seconds))
    replicas, gateway, decisions = [], [], []
    for service in services:
        found = {name: answer(name, service) for name in ("exists", *REPLICA_VALUES)}
        if found["exists"].empty:
            raise CannotMeasureError(
                f"Prometheus at {url} knows no pod of {service!r} between {_utc(start)} and {_utc(end)}",
                hint=f"does this find any: {queries.render('exists', service)} — if not, override the queries' names",
            )
        replicas.append(_replica_rows(service, found, start))
        gateway.append(_gateway_rows(service, answer("gateway_buckets", service), queries, start))
        values = {name: answer(name, service) for name in DECISION_VALUES}
        decisions.append(_decision_rows(service, values, start))
    table = _table("replicas", replicas)
    return {
        "replicas": table,
        "gateway": _table("gateway", gateway),
        "decisions": _table("decisions", decisions),
        "events": _table("events", [_events(table)]),
    }


def _matrix(server: PrometheusServer, queries: PrometheusQueries, name: str, service: str, moments: Moments) -> pd.DataFrame:
    """One query's answer: columns time (Unix seconds), value, and one a label. Empty where nothing matched."""
    answers = server.series(queries.render(name, service), moments, f"the query {name!r} of {service!r}")
    frames = [
        pd.DataFrame(one["values"], columns=["time", "value"]).assign(**one["metric"]) for piece in answers for one in piece
    ]
    if not frames:
        return pd.DataFrame({"time": [], "value": []}, dtype=np.float64)
    frame = pd.concat(frames, ignore_index=True)
    return frame.assign(time=frame["time"].astype(np.float64), value=frame["value"].astype(np.float64))


def _replica_rows(service: str, found: Mapping[str, pd.DataFrame], start: float) -> pd.DataFrame:
    rows = _by_pod(found["exists"], "exists")
    for name in REPLICA_VALUES:
        rows = rows.join(_by_pod(found[name], name), how="left")
    rows = rows.reset_index().sort_values(["pod", "time"], ignore_index=True)
    is_ready = rows["ready"].fillna(0) > 0
    was_ready = is_ready.groupby(rows["pod"]).cummax()
    state = np.select(
        [rows["draining"].notna(), rows["failed"].fillna(0) > 0, is_ready, was_ready],
        ["draining", "failed", "ready", "unready"],
        "starting",
    )
    return pd.DataFrame(
        {
            "time_s": rows["time"] - start,
            "service": service,
            "replica": rows["pod"],
            "state": state,
            # A pod without a sample yet, or without a CPU limit, has used nothing that anyone saw.
            "cpu_cores": rows["cpu_cores"].fillna(0.0),
            "throttled_share": rows["throttled_share"].fillna(0.0),
            "memory_bytes": rows["memory_bytes"].fillna(0).astype(np.int64),
        }
    )


def _by_pod(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    if frame.empty:
        empty = pd.MultiIndex.from_arrays([pd.Index([], dtype=object), np.zeros(0)], names=["pod", "time"])
        return pd.DataFrame({name: np.zeros(0)}, index=empty)
    if "pod" not in frame:
        raise BadInputError(f"the query {name!r} answers without the label `pod`", hint="aggregate it `by (pod)`")
    grouped: pd.DataFrame = frame.groupby(["pod", "time"])[["value"]].max()
    return grouped.rename(columns={"value": name})


def _gateway_rows(service: str, frame: pd.DataFrame, queries: PrometheusQueries, start: float) -> pd.DataFrame:
    if frame.empty:
        return empty_table("gateway")
    if "le" not in frame:
        raise BadInputError("the query 'gateway_buckets' answers without the label `le`", hint="aggregate it `by (le)`")
    rows = pd.DataFrame(
        {
            "time_s": frame["time"] - start,
            "service": service,
            "upper_bound_s": frame["le"].astype(np.float64) * queries.gateway_unit_seconds,
            "count": frame["value"].round().astype(np.int64),
        }
    )
    return rows.sort_values(["time_s", "upper_bound_s"], ignore_index=True)


def _decision_rows(service: str, values: Mapping[str, pd.DataFrame], start: float) -> pd.DataFrame:
    columns = [frame.groupby("time")["value"].max().rename(name) for name, frame in values.items()]
    rows = pd.concat(columns, axis=1).sort_index().dropna(subset=["current_replicas", "desired_replicas"])
    if rows.empty:
        return empty_table("decisions")
    current, desired = rows["current_replicas"].astype(np.int32), rows["desired_replicas"].astype(np.int32)
    return pd.DataFrame(
        {
            "time_s": rows.index.to_numpy(dtype=np.float64) - start,
            "service": service,
            "current_replicas": current.to_numpy(),
            "desired_replicas": desired.to_numpy(),
            "reason": "",
            "message": [
                f"{have} -> {want} replicas, as the cluster's autoscaler published"
                for have, want in zip(current, desired, strict=True)
            ],
            "utilization": rows["utilization"].to_numpy(dtype=np.float64),
            "target": rows["target"].to_numpy(dtype=np.float64),
        }
    )


def _events(replicas: pd.DataFrame) -> pd.DataFrame:
    """Created, ready, draining and stopped, out of the replicas' states. Whoever is there at the start or end is no event."""
    rows = []
    begin, finish = replicas["time_s"].min(), replicas["time_s"].max()
    for (service, replica), life in replicas.groupby(["service", "replica"], sort=False):
        changes = life[life["state"] != life["state"].shift()]
        for moment, state in zip(changes["time_s"], changes["state"], strict=True):
            kind = {"starting": "created", "ready": "ready", "draining": "draining", "failed": "crashed"}.get(state)
            if moment > begin and kind is not None:
                rows.append((moment, kind, service, replica, "seen by Prometheus"))
        if (last := life["time_s"].max()) < finish:
            rows.append((last, "stopped", service, replica, "seen by Prometheus"))
    return pd.DataFrame(rows, columns=TABLES["events"].names)


def _table(name: str, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if not part.empty]
    if not filled:
        return empty_table(name)
    table: pd.DataFrame = pd.concat(filled).sort_values("time_s", kind="stable", ignore_index=True)[TABLES[name].names]
    return table


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
