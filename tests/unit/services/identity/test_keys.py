"""Signing keys: whose turn it is, rotating without a refused request, at rest, and the command."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from identity_accounts import Accounts
from identity_tokens import EXPECTED, Clock, heard, principal
from service_processes import ROOT, DataServer

from services.common.database import DatabaseUnavailableError
from services.common.errors.raised import ServiceError
from services.common.settings import SettingsError
from services.common.tokens.authenticator import Authenticator
from services.common.tokens.claims import write_claims
from services.common.tokens.jwks import JWKS_PATH, REFRESH_SECONDS, JwksKeys
from services.common.tokens.verifier import TokenVerifier
from services.identity import keys as command
from services.identity.key_repository import LIVE_KEYS, StoredKey
from services.identity.key_ring import KeyRing
from services.identity.key_schedule import (
    JWKS_CACHE_SECONDS,
    PUBLISH_SECONDS,
    RELOAD_SECONDS,
    KeyState,
    published_keys,
    signing_key,
    states,
)
from services.identity.key_store import sealed, unsealed
from services.identity.pem_keys import read_pem_keys
from services.identity.policy import TokenPolicy
from services.identity.sealing import SealError, read_seal
from services.identity.settings import KeySettings
from services.identity.setup import setup
from services.identity.signing_key import SigningKey, thumbprint

POLICY = TokenPolicy()
CONCERN = POLICY.concern_seconds
SEAL = bytes(range(32))


@dataclass(frozen=True)
class Named:
    key_id: str
    sign_after: float


FIRST, SECOND = Named("first", 0), Named("second", 1000)


@pytest.mark.parametrize(("now", "first", "second", "gloss"), [
    (-1, "published", "published", "nobody signs yet"),
    (0, "signing", "published", "the first one begins"),
    (999, "signing", "published", "the second one is known, and waits"),
    (1000, "verifying", "signing", "its turn"),
    (1000 + CONCERN, "verifying", "signing", "the first one's last token may live"),
    (1001 + CONCERN, "finished", "signing", "and no longer does"),
])  # fmt: skip
def test_a_timeline_of_two_keys(now: float, first: str, second: str, gloss: str):
    found = states([SECOND, FIRST], now, concern_seconds=CONCERN)
    assert found == [(FIRST, KeyState(first)), (SECOND, KeyState(second))], gloss
    signing = [key for key, state in found if state is KeyState.signing]
    assert signing_key([SECOND, FIRST], now) == (signing[0] if signing else None)
    assert published_keys([FIRST, SECOND], now, concern_seconds=CONCERN) == [
        key for key, state in found if state is not KeyState.finished
    ]


def test_no_keys():
    assert states([], 0, concern_seconds=CONCERN) == []
    assert signing_key([], 0) is None


@given(
    gaps=st.lists(st.floats(PUBLISH_SECONDS, 4000), max_size=6),
    at=st.floats(0, 30_000),
    reload_lag=st.floats(0, RELOAD_SECONDS),
    cached=st.floats(0, 2 * JWKS_CACHE_SECONDS),
    age=st.floats(0, 600 + 5),
)
def test_whoever_signs_is_in_every_cache_from_the_first_token_to_the_end_of_the_last(gaps, at, reload_lag, cached, age):
    """`at`: a token is issued; `age` later it is verified with a key set that was cached for so long, and made by a replica
    that had read the keys so long before."""
    made = [0.0]
    for gap in gaps:
        made.append(made[-1] + gap)
    keys = [Named(f"key-{number}", when if number == 0 else when + PUBLISH_SECONDS) for number, when in enumerate(made)]
    signer = signing_key(keys, at)
    asked = at + age - cached
    known = [key for key, when in zip(keys, made, strict=True) if when <= max(0.0, asked - reload_lag)]
    assert signer in published_keys(known, asked, concern_seconds=CONCERN)


class Store:
    """Keys that a test adds to."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys: list[SigningKey] = list(keys)

    async def load(self) -> Sequence[SigningKey]:
        return list(self.keys)


class Cached:
    """A replica's key set as a cache of 300 s serves it."""

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring, self._clock = ring, clock
        self._body, self._until = b"", -1.0

    async def read(self, path: str) -> bytes:
        assert path == JWKS_PATH
        if self._clock() >= self._until:
            self._body, self._until = self._ring.jwks(), self._clock() + JWKS_CACHE_SECONDS
        return self._body


def test_rotating_every_quarter_of_an_hour_refuses_nobody():
    """Two replicas of identity that read the keys at different times; two verifiers behind caches; a token every five seconds,
    verified at once and at the end of its life."""

    async def tell() -> None:
        clock = Clock(0)
        store = Store(SigningKey.of(Ed25519PrivateKey.generate(), sign_after=0.0))
        rings = [KeyRing(store, concern_seconds=CONCERN, clock=clock) for _ in range(2)]
        for ring in rings:
            await ring.reload()
        key_sets = [JwksKeys(Cached(ring, clock), clock=clock) for ring in rings]
        verifiers = []
        for keys in key_sets:
            await keys.look_again()
            verifiers.append(Authenticator(TokenVerifier(keys, heard(), EXPECTED), keys, clock=clock))
        waiting: list[tuple[float, str]] = []
        signers = set()
        for second in range(5, 5400, 5):
            clock.now = float(second)
            if second % 900 == 0:
                store.keys.append(SigningKey.of(Ed25519PrivateKey.generate(), sign_after=second + PUBLISH_SECONDS))
            for number, ring in enumerate(rings):
                if (second + 15 * number) % RELOAD_SECONDS == 0:
                    await ring.reload()
            for number, keys in enumerate(key_sets):
                if (second + 100 * number) % REFRESH_SECONDS == 0:
                    await keys.look_again()
            issued = principal(issued_at=second, expires_at=second + POLICY.access_seconds)
            for ring in rings:
                token = ring.sign(write_claims(issued, issuer=EXPECTED.issuer, audience=EXPECTED.audience))
                signers.add(token.split(".")[0])
                waiting.append((second + POLICY.access_seconds - 1, token))
                for verifier in verifiers:
                    await verifier.principal([f"Bearer {token}"])
            while waiting and waiting[0][0] <= second:
                clock.now, token = waiting.pop(0)
                for verifier in verifiers:
                    await verifier.principal([f"Bearer {token}"])
                clock.now = float(second)
        assert len(signers) == 6

    asyncio.run(tell())


def test_a_ring_without_a_key_says_that_it_has_none():
    async def tell() -> None:
        clock = Clock(0)
        store = Store(SigningKey.of(Ed25519PrivateKey.generate(), sign_after=10.0))
        ring = KeyRing(store, concern_seconds=CONCERN, clock=clock)
        for empty in (ring.jwks, lambda: ring.sign(b"{}")):
            with pytest.raises(ServiceError, match="temporarily_unavailable"):
                empty()
        assert await ring.look_again()
        assert store.keys[0].key_id in ring.jwks().decode()
        with pytest.raises(ServiceError, match="temporarily_unavailable"):
            ring.sign(b"{}")
        clock.now = 4.9
        assert not await ring.look_again()

    asyncio.run(tell())


def test_a_ring_whose_store_is_away_does_not_know_whether_there_are_other_keys():
    class Away(Store):
        is_away = False

        async def load(self) -> Sequence[SigningKey]:
            if self.is_away:
                raise DatabaseUnavailableError
            return await super().load()

    async def tell() -> None:
        clock = Clock(0)
        store = Away(SigningKey.of(Ed25519PrivateKey.generate(), sign_after=0.0))
        ring = KeyRing(store, concern_seconds=CONCERN, clock=clock)
        assert not ring.are_current
        await ring.reload()
        assert ring.are_current

        clock.now, store.is_away = 5.0, True
        with pytest.raises(DatabaseUnavailableError):
            await ring.look_again()
        assert not await ring.look_again(), "a moment ago"
        assert not ring.are_current
        assert ring.sign(b"{}"), "with those it has it goes on"

    asyncio.run(tell())


# At rest.


def test_the_database_holds_no_plain_key(accounts: Accounts):
    [(key_id, stored, _)] = accounts.rows(LIVE_KEYS)
    key = unsealed(sealed_row(key_id, bytes(stored)), seal=SEAL)
    raw = key.private.private_bytes_raw()
    assert key.key_id == key_id
    everything = accounts.rows("SELECT string_agg(k::text, ';') FROM identity.signing_keys k")[0][0]
    for plain in (raw.hex(), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("=")):
        assert plain not in everything
    assert raw not in bytes(stored)


def sealed_row(key_id: str, stored: bytes) -> StoredKey:
    return StoredKey(key_id, stored, 0.0)


def test_another_seal_another_name_or_a_changed_byte_opens_nothing():
    stored = sealed(SigningKey.of(Ed25519PrivateKey.generate(), sign_after=0.0), seal=SEAL)
    for broken, seal in [
        (stored, bytes(32)),
        (sealed_row("another", stored.sealed_private), SEAL),
        (sealed_row(stored.key_id, stored.sealed_private[:-1] + bytes([stored.sealed_private[-1] ^ 1])), SEAL),
        (sealed_row(stored.key_id, stored.sealed_private[:5]), SEAL),
        (sealed_row(stored.key_id, b""), SEAL),
    ]:
        with pytest.raises(SealError):
            unsealed(broken, seal=seal)


def test_a_key_is_not_in_its_own_description():
    key = SigningKey.of(Ed25519PrivateKey.generate(), sign_after=0.0)
    assert "private" not in repr(key)
    assert repr(KeySettings(seal=SEAL, mounted=())) == "KeySettings(mounted=())"


def test_the_thumbprint_is_that_of_the_standard():
    """RFC 8037, appendix A.3."""
    public = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("text", ["", "AAAA", base64.b64encode(bytes(31)).decode(), "no base64!", "ä" * 44])
def test_a_seal_that_is_none(text: str):
    with pytest.raises(ValueError, match="expected 32 bytes in base64"):
        read_seal(text)


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_of_mounted_keys_the_first_signs_and_all_are_published():
    first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    keys = KeySettings.from_environment({"SIGNING_KEYS": f"# the new one waits\n{pem(first)}\n{pem(second)}"}).mounted
    assert signing_key(keys, 1.8e9).private is not None
    assert signing_key(keys, 1.8e9).public == first.public_key()
    assert [key.public for key in published_keys(keys, 1.8e9, concern_seconds=CONCERN)] == [
        first.public_key(),
        second.public_key(),
    ]


@pytest.mark.parametrize(("environment", "message"), [
    ({}, "neither KEY_SEAL_FILE nor SIGNING_KEYS_FILE is set"),
    ({"KEY_SEAL": "secret"}, "KEY_SEAL is not a sealing key; expected 32 bytes in base64"),
    ({"SIGNING_KEYS": "secret"}, "SIGNING_KEYS: no private key in PEM"),
    ({"SIGNING_KEYS": pem(ec.generate_private_key(ec.SECP256R1()))}, "SIGNING_KEYS: key 1 is not an Ed25519 private key"),
    ({"SIGNING_KEYS": pem(Ed25519PrivateKey.generate()) + "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----"},
     "SIGNING_KEYS: key 2 is not an Ed25519 private key"),
])  # fmt: skip
def test_wrong_keys_are_named_without_repeating_them(environment: dict[str, str], message: str):
    with pytest.raises(SettingsError) as caught:
        KeySettings.from_environment(environment)
    assert str(caught.value).startswith(message)
    assert "secret" not in str(caught.value)


def test_mounted_keys_are_read_in_the_order_of_the_file():
    made = [Ed25519PrivateKey.generate() for _ in range(3)]
    assert [key.public for key in read_pem_keys("".join(map(pem, made)))] == [key.public_key() for key in made]


# The command.


@pytest.fixture
def own_url(postgres: DataServer) -> str:
    """A database with one key, made anew for each test."""
    postgres.server.ensure_databases(["keys"])
    url = postgres.server.database_url("keys")
    setup(url, seal=SEAL, admin=None, now=0.0)
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM identity.signing_keys")
    assert setup(url, seal=SEAL, admin=None, now=0.0)
    return url


class Keys:
    """The command, with a clock of its own."""

    def __init__(self, url: str) -> None:
        self.environment = {"DATABASE_URL": url, "KEY_SEAL": base64.b64encode(SEAL).decode()}
        self.url = url

    def __call__(self, now: float, *arguments: str) -> str:
        parsed = command.read_arguments(arguments)
        return command.run(parsed, self.environment, now)

    def states(self, now: float) -> list[str]:
        return [line.split()[1] for line in self(now, "list").splitlines()]

    def first(self) -> str:
        return self(0, "list").split()[0]


def test_a_rotation_from_the_first_key_to_its_retirement(own_url: str):
    keys = Keys(own_url)
    first = keys.first()
    assert keys.states(0) == ["signing"]
    assert keys(1000, "rotate").endswith("is published and signs from 1970-01-01 00:28:40+00:00 on\n")
    assert keys.states(1000) == ["signing", "published"]
    with pytest.raises(command.RefusedError, match="is published and signs from 1970-01-01 00:28:40"):
        keys(1001, "rotate")
    for now in (1001, 1720, 1721 + CONCERN - 2):
        with pytest.raises(command.RefusedError, match=r"^it is (signing|verifying): tokens of it may be in use"):
            keys(now, "retire", first)
    assert keys.states(1721 + CONCERN) == ["finished", "signing"]
    assert keys(1721 + CONCERN, "retire", first) == f"{first} is retired\n"
    assert keys.states(1721 + CONCERN) == ["signing"]
    with psycopg.connect(own_url) as connection:
        row = connection.execute("SELECT sealed_private FROM identity.signing_keys WHERE key_id = %s", (first,)).fetchone()
    assert row == (b"",), "the private half is gone"
    with pytest.raises(command.RefusedError, match="there is no such key"):
        keys(1721 + CONCERN, "retire", first)


def test_a_stolen_key_goes_at_once_but_not_the_last_one(own_url: str):
    keys = Keys(own_url)
    first = keys.first()
    with pytest.raises(command.RefusedError, match="no other key signs yet: rotate first"):
        keys(5, "retire", first, "--compromised")
    keys(5, "rotate", "--publish-seconds", "0")
    assert keys(5, "retire", first, "--compromised") == f"{first} is retired\n"
    assert keys.states(5) == ["signing"]


@pytest.mark.parametrize("begins", ["-", "--", "-h", "_", ""])
def test_an_id_is_no_option_whatever_it_begins_with(begins: str):
    key_id = begins.ljust(43, "a")
    for arguments in (["retire", key_id, "--compromised"], ["retire", "--compromised", key_id]):
        parsed = command.read_arguments(arguments)
        assert (parsed.verb, parsed.key, parsed.compromised) == ("retire", key_id, True)


def test_with_another_seal_nothing_is_added(own_url: str):
    keys = Keys(own_url)
    keys.environment["KEY_SEAL"] = base64.b64encode(bytes(32)).decode()
    with pytest.raises(SealError):
        keys(5, "rotate")
    assert keys.states(5) == ["signing"]


@pytest.mark.parametrize(("arguments", "url", "code", "message"), [
    (["list"], None, 0, ""),
    (["retire", "no-such-key"], None, 1, "keys: refused: there is no such key"),
    (["list"], "", 2, "keys: DATABASE_URL is not set"),
    ([], None, 2, "usage: python -m services.identity.keys"),
    (["list"], "postgresql://nobody:secret@127.0.0.1:1/x", 3, "keys: PostgreSQL cannot be reached"),
])  # fmt: skip
def test_the_command(own_url: str, arguments: list[str], url: str | None, code: int, message: str):
    environment = {**os.environ, **Keys(own_url).environment, "DATABASE_URL": own_url if url is None else url}
    result = subprocess.run(
        [sys.executable, "-m", "services.identity.keys", *arguments],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (result.returncode, message in result.stderr) == (code, True), result.stderr
    assert "secret" not in result.stderr
    assert "Traceback" not in result.stderr
