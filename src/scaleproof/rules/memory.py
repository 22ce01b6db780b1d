"""Memory: of replicas against what was measured, of Redis against what it keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scaleproof.rules.facts import Facts
from scaleproof.rules.rule import Fault, Rule, at
from scaleproof.rules.workload import amount, containers
from scaleproof.spec.manifest_file import Manifest
from scaleproof.spec.quantity import byte_value, memory_quantity

MAXMEMORY_SHARE: Final = 0.9
"""Of the container's limit: buffers and fragmentation need the rest."""
_SERVER: Final = re.compile(r"(^|/)(redis|valkey)(-stack-server|-server)?(:|@|$)")
_REDIS_UNITS: Final = {"": 1, "b": 1, "k": 10**3, "kb": 2**10, "m": 10**6, "mb": 2**20, "g": 10**9, "gb": 2**30}
"""redis.conf: "1k => 1000 bytes, 1kb => 1024 bytes"."""
_REDIS_SIZE: Final = re.compile(r"(\d+)([a-z]*)")


def _limit_below_peak(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        known, limit = facts.calibrated(workload.name), workload.limits.memory_bytes
        if known is not None and limit is not None and limit < known.memory_peak_bytes:
            yield Fault(
                f"{workload.name}: a memory limit of {memory_quantity(limit)}, a replica took {memory_quantity(known.memory_peak_bytes)}",
                workload.resources_spot("limits", "memory"),
                workload.name,
            )


def _request_below_peak(facts: Facts) -> Iterator[Fault]:
    for workload in facts.workloads:
        known, request = facts.calibrated(workload.name), workload.requests.memory_bytes
        if known is not None and request is not None and request < known.memory_peak_bytes:
            yield Fault(
                f"{workload.name}: a memory request of {memory_quantity(request)}, a replica took "
                f"{memory_quantity(known.memory_peak_bytes)}",
                workload.resources_spot("requests", "memory"),
                workload.name,
            )


def _request_above_limit(facts: Facts) -> Iterator[Fault]:
    for manifest in facts.scalable():
        for index, container in enumerate(containers(manifest)):
            for resource in ("cpu", "memory"):
                asked, allowed = amount(container, "requests", resource), amount(container, "limits", resource)
                if asked is not None and allowed is not None and asked > allowed:
                    listed = container["resources"]
                    yield Fault(
                        f"container {container.get('name', index)} of {manifest.name}: {resource} request {listed['requests'][resource]}, "
                        f"limit {listed['limits'][resource]}",
                        at(manifest, "spec", "template", "spec", "containers", index, "resources", "requests", resource),
                        manifest.name,
                    )


def _working_set(facts: Facts) -> Iterator[Fault]:
    redis = facts.platform.redis if facts.platform is not None else None
    if redis is None or redis.working_set is None:
        return
    if byte_value(redis.memory) < byte_value(redis.working_set):
        yield Fault(f"Redis has {redis.memory}, the services keep {redis.working_set} in it", at("platform", "redis", "memory"))


def _without_policy(facts: Facts) -> Iterator[Fault]:
    for manifest, index, container in _servers(facts):
        options = _options(container)
        if options is not None and ("maxmemory" not in options or "maxmemory-policy" not in options):
            missing = [name for name in ("maxmemory", "maxmemory-policy") if name not in options]
            yield Fault(
                f"Redis of {manifest.kind} {manifest.name}: no {' and no '.join(missing)}",
                at(manifest, "spec", "template", "spec", "containers", index),
                manifest.name,
            )


def _maxmemory_above_limit(facts: Facts) -> Iterator[Fault]:
    for manifest, index, container in _servers(facts):
        most, limit = redis_bytes((_options(container) or {}).get("maxmemory", "")), amount(container, "limits", "memory")
        if most is not None and limit is not None and most > MAXMEMORY_SHARE * limit:
            yield Fault(
                f"Redis of {manifest.kind} {manifest.name}: maxmemory {memory_quantity(most)} of a limit of {memory_quantity(limit)}",
                at(manifest, "spec", "template", "spec", "containers", index, "resources", "limits", "memory"),
                manifest.name,
            )


def redis_bytes(text: str) -> int | None:
    """`100mb` as redis.conf means it; None where it is no size, or 0, which means no limit."""
    match = _REDIS_SIZE.fullmatch(text.strip().lower())
    if match is None or match[2] not in _REDIS_UNITS:
        return None
    return int(match[1]) * _REDIS_UNITS[match[2]] or None


def _servers(facts: Facts) -> Iterator[tuple[Manifest, int, Mapping[str, Any]]]:
    for manifest in facts.scalable():
        for index, container in enumerate(containers(manifest)):
            if _SERVER.search(str(container.get("image", ""))):
                yield manifest, index, container


def _options(container: Mapping[str, Any]) -> dict[str, str] | None:
    """The server's options on its command line; None where a file, a script or the image's own variables say them, which are not read."""
    words = [str(word) for part in ("command", "args") for word in container.get(part) or []]
    mounted = [str(mount.get("mountPath", "")) for mount in container.get("volumeMounts") or [] if isinstance(mount, dict)]
    variables = [str(entry.get("name", "")) for entry in container.get("env") or [] if isinstance(entry, dict)]
    if (
        any(word.endswith(".conf") or " " in word.strip() for word in words)
        or any("conf" in path or path.startswith("/etc") for path in mounted)
        or any(name.startswith(("REDIS_", "VALKEY_")) for name in variables)
    ):
        return None
    options: dict[str, str] = {}
    for position, word in enumerate(words):
        if word.startswith("--"):
            following = words[position + 1] if position + 1 < len(words) else ""
            options[word.removeprefix("--").lower()] = "" if following.startswith("--") else following
    return options


RULES: Final = (
    Rule(
        id="memory-limit-below-peak",
        title="The memory limit is below what a replica took",
        severity="error",
        why="The kernel kills the replica at the peak, with all requests that it holds; its load goes to the others, which follow.",
        fix="raise limits.memory above the measured peak and 15 %",
        check=_limit_below_peak,
    ),
    Rule(
        id="memory-request-below-peak",
        title="The memory request is below what a replica took",
        severity="warning",
        why="The scheduler packs nodes by requests. When all replicas of a node are at their peak, the kubelet evicts some of them.",
        fix="set requests.memory to the measured peak and 15 %: `scaleproof tune` does",
        check=_request_below_peak,
    ),
    Rule(
        id="request-above-limit",
        title="A request above its limit",
        severity="error",
        why="The API server refuses the pod, so that no new replica ever comes.",
        fix="raise the limit, or lower the request",
        check=_request_above_limit,
    ),
    Rule(
        id="redis-memory-below-working-set",
        title="Redis is smaller than what is kept in it",
        severity="error",
        why="A cache that does not hold its working set evicts what is asked for next: the database gets the load that the cache was there for.",
        fix="raise `redis.memory` above the working set, or keep entries for a shorter time",
        check=_working_set,
    ),
    Rule(
        id="redis-without-memory-policy",
        title="Redis without maxmemory and its policy",
        severity="warning",
        why="Without maxmemory Redis grows until the kernel kills it; without a policy it refuses writes when full.",
        fix="set maxmemory to 60–75 % of the limit, and maxmemory-policy to allkeys-lru (a cache) or noeviction (state)",
        check=_without_policy,
    ),
    Rule(
        id="redis-maxmemory-above-limit",
        title="maxmemory leaves nothing of the container's limit",
        severity="error",
        why="Buffers, fragmentation and the copy while a file is written come on top of maxmemory: the kernel kills Redis before it evicts.",
        fix="set maxmemory to 60–75 % of the container's memory limit",
        check=_maxmemory_above_limit,
    ),
)
