"""What a service is told by its environment. Each service's `settings.py` adds what it alone needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

TRACE_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class SettingsError(Exception):
    """An environment variable is missing or wrong; the message names it and what was expected."""


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """Read once at start and passed on; nothing reads the environment later."""

    service: str
    replica: str
    host: str
    port: int
    database_url: str
    redis_url: str | None
    """The state Redis: it refuses to write rather than to forget (`noeviction`)."""
    cache_redis_url: str | None
    """The cache Redis, which forgets what is used least (`allkeys-lru`). Not told of one, the state Redis: good enough to try things
    out, but a full cache would then refuse state, and eviction would lose it."""
    drain_quiet_seconds: float
    """A draining replica goes on serving until no request has arrived for that long."""
    drain_limit_seconds: float
    """The longest it goes on serving; below the time between SIGTERM and SIGKILL."""

    sends_traces: bool = False
    """Whether OTEL_… names a collector; the SDK reads everything else of it by itself (docs/telemetry.md)."""

    most_in_flight: int
    """Requests served at once; more are refused (see `traffic`). A full queue should be worked off well within the SLO: 24 take a
    replica of 100m about 0.2 s."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, service: str) -> Self:
        """Read the settings. Raises SettingsError."""
        return cls(
            service=environment.get("SERVICE", service),
            replica=environment.get("REPLICA", "0"),
            host=environment.get("HOST", "127.0.0.1"),
            port=read_port(environment),
            database_url=read_url(environment, "DATABASE_URL", schemes=("postgresql", "postgres")),
            redis_url=read_redis_url(environment, "REDIS_URL"),
            cache_redis_url=read_redis_url(environment, "CACHE_REDIS_URL") or read_redis_url(environment, "REDIS_URL"),
            drain_quiet_seconds=read_seconds(environment, "DRAIN_QUIET_SECONDS", default=1.0),
            drain_limit_seconds=read_seconds(environment, "DRAIN_LIMIT_SECONDS", default=7.0),
            sends_traces=read_sends_traces(environment),
            most_in_flight=read_count(environment, "MOST_IN_FLIGHT", default=24),
        )


def read_port(environment: Mapping[str, str]) -> int:
    """PORT, 8000 where it is not set."""
    text = environment.get("PORT", "8000")
    if not text.isdecimal() or not 0 < int(text) < 65536:  # noqa: PLR2004 - the greatest TCP port
        raise SettingsError(f"PORT is {text!r}; expected a number from 1 to 65535")
    return int(text)


def read_text(environment: Mapping[str, str], name: str) -> str:
    """The variable; where it is not set, what is in the file that `<NAME>_FILE` names: secrets need not be in the environment.

    Empty where neither is set. Raises SettingsError where the file cannot be read.
    """
    file = environment.get(f"{name}_FILE")
    if name in environment or not file:
        return environment.get(name, "")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_FILE is {file!r}, which cannot be read: {type(error).__name__}") from None


def read_url(environment: Mapping[str, str], name: str, *, schemes: tuple[str, ...]) -> str:
    """A URL with one of these schemes. The value is never repeated in a message: it may hold a password."""
    text = read_text(environment, name)
    example = f"expected a URL such as {schemes[0]}://host:port"
    if not text:
        raise SettingsError(f"{name} is not set; {example}")
    if urlsplit(text).scheme not in schemes:
        raise SettingsError(f"{name} has the scheme {urlsplit(text).scheme!r}; {example}")
    return text


def read_redis_url(environment: Mapping[str, str], name: str) -> str | None:
    """A Redis that a service can do without; None where it is not set. Raises SettingsError."""
    return read_url(environment, name, schemes=("redis",)) if read_text(environment, name) else None


def read_seconds(environment: Mapping[str, str], name: str, *, default: float) -> float:
    """A number of seconds ≥ 0."""
    text = environment.get(name)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:  # noqa: PLR2004 - an hour: nobody drains longer
        raise SettingsError(f"{name} is {text!r}; expected seconds from 0 to 3600")
    return seconds


def read_sends_traces(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's own variables name a collector and do not turn traces off. Raises SettingsError for a wrong one."""
    name = next((name for name in TRACE_ENDPOINTS if environment.get(name)), None)
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"
    if name is None or off or exporter == "none":
        return False
    if exporter != "otlp":
        raise SettingsError(f"OTEL_TRACES_EXPORTER is {exporter!r}; expected otlp or none")
    # The value is not repeated: it may hold a password.
    url = urlsplit(environment[name])
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise SettingsError(f"{name} is no address of a collector; expected a URL such as http://host:4318")
    return True


def read_count(environment: Mapping[str, str], name: str, *, default: int) -> int:
    """A whole number from 1 to 100000."""
    text = environment.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:  # noqa: PLR2004 - more than any replica can hold
        raise SettingsError(f"{name} is {text!r}; expected a whole number from 1 to 100000")
    return int(text)
