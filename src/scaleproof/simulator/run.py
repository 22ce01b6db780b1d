"""One simulated run: service by service in the order of calls, then latencies from the callees back to the callers.

A service's CPU, and so its autoscaler, does not depend on how long its callees take (it waits without CPU); its arrivals
depend on its callers alone. That is why services are simulated one after the other, and why a search can keep the callers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaleproof.simulator import autoscaling, layout
from scaleproof.simulator.draws import RunDraws
from scaleproof.simulator.kernel import serve_in_turn, simulate_service
from scaleproof.simulator.model import ServiceSetup
from scaleproof.simulator.outcome import RunOutcome, ServiceOutcome


@dataclass(frozen=True)
class ServedRequests:
    """A service's part of a run before its callees' time is known. One entry a request: its own first, then calls by caller."""

    arrivals: NDArray[np.float64]
    departures: NDArray[np.float64]
    """When the replica's CPU was done with it; NaN where never."""
    status: NDArray[np.int8]
    seconds: NDArray[np.float64]
    decisions: NDArray[np.float64]
    lived: NDArray[np.float64]
    callers: tuple[tuple[str, int, int], ...]
    """(caller, start, end) of the calls within the arrays."""


def serve(setup: ServiceSetup, draws: RunDraws, callers: Mapping[str, ServedRequests]) -> ServedRequests:
    """Run the kernel for one service, given what its callers served."""
    own = draws.requests[setup.name]
    arrivals = [draws.arrivals[setup.name]]
    work, choices = [own.work], [own.choices]
    parts: list[tuple[str, int, int]] = []
    position = arrivals[0].size
    for caller in sorted(callers):
        call = draws.calls.get((caller, setup.name))
        if call is None:
            continue
        arrivals.append(callers[caller].departures[call.caller_request])
        work.append(call.requests.work)
        choices.append(call.requests.choices)
        parts.append((caller, position, position + call.caller_request.size))
        position += call.caller_request.size
    times = np.concatenate(arrivals)
    order = np.argsort(times, kind="stable") if parts else np.arange(times.size)
    sent = order[: int(np.count_nonzero(~np.isnan(times)))]
    settings = setup.settings.copy()
    settings[layout.SYNC_PHASE] = draws.sync_phase[setup.name]
    settings[layout.SCRAPE_PHASE] = draws.scrape_phase
    rows = int(np.ceil(settings[layout.HORIZON]))
    syncs = 0 if setup.hpa.ints[autoscaling.METRIC] == autoscaling.METRIC_NONE else int(rows / settings[layout.SYNC_PERIOD]) + 2
    finished = np.full(sent.size, np.nan)
    status = np.zeros(sent.size, np.int8)
    seconds = np.zeros((rows, layout.SECOND_COLUMNS))
    decisions = np.zeros((syncs, layout.DECISION_COLUMNS))
    lived = np.zeros((setup.initial_replicas + syncs * max(setup.max_replicas, 1), layout.LIVED_COLUMNS))
    decided, ever = simulate_service(
        times[sent], np.concatenate(work)[sent], np.concatenate(choices)[sent], draws.replicas[setup.name], settings,
        setup.hpa.ints, setup.hpa.floats, setup.hpa.rules, setup.hpa.metrics, setup.initial_replicas,
        finished, status, seconds, decisions, lived,
    )  # fmt: skip
    departures = np.full(times.size, np.nan)
    departures[sent] = np.where(status == layout.SERVED_OK, finished, np.nan)
    outcomes = np.zeros(times.size, np.int8)
    outcomes[sent] = status
    if setup.station_seconds > 0:
        departures = through_bottleneck(departures, setup.station_seconds)
    return ServedRequests(times, departures, outcomes, seconds, decisions[:decided], lived[:ever], tuple(parts))


def through_bottleneck(departures: NDArray[np.float64], station_seconds: float) -> NDArray[np.float64]:
    """Every request also passes the shared bottleneck, one after the other, in the order in which replicas let them go."""
    known = np.flatnonzero(~np.isnan(departures))
    order = known[np.argsort(departures[known], kind="stable")]
    result = departures.copy()
    result[order] = serve_in_turn(departures[order], station_seconds)
    return result


def finish(
    setups: Mapping[str, ServiceSetup],
    order: tuple[str, ...],
    draws: RunDraws,
    served: Mapping[str, ServedRequests],
    *,
    until_steady: bool,
) -> RunOutcome:
    """Latencies of all services, callees first, and the outcome of the run."""
    latencies: dict[str, NDArray[np.float64]] = {}
    outcomes: dict[str, ServiceOutcome] = {}
    for name in reversed(order):
        setup, part = setups[name], served[name]
        timeout = setup.settings[layout.TIMEOUT]
        waits = [draws.requests[name].wait_seconds]
        waits += [draws.calls[caller, name].requests.wait_seconds for caller, _, _ in part.callers]
        latency = part.departures - part.arrivals + np.concatenate(waits)
        slowest_call = np.zeros(latency.size)
        for callee in order:
            call = draws.calls.get((name, callee))
            if call is None:
                continue
            start = next(begin for caller, begin, _ in served[callee].callers if caller == name)
            callee_latency = latencies[callee][start : start + call.caller_request.size]
            np.maximum.at(slowest_call, call.caller_request, callee_latency)
        latency += slowest_call
        latency[~(latency <= timeout)] = np.inf
        latencies[name] = latency
        own = draws.arrivals[name].size
        status = part.status[:own].copy()
        status[(status == layout.SERVED_OK) & np.isinf(latency[:own])] = layout.LOST
        outcomes[name] = ServiceOutcome(
            service=name,
            arrivals=part.arrivals[:own],
            latency_seconds=latency[:own],
            status=status,
            seconds=part.seconds,
            decisions=part.decisions,
            lived=part.lived,
            slo_seconds=setup.slo_seconds,
            request_cores=setup.request_cores,
            duration_seconds=float(setup.settings[layout.DURATION]),
            steady_replicas=setup.initial_replicas,
        )
    duration = max(outcome.duration_seconds for outcome in outcomes.values())
    end = duration
    if until_steady:
        horizon = max(outcome.seconds.shape[0] for outcome in outcomes.values())
        back = max(outcome.steady_at_seconds for outcome in outcomes.values())
        end = max(duration, min(float(horizon), back))
    in_order = {name: outcomes[name] for name in sorted(outcomes)}
    return RunOutcome(seed=draws.seed, phase=draws.phase, services=in_order, cost_until_seconds=end)
