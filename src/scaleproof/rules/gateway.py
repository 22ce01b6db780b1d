"""The way in: what the gateway and the load generator hold of so many users."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import Fault, Rule, at
from scaleproof.spec.gateway_behaviour import CONNECTION_RESERVE

ENVOY_GATEWAY_DEFAULT: Final = 1024
"""Envoy's own circuit breaker limits, which Envoy Gateway keeps (gateway.envoyproxy.io, "Circuit Breakers")."""
BREAKERS: Final = ("maxConnections", "maxPendingRequests", "maxParallelRequests")
GENERATOR_RATE: Final = 2000.0
"""Requests/s that one Locust process sends on time: a quarter of what it can send at all."""
GENERATOR_FILES: Final = 200
"""Open files of a generator process beside one a user."""
_UNIT_SECONDS: Final = {"Second": 1.0, "Minute": 60.0, "Hour": 3600.0}


def _circuit_breaker(facts: Facts) -> Iterator[Fault]:
    if facts.users is None:
        return
    for policy in facts.of_kind("BackendTrafficPolicy"):
        breaker = policy.mapping("spec", "circuitBreaker")
        low = {name: _number(breaker.get(name), ENVOY_GATEWAY_DEFAULT) for name in BREAKERS}
        # Whoever sets one of them has thought of users; the other two keep their default.
        too_low = [f"{name} {value:,}" for name, value in low.items() if value < facts.users]
        if too_low:
            field = ("spec", "circuitBreaker") if breaker else ("spec",)
            yield Fault(
                f"BackendTrafficPolicy {policy.name}: {', '.join(too_low)} for {facts.users:,} users", at(policy, *field)
            )


def _connection_limit(facts: Facts) -> Iterator[Fault]:
    if facts.users is None:
        return
    for policy in facts.of_kind("ClientTrafficPolicy"):
        limit = policy.value("spec", "connection", "connectionLimit", "value")
        if isinstance(limit, int) and limit < facts.users:
            yield Fault(
                f"ClientTrafficPolicy {policy.name}: {limit:,} connections for {facts.users:,} users",
                at(policy, "spec", "connection", "connectionLimit", "value"),
            )


def _open_files(facts: Facts) -> Iterator[Fault]:
    if facts.platform is None or facts.users is None or facts.open_files is None:
        return
    # Each user's connection ends at the gateway and goes on to a replica.
    needed = facts.users + CONNECTION_RESERVE
    if facts.open_files < needed:
        yield Fault(
            f"{facts.users:,} users need {needed:,} open files at the gateway, but a process may have {facts.open_files:,} here",
            at("platform", "load", "users"),
        )


def _generator(facts: Facts) -> Iterator[Fault]:
    if facts.platform is None or facts.users is None:
        return
    load = facts.platform.load
    each = facts.users / load.processes
    rate = each / load.mean_think_seconds
    if rate > GENERATOR_RATE:
        yield Fault(
            f"each of {load.processes} generator processes would send {rate:,.0f} requests/s; up to {GENERATOR_RATE:,.0f} are on time",
            at("platform", "load", "processes"),
        )
    elif facts.open_files is not None and each + GENERATOR_FILES > facts.open_files:
        yield Fault(
            f"each of {load.processes} generator processes has {each:,.0f} users, but may open {facts.open_files:,} files here",
            at("platform", "load", "processes"),
        )


def _timeout_below_slo(facts: Facts) -> Iterator[Fault]:
    if facts.platform is None:
        return
    timeout = facts.platform.gateway.request_timeout_seconds
    for name, service in facts.platform.services.items():
        if service.routes and timeout <= service.slo.latency_seconds:
            yield Fault(
                f"the gateway gives up after {timeout:g} s, but {name} may take {service.slo.latency_ms:g} ms within its SLO",
                at("platform", "gateway", "request_timeout_seconds"),
                name,
            )


def _timeout_below_service(facts: Facts) -> Iterator[Fault]:
    if facts.platform is None:
        return
    timeout = facts.platform.gateway.request_timeout_seconds
    for name, service in facts.platform.services.items():
        if service.routes and service.request_timeout_seconds is not None and timeout < service.request_timeout_seconds:
            yield Fault(
                f"the gateway gives up after {timeout:g} s, {name} after {service.request_timeout_seconds:g} s",
                at("platform", "gateway", "request_timeout_seconds"),
                name,
            )


def _rate_limit(facts: Facts) -> Iterator[Fault]:
    if facts.platform is None or facts.users is None:
        return
    load = facts.platform.load
    for index, limit in enumerate(facts.platform.gateway.rate_limits):
        allowed = limit.requests / _UNIT_SECONDS[limit.unit]
        spot = at("platform", "gateway", "rate_limits", index)
        if limit.per == "all":
            needed = facts.users / load.mean_think_seconds
            if allowed < needed:
                yield Fault(f"{allowed:,.4g} requests/s for all, but {facts.users:,} users send {needed:,.4g} requests/s", spot)
        elif limit.per == "client" and allowed < 1 / load.think_seconds[0]:
            yield Fault(
                f"{allowed:,.4g} requests/s a client, but a user sends up to {1 / load.think_seconds[0]:,.4g} requests/s", spot
            )


def _limit_meets_generator(facts: Facts) -> Iterator[Fault]:
    if facts.platform is None or facts.users is None:
        return
    load = facts.platform.load
    for index, limit in enumerate(facts.platform.gateway.rate_limits):
        allowed = limit.requests / _UNIT_SECONDS[limit.unit]
        sent = facts.users / load.mean_think_seconds
        if limit.per == "client" and 1 / load.think_seconds[0] <= allowed < sent:
            yield Fault(
                f"{allowed:,.4g} requests/s an address, but the load's {sent:,.4g} requests/s come from one",
                at("platform", "gateway", "rate_limits", index),
            )


def _number(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


RULES: Final = (
    Rule(
        id="gateway-circuit-breaker-below-users",
        title="The gateway's circuit breaker opens below the users",
        severity="error",
        why="Envoy's circuit breakers count connections, waiting and parallel requests of each backend. Their default is 1,024: when "
        "replicas slow down, the rest of 10,000 users gets 503 long before the replicas are busy.",
        fix="set spec.circuitBreaker.maxConnections, maxPendingRequests and maxParallelRequests above the users, and watch "
        "`upstream_rq_pending_overflow`",
        check=_circuit_breaker,
    ),
    Rule(
        id="gateway-connections-below-users",
        title="The gateway accepts fewer connections than there are users",
        severity="error",
        why="Users keep their connections while they think. Beyond the limit new ones are closed, and these users see nothing at all.",
        fix="set connectionLimit.value above the users, with room for those who come back",
        check=_connection_limit,
    ),
    Rule(
        id="gateway-file-limit-below-users",
        title="A process may open fewer files than the gateway needs",
        severity="error",
        why="Every connection is a file. At the limit Envoy accepts nothing any more: existing users go on, new ones hang.",
        fix="raise the hard limit of open files (`ulimit -Hn`), or load fewer users",
        check=_open_files,
    ),
    Rule(
        id="generator-process-overloaded",
        title="Too many users for a load generator process",
        severity="warning",
        why="A generator that sends late measures itself: seconds are marked as disturbed, and the run gives no verdict.",
        fix="raise `load.processes`; each takes up to a core",
        check=_generator,
    ),
    Rule(
        id="gateway-timeout-below-slo",
        title="The gateway gives up before the SLO's threshold",
        severity="error",
        why="Requests that would still have been good are answered 504, and count as violations.",
        fix="set `gateway.request_timeout_seconds` to several times the longest threshold",
        check=_timeout_below_slo,
    ),
    Rule(
        id="gateway-timeout-below-service",
        title="The gateway gives up before the service does",
        severity="warning",
        why="Under load the replicas go on working for users who have left; that work is missing for those who are there, and the "
        "overload feeds itself.",
        fix="let the service give up first: `request_timeout_seconds` of the service below the gateway's",
        check=_timeout_below_service,
    ),
    Rule(
        id="rate-limit-below-load",
        title="A rate limit refuses the users of the spec",
        severity="error",
        why="At the peak the gateway answers 429 to users whom the platform promises to serve.",
        fix="raise the limit above the peak's rate, or lower `load.users`",
        check=_rate_limit,
    ),
    Rule(
        id="rate-limit-meets-generator",
        title="A limit per address stops the load generator",
        severity="warning",
        why="All simulated users come from the generator's few addresses: the limit that is meant for one user is met by all of them, and "
        "the load measures 429s.",
        fix="count by a header (`per: header`), or leave the limit out of the stack that is measured",
        check=_limit_meets_generator,
    ),
)
