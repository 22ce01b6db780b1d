"""What the identity service is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from services.common.settings import ServiceSettings, SettingsError, read_count, read_text
from services.common.tokens.expected import Expected
from services.common.tokens.settings import read_expected
from services.identity.oidc.provider_settings import ProviderSettings, read_providers
from services.identity.pem_keys import read_pem_keys
from services.identity.sealing import read_seal
from services.identity.signing_key import SigningKey


@dataclass(frozen=True, kw_only=True)
class KeySettings:
    """Where the signing keys are: KEY_SEAL_FILE opens those in PostgreSQL; those in SIGNING_KEYS_FILE (PEM) are used instead."""

    seal: bytes | None = field(repr=False)
    mounted: Sequence[SigningKey]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings. Raises SettingsError."""
        seal, pem = read_text(environment, "KEY_SEAL"), read_text(environment, "SIGNING_KEYS")
        if not seal and not pem:
            raise SettingsError("neither KEY_SEAL_FILE nor SIGNING_KEYS_FILE is set; expected one of them")
        try:
            opened = read_seal(seal) if seal else None
        except ValueError as error:
            raise SettingsError(f"KEY_SEAL is not a sealing key; {error}") from None
        try:
            return cls(seal=opened, mounted=read_pem_keys(pem) if pem else ())
        except ValueError as error:
            raise SettingsError(f"SIGNING_KEYS: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """And what it signs with and how it hashes."""

    expected: Expected
    keys: KeySettings
    hash_threads: int
    """Passwords hashed at once. More than the replica's cores only make each one slower."""
    hash_waiting: int
    """How many more may wait for that; a replica of 100m takes about 0.3 s for each."""
    providers: Sequence[ProviderSettings]
    """Where else people may sign in."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, service: str) -> Self:
        """Read the settings. Raises SettingsError."""
        common = ServiceSettings.from_environment(environment, service=service)
        return cls(
            **vars(common),
            expected=read_expected(environment),
            keys=KeySettings.from_environment(environment),
            hash_threads=read_count(environment, "HASH_THREADS", default=1),
            hash_waiting=read_count(environment, "HASH_WAITING", default=4),
            providers=read_providers(environment),
        )
