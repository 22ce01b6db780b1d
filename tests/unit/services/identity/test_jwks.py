"""Identity's keys at those who verify: how often they are fetched, what is believed, and what happens without identity."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from identity_tokens import EXPECTED, NOW, Clock, Signer, heard
from service_processes import Replica, free_port

from services.common.errors.raised import ServiceError
from services.common.tokens import identity_reader
from services.common.tokens.authenticator import Authenticator
from services.common.tokens.identity_reader import IdentityReader, IdentityUnreachableError
from services.common.tokens.jwks import AFTER_FAILURE_SECONDS, SOONEST_SECONDS, JwksKeys, jwk_of, parse_jwks
from services.common.tokens.verifier import TokenVerifier

ONE, TWO = Signer("one"), Signer("two")


def key_set(*signers: Signer) -> bytes:
    return json.dumps({"keys": [jwk_of(signer.key_id, signer.public.public_bytes_raw()) for signer in signers]}).encode()


class Identity:
    """Counts how often it is asked."""

    def __init__(self, answer: bytes) -> None:
        self.answer: bytes | None = answer
        self.asked = 0

    async def read(self, path: str) -> bytes:
        assert path == "/.well-known/jwks.json"
        self.asked += 1
        await asyncio.sleep(0)
        if self.answer is None:
            raise IdentityUnreachableError("gone")
        return self.answer


def test_a_timeline():
    async def tell() -> None:
        clock, identity = Clock(0), Identity(key_set(ONE))
        keys = JwksKeys(identity, clock=clock)
        assert not keys.are_current
        assert await keys.look_again()
        known = keys.get("one")
        assert known == ONE.public
        assert keys.get("two") is None

        identity.answer = key_set(ONE, TWO)
        clock.now = SOONEST_SECONDS - 0.1
        assert not await keys.look_again(), "a moment ago"
        clock.now = SOONEST_SECONDS
        assert await keys.look_again()
        assert keys.get("two") == TWO.public
        assert keys.get("one") == known

        identity.answer = None
        clock.now += SOONEST_SECONDS
        assert not await keys.look_again()
        assert keys.get("one") == known, "without identity the keys stay"
        assert not keys.are_current, "and there may be others"
        clock.now += AFTER_FAILURE_SECONDS - 0.1
        assert not await keys.look_again()
        assert identity.asked == 3

        identity.answer = key_set(TWO)
        clock.now += 1
        assert await keys.look_again()
        assert keys.get("one") is None, "retired"
        assert keys.are_current

    asyncio.run(tell())


def test_a_new_key_that_cannot_be_fetched_signs_nobody_out():
    """As in a storm of refreshes, when identity has no time for whoever wants its keys."""

    async def tell() -> None:
        clock, identity = Clock(NOW), Identity(key_set(ONE))
        keys = JwksKeys(identity, clock=clock)
        await keys.look_again()
        authenticator = Authenticator(TokenVerifier(keys, heard(), EXPECTED), keys, clock=clock)

        async def answer_to(signer: Signer) -> str:
            try:
                return (await authenticator.principal([f"Bearer {signer.token()}"])).user_id
            except ServiceError as error:
                return error.code

        clock.now += SOONEST_SECONDS
        identity.answer = None
        assert await answer_to(TWO) == "temporarily_unavailable", "it cannot be told whether it is one of identity's"
        assert await answer_to(TWO) == "temporarily_unavailable", "nor a moment later, when nobody is asked"
        assert await answer_to(ONE) == "17"
        clock.now += AFTER_FAILURE_SECONDS
        identity.answer = key_set(ONE)
        assert await answer_to(TWO) == "unauthenticated", "it is none"
        assert await answer_to(TWO) == "unauthenticated"

    asyncio.run(tell())


def test_many_who_look_at_once_ask_once():
    async def tell() -> None:
        clock, identity = Clock(0), Identity(key_set(ONE))
        keys = JwksKeys(identity, clock=clock)
        assert await asyncio.gather(*(keys.look_again() for _ in range(100))) == [True] * 100
        assert identity.asked == 1
        clock.now = 1
        assert not any(await asyncio.gather(*(keys.look_again() for _ in range(100))))
        assert identity.asked == 1, "whoever invents key ids costs nothing"

    asyncio.run(tell())


@pytest.mark.parametrize("answer", [
    b"", b"{", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b'{"keys": [1, "x", null]}', b"\xff\xfe",
    json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": "AAAA"}]}).encode(),
    json.dumps({"keys": [{"kty": "oct", "kid": "one", "k": "AAAA"}]}).encode(),
])  # fmt: skip
def test_what_is_no_key_set_changes_nothing(answer: bytes):
    async def tell() -> None:
        clock, identity = Clock(0), Identity(key_set(ONE))
        keys = JwksKeys(identity, clock=clock)
        await keys.look_again()
        clock.now, identity.answer = 10, answer
        assert not await keys.look_again()
        assert keys.get("one") == ONE.public

    asyncio.run(tell())


def test_of_a_mixed_key_set_only_our_kind_is_taken():
    ours = jwk_of("one", ONE.public.public_bytes_raw())
    members = [
        {**ours, "kid": "for encryption", "use": "enc"},
        {**ours, "kid": "enc", "use": "enc"},
        {**ours, "kid": "../one"},
        {**ours, "kid": "other", "alg": "HS256"},
        {"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"},
        {**ours, "kid": 1},
        ours,
    ]
    assert set(parse_jwks(json.dumps({"keys": members}).encode())) == {"one"}


def test_read_from_a_running_identity(identity: Replica):
    async def tell() -> None:
        keys = JwksKeys(IdentityReader(identity.url + "/"))
        await keys.open()
        assert keys.are_current
        await keys.close()

    asyncio.run(tell())


class Odd(BaseHTTPRequestHandler):
    """Answers as its path says."""

    def do_GET(self) -> None:
        match self.path:
            case "/moved":
                self.send_response(302)
                self.send_header("location", "/good")
                self.end_headers()
            case "/large":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"x" * 2000)
            case "/nonsense":
                self.wfile.write(b"no HTTP\r\n\r\n")
            case "/silent":
                quiet.wait(5)
            case "/good":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"good")

    def log_message(self, *_: object) -> None:
        pass


quiet = threading.Event()


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    quiet.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["/moved", "/large", "/nonsense", "/silent"])
def test_an_answer_that_is_none(odd: str, path: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identity_reader, "MOST_BYTES", 1000)
    reader = IdentityReader(odd, timeout_seconds=0.2)
    with pytest.raises(IdentityUnreachableError):
        asyncio.run(reader.read(path))
    assert asyncio.run(reader.read("/good")) == b"good"


def test_nobody_listening():
    with pytest.raises(IdentityUnreachableError, match="ConnectionRefusedError"):
        asyncio.run(IdentityReader(f"http://127.0.0.1:{free_port()}").read("/good"))
