"""Connections of all replicas together, against what the servers accept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import Fault, Rule, at
from scaleproof.rules.workload import Workload
from scaleproof.spec.platform import Service


def _database(facts: Facts) -> Iterator[Fault]:
    if facts.platform is None or facts.platform.postgres is None:
        return
    server = facts.platform.postgres
    usable = server.max_connections - server.reserved_connections
    needed, terms = _needed(facts, lambda service: service.postgres_connections)
    if needed > usable:
        yield Fault(
            f"the services open up to {needed:,} connections ({terms}), but PostgreSQL has {server.max_connections:,} less "
            f"{server.reserved_connections} reserved",
            at("platform", "postgres", "max_connections"),
        )


def _redis(facts: Facts) -> Iterator[Fault]:
    if facts.platform is None or facts.platform.redis is None:
        return
    needed, terms = _needed(facts, lambda service: service.redis_connections)
    if needed > facts.platform.redis.max_clients:
        yield Fault(
            f"the services open up to {needed:,} connections ({terms}), but Redis accepts {facts.platform.redis.max_clients:,}",
            at("platform", "redis", "max_clients"),
        )


def _needed(facts: Facts, each: Callable[[Service], int | None]) -> tuple[int, str]:
    """Of all replicas at maxReplicas and while they are rolled out, with the sum in words. Services that say nothing count nothing."""
    terms, needed = [], 0
    for workload in facts.workloads:
        service = facts.platform.services.get(workload.name) if facts.platform is not None else None
        connections = each(service) if service is not None and workload.source == "policy" else None
        if connections:
            needed += connections * _most(workload)
            terms.append(
                f"{workload.name} {connections} × ({workload.autoscaling.max_replicas} + {workload.surge} while rolling out)"
            )
    return needed, ", ".join(terms)


def _most(workload: Workload) -> int:
    return workload.autoscaling.max_replicas + workload.surge


RULES: Final = (
    Rule(
        id="connections-over-database-limit",
        title="More database connections than PostgreSQL accepts",
        severity="error",
        why="At maxReplicas every pool is full. The replicas that come last get `too many clients`, and fail just when they are needed; a "
        "rollout adds its surge on top.",
        fix="make the pools smaller, lower maxReplicas, raise `postgres.max_connections`, or put a pooler such as PgBouncer between",
        check=_database,
    ),
    Rule(
        id="connections-over-redis-limit",
        title="More Redis connections than it accepts",
        severity="error",
        why="Beyond maxclients Redis closes new connections at once: the last replicas run without their cache, and load the database.",
        fix="open fewer connections a replica, lower maxReplicas, or raise `redis.max_clients` and the server's file limit",
        check=_redis,
    ),
)
