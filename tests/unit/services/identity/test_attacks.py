"""Every way to pass for somebody that is known of, one a row; and the tokens that must pass."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from identity_tokens import EXPECTED, NOW, Clock, Keys, Signer, claims, encoded, heard, principal, segment, verifier_of

from services.common.errors.raised import ServiceError
from services.common.tokens.authenticator import Authenticator, bearer_token
from services.common.tokens.principal import Role
from services.common.tokens.revocations import Revocations
from services.common.tokens.verifier import TokenVerifier

OURS = Signer()
OTHER = Signer("key-2")
STRANGER = Signer("key-1")
"""Says that it is us."""
GOOD = {"alg": "EdDSA", "kid": "key-1", "typ": "at+jwt"}

Forge = Callable[[], str]


def keyed_hash(algorithm: str, secret: bytes) -> str:
    """As where a verifier takes a public key for the secret of an HMAC."""
    start = f"{segment({**GOOD, 'alg': algorithm})}.{segment(claims())}"
    return f"{start}.{encoded(hmac.digest(secret, start.encode(), {'HS256': 'sha256', 'HS512': 'sha512'}[algorithm]))}"


def public_pem() -> bytes:
    return OURS.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def with_payload(**changed: object) -> str:
    """The header and the signature of a good token around another payload."""
    header, _, signature = OURS.token().split(".")
    return f"{header}.{segment({**claims(), **changed})}.{signature}"


def with_header(header: object) -> str:
    return OURS.signed(header, claims())


def embedded_key() -> str:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": encoded(STRANGER.public.public_bytes_raw())}
    return STRANGER.token(header={"jwk": jwk, "jku": "http://127.0.0.1/jwks.json", "x5u": "http://127.0.0.1/x"})


ATTACKS: list[tuple[str, str, Forge]] = [
    # The algorithm.
    ("alg none, nothing signed", "unauthenticated", lambda: f"{segment({**GOOD, 'alg': 'none'})}.{segment(claims())}."),
    ("alg none with a signature's length", "unauthenticated", lambda: f"{segment({**GOOD, 'alg': 'none'})}.{segment(claims())}.{'A' * 86}"),
    ("alg none, really signed", "unauthenticated", lambda: with_header({**GOOD, "alg": "none"})),
    ("HS256 with the public key", "unauthenticated", lambda: keyed_hash("HS256", OURS.public.public_bytes_raw())),
    ("HS512 with the public key, as long as a signature of ours", "unauthenticated", lambda: keyed_hash("HS512", OURS.public.public_bytes_raw())),
    ("HS512 with the public key in PEM", "unauthenticated", lambda: keyed_hash("HS512", public_pem())),
    ("alg in other letters", "unauthenticated", lambda: with_header({**GOOD, "alg": "eddsa"})),
    ("the newer name of the algorithm", "unauthenticated", lambda: with_header({**GOOD, "alg": "Ed25519"})),
    ("no alg", "unauthenticated", lambda: with_header({"kid": "key-1", "typ": "at+jwt"})),
    ("alg is a list", "unauthenticated", lambda: with_header({**GOOD, "alg": ["EdDSA"]})),
    # The key.
    ("another key under our name", "unauthenticated", STRANGER.token),
    ("another key, sent along", "unauthenticated", embedded_key),
    ("the id of another key of ours", "unauthenticated", lambda: OURS.token(header={"kid": "key-2"})),
    ("an unknown key", "unauthenticated", lambda: Signer("key-3").token()),
    ("kid is a path", "unauthenticated", lambda: OURS.token(header={"kid": "../../x"})),
    ("kid is /dev/null", "unauthenticated", lambda: OURS.token(header={"kid": "/dev/null"})),
    ("kid is SQL", "unauthenticated", lambda: OURS.token(header={"kid": "x' OR '1'='1"})),
    ("kid is an address", "unauthenticated", lambda: OURS.token(header={"kid": "http://127.0.0.1/key"})),
    ("kid ends early", "unauthenticated", lambda: OURS.token(header={"kid": "key-1\x00"})),
    ("kid with a line break", "unauthenticated", lambda: OURS.token(header={"kid": "key-1\n"})),
    ("kid is a number", "unauthenticated", lambda: OURS.token(header={"kid": 1})),
    ("kid is a list", "unauthenticated", lambda: OURS.token(header={"kid": ["key-1"]})),
    ("kid is empty", "unauthenticated", lambda: OURS.token(header={"kid": ""})),
    ("no kid", "unauthenticated", lambda: OURS.token(header={"kid": None})),
    # The header.
    ("an ID token", "unauthenticated", lambda: OURS.token(header={"typ": "JWT"})),
    ("no typ", "unauthenticated", lambda: OURS.token(header={"typ": None})),
    ("an extension that must be understood", "unauthenticated", lambda: OURS.token(header={"crit": ["exp2"], "exp2": 1})),
    ("a payload that is not base64", "unauthenticated", lambda: OURS.token(header={"b64": False, "crit": ["b64"]})),
    ("a header that is a list", "unauthenticated", lambda: with_header([GOOD])),
    ("a header that is no JSON", "unauthenticated", lambda: with_header(b"{alg}")),
    ("a header nested beyond reason", "unauthenticated", lambda: f"{encoded(b'[' * 2000)}.{segment(claims())}.{'A' * 86}"),
    # The times.
    ("expired", "token_expired", lambda: OURS.token(exp=NOW - 5)),
    ("issued in the future", "unauthenticated", lambda: OURS.token(iat=NOW + 6)),
    ("not yet valid", "unauthenticated", lambda: OURS.token(nbf=NOW + 6)),
    ("nbf that is no number", "unauthenticated", lambda: OURS.token(nbf="soon")),
    ("exp is a text", "unauthenticated", lambda: OURS.token(exp=str(NOW + 540))),
    ("exp is true", "unauthenticated", lambda: OURS.token(exp=True)),
    ("exp has a fraction", "unauthenticated", lambda: OURS.token(exp=NOW + 0.5)),
    ("exp is not a number", "unauthenticated", lambda: OURS.token(exp=float("nan"))),
    ("exp is infinite", "unauthenticated", lambda: OURS.token(exp=float("inf"))),
    ("exp is endless", "unauthenticated", lambda: OURS.token(exp=10**30)),
    ("exp is before 1970", "unauthenticated", lambda: OURS.token(exp=-1)),
    # Whom it is from and for.
    ("another issuer", "unauthenticated", lambda: OURS.token(iss="urn:other")),
    ("an issuer that begins alike", "unauthenticated", lambda: OURS.token(iss=EXPECTED.issuer + "/")),
    ("another audience", "unauthenticated", lambda: OURS.token(aud="urn:other")),
    ("several audiences", "unauthenticated", lambda: OURS.token(aud=[EXPECTED.audience, "urn:other"])),
    ("an audience as a list", "unauthenticated", lambda: OURS.token(aud=[EXPECTED.audience])),
    *[(f"no {name}", "unauthenticated", lambda name=name: OURS.token(**{name: None})) for name in claims()],
    ("an empty sub", "unauthenticated", lambda: OURS.token(sub="")),
    ("sub is a number", "unauthenticated", lambda: OURS.token(sub=17)),
    ("roles is a text", "unauthenticated", lambda: OURS.token(roles="admin")),
    ("roles holds a list", "unauthenticated", lambda: OURS.token(roles=[["admin"]])),
    ("ver is a text", "unauthenticated", lambda: OURS.token(ver="9")),
    # Tampering.
    ("more roles", "unauthenticated", lambda: with_payload(roles=["admin"])),
    ("another user", "unauthenticated", lambda: with_payload(sub="18")),
    ("a longer life", "unauthenticated", lambda: with_payload(exp=NOW + 10**6)),
    ("a signature of zeros", "unauthenticated", lambda: OURS.token().rsplit(".", 1)[0] + "." + "A" * 86),
    ("no signature", "unauthenticated", lambda: OURS.token().rsplit(".", 1)[0] + "."),
    ("half a token", "unauthenticated", lambda: OURS.token().rsplit(".", 1)[0]),
    ("padding behind it", "unauthenticated", lambda: OURS.token() + "=="),
    ("a blank behind it", "unauthenticated", lambda: OURS.token() + " "),
    ("a line break behind it", "unauthenticated", lambda: OURS.token() + "\n"),
    ("a fourth part", "unauthenticated", lambda: OURS.token() + ".AAAA"),
    ("an encrypted token's five parts", "unauthenticated", lambda: "AAAA.BBBB.CCCC.DDDD.EEEE"),
    ("a payload that is a list", "unauthenticated", lambda: OURS.signed(GOOD, [claims()])),
    ("a payload that is no JSON", "unauthenticated", lambda: OURS.signed(GOOD, b"\xff\xfe")),
    ("longer than any token", "unauthenticated", lambda: OURS.token(more="x" * 4096)),
    ("a refresh token", "unauthenticated", lambda: "k" * 43),
    ("nothing", "unauthenticated", lambda: ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "code", "forge"), ATTACKS, ids=[row[0] for row in ATTACKS])
def test_refused(name: str, code: str, forge: Forge):
    with pytest.raises(ServiceError) as caught:
        verifier_of(OURS, OTHER).verify(forge(), NOW)
    assert caught.value.code == code
    assert caught.value.headers == {"www-authenticate": 'Bearer error="invalid_token"'}


@pytest.mark.parametrize(("gloss", "changed"), [
    ("as issued", {}),
    ("its last second, by a clock that is ahead", {"exp": NOW - 4}),
    ("its first second, by a clock that is behind", {"iat": NOW + 5}),
    ("nbf like iat", {"nbf": NOW - 60}),
    ("a claim that nobody asked for", {"shoe_size": 43}),
])  # fmt: skip
def test_accepted(gloss: str, changed: dict):
    found = verifier_of(OURS, OTHER).verify(OURS.token(**changed), NOW)
    assert found == principal(issued_at=changed.get("iat", NOW - 60), expires_at=changed.get("exp", NOW + 540)), gloss


def test_an_unknown_role_lets_nobody_do_anything():
    assert verifier_of(OURS).verify(OURS.token(roles=["staff", "root"]), NOW).roles == {Role.staff}


def test_what_was_good_expires_and_is_revoked_like_all_else():
    revocations = heard()
    verifier = verifier_of(OURS, revocations=revocations)
    token = OURS.token()
    assert verifier.verify(token, NOW) == verifier.verify(token, NOW + 1)
    with pytest.raises(ServiceError, match="expired"):
        verifier.verify(token, NOW + 545)
    for revoked in (heard(sessions=("session-1",)), heard(users=(("17", 4),))):
        verifier = verifier_of(OURS, revocations=revoked)
        with pytest.raises(ServiceError, match="token_expired: The access token was revoked"):
            verifier.verify(token, NOW)


def test_a_key_that_is_gone_takes_with_it_what_it_signed():
    keys = Keys({"key-1": OURS.public})
    verifier = TokenVerifier(keys, heard(), EXPECTED)
    token = OURS.token()
    assert verifier.verify(token, NOW)
    keys.known = {"key-1": OTHER.public}
    with pytest.raises(ServiceError) as caught:
        verifier.verify(token, NOW)
    assert caught.value.code == "unauthenticated"


def test_nobodys_token_is_taken_while_nobody_can_tell_what_is_revoked():
    clock = Clock(0)
    for revocations in (Revocations(clock=clock), heard(clock)):
        verifier = verifier_of(OURS, revocations=revocations)
        clock.now += 5.1
        with pytest.raises(ServiceError) as caught:
            verifier.verify(OURS.token(), NOW)
        assert (caught.value.code, caught.value.retry_after_seconds) == ("temporarily_unavailable", 1)


@pytest.mark.parametrize(("gloss", "headers"), [
    ("no header", []),
    ("another scheme", ["Basic dTpw"]),
    ("no scheme", [OURS.token()]),
    ("no token", ["Bearer"]),
    ("two headers", [f"Bearer {OURS.token()}", f"Bearer {OURS.token()}"]),
])  # fmt: skip
def test_a_header_without_one_bearer_token(gloss: str, headers: list[str]):
    with pytest.raises(ServiceError) as caught:
        bearer_token(headers)
    assert caught.value.code == "unauthenticated", gloss


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_schemes_case_does_not_matter(scheme: str):
    assert bearer_token([f"{scheme} a.b.c"]) == "a.b.c"


def test_a_new_key_is_looked_for_once_and_found():
    async def tell() -> None:
        keys = Keys({"key-1": OURS.public}, fresh={"key-2": OTHER.public})
        authenticator = Authenticator(TokenVerifier(keys, heard(), EXPECTED), keys, clock=Clock())
        assert (await authenticator.principal([f"Bearer {OTHER.token()}"])).user_id == "17"
        assert keys.looked == 1
        with pytest.raises(ServiceError) as caught:
            await authenticator.principal([f"Bearer {Signer('key-9').token()}"])
        assert caught.value.code == "unauthenticated"

    asyncio.run(tell())


def test_without_any_key_nobody_is_told_that_the_token_is_wrong():
    async def tell() -> None:
        keys = Keys({})
        authenticator = Authenticator(TokenVerifier(keys, heard(), EXPECTED), keys, clock=Clock())
        with pytest.raises(ServiceError) as caught:
            await authenticator.principal([f"Bearer {OURS.token()}"])
        assert caught.value.code == "temporarily_unavailable"

    asyncio.run(tell())


def test_a_refusal_does_not_repeat_the_token():
    token = with_payload(roles=["admin"])
    with pytest.raises(ServiceError) as caught:
        verifier_of(OURS).verify(token, NOW)
    said = json.dumps([str(caught.value), caught.value.detail, caught.value.headers])
    assert all(part not in said for part in token.split("."))
