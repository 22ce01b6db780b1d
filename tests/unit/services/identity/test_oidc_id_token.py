"""Every way to pass off something as an ID token that is known of, one a row; and the tokens that must pass."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from identity_tokens import NOW, encoded, segment

from services.identity.oidc.id_token import (
    ALGORITHMS,
    BadIdTokenError,
    ExpectedIdToken,
    UnknownKeyError,
    WrongNonceError,
    half_hash,
    verify_id_token,
)

ISSUER, CLIENT, NONCE, ACCESS_TOKEN = "https://id.example", "shop", "the nonce", "an access token"
KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = ec.generate_private_key(ec.SECP256R1())
HEADER = {"alg": "ES256", "kid": "key-1", "typ": "JWT"}
EXPECTED = ExpectedIdToken(
    issuer=ISSUER, client_id=CLIENT, algorithms=frozenset({"ES256"}), nonce=NONCE, access_token=ACCESS_TOKEN
)
LEFT_OUT = object()


def jwk(key: Any = KEY, **changed: object) -> dict[str, Any]:
    """The public half."""
    fields = {"kid": "key-1", "use": "sig", **jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), **changed}
    return {name: value for name, value in fields.items() if value is not LEFT_OUT}


KEYS = [jwk()]


def claims(**changed: object) -> dict[str, Any]:
    fields = {
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": "somebody",
        "nonce": NONCE,
        "iat": NOW,
        "exp": NOW + 300,
        "at_hash": half_hash(ACCESS_TOKEN, "ES256"),
        **changed,
    }
    return {name: value for name, value in fields.items() if value is not LEFT_OUT}


def token(key: Any = KEY, *, header: dict[str, Any] | None = None, **changed: object) -> str:
    """A good one but for what is changed, by hand: PyJWT refuses to write some bad ones."""
    return signed({**HEADER, **(header or {})}, json.dumps(claims(**changed)).encode(), key)


def signed(header: dict[str, Any], payload: bytes, key: Any = KEY) -> str:
    present = {name: value for name, value in header.items() if value is not LEFT_OUT}
    start = f"{segment(present)}.{encoded(payload)}"
    algorithm = jwt.get_algorithm_by_name("ES256")
    return f"{start}.{encoded(algorithm.sign(start.encode(), key))}"


def keyed_hash(algorithm: str, secret: bytes) -> str:
    """As where a verifier takes a public key, or the client's secret, for the secret of an HMAC."""
    start = f"{segment({**HEADER, 'alg': algorithm})}.{segment(claims())}"
    return f"{start}.{encoded(hmac.digest(secret, start.encode(), algorithm.replace('HS', 'sha')))}"


def public_pem() -> bytes:
    return KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def unsigned(algorithm: str, signature: str) -> str:
    return f"{segment({**HEADER, 'alg': algorithm})}.{segment(claims())}.{signature}"


def with_payload(**changed: object) -> str:
    """The header and the signature of a good token around another payload."""
    header, _, signature = token().split(".")
    return f"{header}.{segment(claims(**changed))}.{signature}"


Forge = Callable[[], str]

ATTACKS: list[tuple[str, type[BadIdTokenError], Forge]] = [
    # The algorithm.
    ("alg none, nothing signed", BadIdTokenError, lambda: unsigned("none", "")),
    ("alg none with a signature", BadIdTokenError, lambda: unsigned("none", "A" * 86)),
    ("alg None", BadIdTokenError, lambda: unsigned("None", "A" * 86)),
    ("HS256 with the public key in PEM", BadIdTokenError, lambda: keyed_hash("HS256", public_pem())),
    ("HS256 with the key set's own text", BadIdTokenError, lambda: keyed_hash("HS256", json.dumps(KEYS[0]).encode())),
    ("HS512 with the client's secret", BadIdTokenError, lambda: keyed_hash("HS512", b"the client's secret")),
    ("another algorithm than the provider names", BadIdTokenError, lambda: token(header={"alg": "RS256"})),
    ("alg in small letters", BadIdTokenError, lambda: token(header={"alg": "es256"})),
    ("no alg", BadIdTokenError, lambda: token(header={"alg": LEFT_OUT})),
    ("alg is a list", BadIdTokenError, lambda: token(header={"alg": ["ES256"]})),
    # The key.
    ("another key under the provider's name", BadIdTokenError, lambda: token(STRANGER)),
    ("another key, sent along", BadIdTokenError, lambda: token(STRANGER, header={"jwk": jwk(STRANGER)})),
    ("another key, at an address", BadIdTokenError, lambda: token(STRANGER, header={"jku": "https://evil.example/jwks"})),
    ("an unknown key", UnknownKeyError, lambda: token(header={"kid": "key-2"})),
    ("kid is a path", UnknownKeyError, lambda: token(header={"kid": "../../dev/null"})),
    ("kid is a number", BadIdTokenError, lambda: token(header={"kid": 1})),
    ("kid is empty", UnknownKeyError, lambda: token(header={"kid": ""})),
    # The kind.
    ("an access token (RFC 9068)", BadIdTokenError, lambda: token(header={"typ": "at+jwt"})),
    ("a logout token", BadIdTokenError, lambda: token(header={"typ": "logout+jwt"})),
    ("typ is a list", BadIdTokenError, lambda: token(header={"typ": ["JWT"]})),
    ("an extension that is critical", BadIdTokenError, lambda: token(header={"crit": ["x"], "x": 1})),
    ("a payload that is elsewhere", BadIdTokenError, lambda: token(header={"crit": ["b64"], "b64": False})),
    # The form.
    ("empty", BadIdTokenError, lambda: ""),
    ("two parts", BadIdTokenError, lambda: token().rpartition(".")[0]),
    ("four parts", BadIdTokenError, lambda: token() + ".AAAA"),
    ("no signature", BadIdTokenError, lambda: token().rpartition(".")[0] + "."),
    ("another payload", BadIdTokenError, lambda: with_payload(sub="somebody else")),
    ("not ASCII", BadIdTokenError, lambda: token() + "\ud800"),
    ("long", BadIdTokenError, lambda: token(filling="x" * 16_384)),
    ("a payload that is a list", BadIdTokenError, lambda: signed(HEADER, b"[]")),
    ("a payload that is no JSON", BadIdTokenError, lambda: signed(HEADER, b"{")),
    ("a payload as deep as the stack", BadIdTokenError, lambda: signed(HEADER, b'{"a":' * 1500 + b"1" + b"}" * 1500)),
    # Whose it is.
    ("another issuer", BadIdTokenError, lambda: token(iss="https://evil.example")),
    ("the issuer with a slash more", BadIdTokenError, lambda: token(iss=f"{ISSUER}/")),
    ("issuer is a list", BadIdTokenError, lambda: token(iss=[ISSUER])),
    ("no issuer", BadIdTokenError, lambda: token(iss=LEFT_OUT)),
    ("another client's", BadIdTokenError, lambda: token(aud="another")),
    ("another client's as well", BadIdTokenError, lambda: token(aud=[CLIENT, "another"], azp=CLIENT)),
    ("twice this client's", BadIdTokenError, lambda: token(aud=[CLIENT, CLIENT])),
    ("no audience", BadIdTokenError, lambda: token(aud=LEFT_OUT)),
    ("an empty list of audiences", BadIdTokenError, lambda: token(aud=[])),
    ("audience is an object", BadIdTokenError, lambda: token(aud={CLIENT: 1})),
    ("issued to another client", BadIdTokenError, lambda: token(azp="another")),
    ("azp is a list", BadIdTokenError, lambda: token(azp=[CLIENT])),
    # The time.
    ("expired", BadIdTokenError, lambda: token(iat=NOW - 100, exp=NOW - 30)),
    ("no expiry", BadIdTokenError, lambda: token(exp=LEFT_OUT)),
    ("expiry is a text", BadIdTokenError, lambda: token(exp=str(NOW + 300))),
    ("expiry is true", BadIdTokenError, lambda: token(exp=True)),
    ("expiry is NaN", BadIdTokenError, lambda: token(exp=float("nan"))),
    ("expiry is infinite", BadIdTokenError, lambda: token(exp=float("inf"))),
    ("expiry is out of every range", BadIdTokenError, lambda: token(exp=10**400)),
    ("issued in the future", BadIdTokenError, lambda: token(iat=NOW + 31)),
    ("issued long ago", BadIdTokenError, lambda: token(iat=NOW - 601)),
    ("no time of issue", BadIdTokenError, lambda: token(iat=LEFT_OUT)),
    ("time of issue is null", BadIdTokenError, lambda: token(iat=None)),
    ("not valid yet", BadIdTokenError, lambda: token(nbf=NOW + 31)),
    ("nbf is a text", BadIdTokenError, lambda: token(nbf="now")),
    # What it was made for.
    ("another nonce", WrongNonceError, lambda: token(nonce="another")),
    ("no nonce", WrongNonceError, lambda: token(nonce=LEFT_OUT)),
    ("nonce is a list", WrongNonceError, lambda: token(nonce=[NONCE])),
    ("nonce in other letters", WrongNonceError, lambda: token(nonce=NONCE.upper())),
    ("another access token", BadIdTokenError, lambda: token(at_hash=half_hash("another", "ES256"))),
    ("at_hash is null", BadIdTokenError, lambda: token(at_hash=None)),
    ("at_hash is empty", BadIdTokenError, lambda: token(at_hash="")),
    # Who it is.
    ("no subject", BadIdTokenError, lambda: token(sub=LEFT_OUT)),
    ("an empty subject", BadIdTokenError, lambda: token(sub="")),
    ("subject is a number", BadIdTokenError, lambda: token(sub=17)),
    ("subject with a NUL", BadIdTokenError, lambda: token(sub="some\x00body")),
    ("a long subject", BadIdTokenError, lambda: token(sub="x" * 256)),
    ("a subject that looks like another", BadIdTokenError, lambda: token(sub="s\u043emebody")),
]  # fmt: skip


@pytest.mark.parametrize(("gloss", "error", "forge"), ATTACKS, ids=[gloss for gloss, _, _ in ATTACKS])
def test_attack(gloss: str, error: type[BadIdTokenError], forge: Forge):
    with pytest.raises(BadIdTokenError) as caught:
        verify_id_token(forge(), KEYS, EXPECTED, now=NOW)
    assert caught.type is error
    for secret in (NONCE, ACCESS_TOKEN):
        assert secret not in str(caught.value)


GOOD: list[tuple[str, Forge]] = [
    ("as it should be", token),
    ("without typ", lambda: token(header={"typ": LEFT_OUT})),
    ("typ in small letters", lambda: token(header={"typ": "jwt"})),
    ("without kid, where one key fits", lambda: token(header={"kid": LEFT_OUT})),
    ("its audience in a list", lambda: token(aud=[CLIENT])),
    ("issued to this client", lambda: token(azp=CLIENT)),
    ("without at_hash", lambda: token(at_hash=LEFT_OUT)),
    ("a clock that is slow", lambda: token(iat=NOW + 30, nbf=NOW + 30)),
    ("a clock that is fast", lambda: token(iat=NOW - 300, exp=NOW - 29)),
    ("times with fractions", lambda: token(iat=NOW - 0.5, exp=NOW + 0.5)),
    ("what nobody asked for", lambda: token(roles=["admin"], email="a@example.org")),
]


@pytest.mark.parametrize(("gloss", "forge"), GOOD, ids=[gloss for gloss, _ in GOOD])
def test_good_token(gloss: str, forge: Forge):
    assert verify_id_token(forge(), KEYS, EXPECTED, now=NOW).subject == "somebody"


KEY_SETS: list[tuple[str, type[BadIdTokenError] | None, list[dict[str, Any]]]] = [
    ("empty", UnknownKeyError, []),
    ("for encryption", UnknownKeyError, [jwk(use="enc")]),
    ("of another algorithm", UnknownKeyError, [jwk(alg="ES384")]),
    ("of another type under the same name", UnknownKeyError, [{"kid": "key-1", "kty": "oct", "k": encoded(public_pem())}]),
    ("of no type", UnknownKeyError, [jwk(kty=LEFT_OUT)]),
    ("without its numbers", BadIdTokenError, [jwk(x=LEFT_OUT)]),
    ("with numbers that are none", BadIdTokenError, [jwk(x=1)]),
    ("on no curve", BadIdTokenError, [jwk(crv="P-521")]),
    ("two of one name", BadIdTokenError, [jwk(), jwk(STRANGER)]),
    ("another first", None, [jwk(STRANGER, kid="key-0"), jwk()]),
    ("a nameless one beside it", None, [jwk(STRANGER, kid=LEFT_OUT), jwk()]),
    ("without use and alg", None, [jwk(use=LEFT_OUT)]),
]


@pytest.mark.parametrize(("gloss", "error", "keys"), KEY_SETS, ids=[gloss for gloss, _, _ in KEY_SETS])
def test_key_set(gloss: str, error: type[BadIdTokenError] | None, keys: list[dict[str, Any]]):
    if error is None:
        assert verify_id_token(token(), keys, EXPECTED, now=NOW)
        return
    with pytest.raises(BadIdTokenError) as caught:
        verify_id_token(token(), keys, EXPECTED, now=NOW)
    assert caught.type is error


def test_without_kid_it_must_be_clear_which_key_is_meant():
    nameless = token(header={"kid": LEFT_OUT})
    with pytest.raises(BadIdTokenError, match="several keys"):
        verify_id_token(nameless, [jwk(), jwk(STRANGER, kid="key-2")], EXPECTED, now=NOW)


@lru_cache
def private_key(algorithm: str) -> Any:
    match algorithm:
        case "ES256":
            return KEY
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "ES512":
            return ec.generate_private_key(ec.SECP521R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
    return rsa_key(2048)


@lru_cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def token_and_key(algorithm: str, key: Any) -> tuple[str, dict[str, Any]]:
    whole = claims(at_hash=half_hash(ACCESS_TOKEN, algorithm))
    public = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return jwt.encode(whole, key, algorithm=algorithm, headers={"kid": "key-1"}), {**public, "kid": "key-1"}


def expecting(*algorithms: str) -> ExpectedIdToken:
    return ExpectedIdToken(
        issuer=ISSUER, client_id=CLIENT, algorithms=frozenset(algorithms), nonce=NONCE, access_token=ACCESS_TOKEN
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_asymmetric_algorithm_where_the_provider_names_it(algorithm: str):
    written, public = token_and_key(algorithm, private_key(algorithm))
    assert verify_id_token(written, [public], expecting(algorithm), now=NOW).subject == "somebody"
    with pytest.raises(BadIdTokenError, match="does not name"):
        verify_id_token(written, [public], expecting(*ALGORITHMS.keys() - {algorithm}), now=NOW)


def test_none_of_them_is_symmetric():
    for algorithm in ALGORITHMS:
        assert algorithm != "none"
        assert not algorithm.startswith("HS")


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_key_that_is_too_short_signs_nobody_in():
    written, public = token_and_key("RS256", rsa_key(1024))
    with pytest.raises(BadIdTokenError, match="InvalidKeyError"):
        verify_id_token(written, [public], expecting("RS256"), now=NOW)


def test_an_access_token_that_is_missing_is_not_the_one_that_is_named():
    without = ExpectedIdToken(issuer=ISSUER, client_id=CLIENT, algorithms=frozenset({"ES256"}), nonce=NONCE, access_token=None)
    with pytest.raises(BadIdTokenError, match="at_hash"):
        verify_id_token(token(), KEYS, without, now=NOW)
    assert verify_id_token(token(at_hash=LEFT_OUT), KEYS, without, now=NOW)


def test_the_example_of_the_standard():
    """OpenID Connect Core 1.0, appendix A.3."""
    assert half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"


TOKEN = token()


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="utf-8"), st.booleans())
def test_another_character_anywhere_is_refused(place: int, character: str, instead: bool):
    changed = TOKEN[:place] + character + TOKEN[place + instead :]
    if changed == TOKEN:
        return
    with pytest.raises(BadIdTokenError):
        verify_id_token(changed, KEYS, EXPECTED, now=NOW)


@given(st.dictionaries(st.sampled_from(["iss", "aud", "sub", "nonce", "iat", "exp", "nbf", "azp", "at_hash"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
), min_size=1))  # fmt: skip
def test_whatever_the_provider_signed_is_read_or_refused(changed: dict[str, Any]):
    """Nothing else comes out, whatever the key was made to sign."""
    try:
        found = verify_id_token(token(**changed), KEYS, EXPECTED, now=NOW)
    except BadIdTokenError:
        return
    assert found.fields["iss"] == ISSUER
    assert found.fields["nonce"] == NONCE
