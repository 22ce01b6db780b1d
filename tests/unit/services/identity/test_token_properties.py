"""What holds for every token."""

from __future__ import annotations

import json
import string

import jwt
from hypothesis import given
from hypothesis import strategies as st
from identity_tokens import EXPECTED, NOW, Signer, decoded, heard, principal, verifier_of

from services.common.errors.raised import ServiceError
from services.common.tokens.claims import read_claims, write_claims
from services.common.tokens.principal import Role
from services.common.tokens.signature import BadTokenError, key_id_of, open_signed, sign

SIGNER = Signer()
TOKEN = SIGNER.token()
OTHER_TOKEN = SIGNER.token(sub="18", jti="token-2")
PLACES = st.integers(0, len(TOKEN) - 1)
CHARACTERS = st.one_of(st.sampled_from(string.ascii_letters + string.digits + "-_.=+/ "), st.characters(codec="utf-8"))


def refused(token: str) -> bool:
    """Not accepted, and by nothing but the answer that is meant for it."""
    try:
        verifier_of(SIGNER).verify(token, NOW)
    except ServiceError as error:
        return error.code == "unauthenticated"
    return False


@given(PLACES, CHARACTERS)
def test_another_character_anywhere_is_refused(place: int, character: str):
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]
    assert refused(changed) == (changed != TOKEN)


def test_each_other_bit_is_refused():
    """Also those bits of a part's last character that say nothing: a token has one spelling."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    for place, character in enumerate(TOKEN):
        for bit in range(6 if character != "." else 0):
            flipped = alphabet[alphabet.index(character) ^ (1 << bit)]
            assert refused(TOKEN[:place] + flipped + TOKEN[place + 1 :]), (place, bit)


@given(PLACES, CHARACTERS)
def test_one_character_more_is_refused(place: int, character: str):
    assert refused(TOKEN[:place] + character + TOKEN[place:])
    assert refused(TOKEN + character)


@given(PLACES)
def test_one_character_less_is_refused(place: int):
    assert refused(TOKEN[:place] + TOKEN[place + 1 :])
    assert refused(TOKEN[:place])


@given(st.permutations([0, 1, 2]), st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_parts_of_two_good_tokens_make_no_third(order: list[int], which: tuple[bool, bool, bool]):
    both = (TOKEN.split("."), OTHER_TOKEN.split("."))
    mixed = ".".join(both[chosen][part] for part, chosen in zip(order, which, strict=True))
    assert refused(mixed) == (mixed not in (TOKEN, OTHER_TOKEN))


@given(st.text(max_size=300))
def test_any_text_is_refused(text: str):
    assert refused(text)
    assert refused(f"{TOKEN.split('.')[0]}.{text}.{'A' * 86}")


@given(st.binary(max_size=200))
def test_any_payload_that_we_signed_is_read_or_refused(payload: bytes):
    """Nothing else comes out, whatever the key was made to sign."""
    token = SIGNER.signed({"alg": "EdDSA", "kid": "key-1", "typ": "at+jwt"}, payload)
    assert refused(token)


PRINCIPALS = st.builds(
    principal,
    user_id=st.text(min_size=1, max_size=20),
    session_id=st.text(min_size=1, max_size=30),
    token_id=st.text(min_size=1, max_size=30),
    roles=st.frozensets(st.sampled_from(Role)),
    version=st.integers(0, 2**31),
    issued_at=st.integers(0, NOW),
    expires_at=st.integers(NOW, 2**40),
)


@given(PRINCIPALS)
def test_what_is_issued_is_what_is_read(issued):
    token = sign(write_claims(issued, issuer=EXPECTED.issuer, audience=EXPECTED.audience), key_id=SIGNER.key_id, key=SIGNER.key)
    assert verifier_of(SIGNER, revocations=heard()).verify(token, NOW) == issued


def test_the_header_is_as_documented():
    token = sign(b"{}", key_id="key-1", key=SIGNER.key)
    assert decoded(token.split(".")[0]) == {"alg": "EdDSA", "kid": "key-1", "typ": "at+jwt"}
    assert key_id_of(token) == "key-1"
    assert open_signed(token, SIGNER.public) == b"{}"


def test_the_payload_is_as_documented():
    payload = write_claims(principal(), issuer=EXPECTED.issuer, audience=EXPECTED.audience)
    assert set(decoded(TOKEN.split(".")[1])) == set(json.loads(payload))
    assert read_claims(payload, EXPECTED).principal == principal()


@given(PLACES, CHARACTERS, st.booleans())
def test_pyjwt_accepts_whatever_is_accepted_here(place: int, character: str, instead: bool):
    """Though not the other way round: it takes padding, for one."""
    token = TOKEN[:place] + character + TOKEN[place + instead :]
    try:
        key_id_of(token)
        payload = open_signed(token, SIGNER.public)
    except BadTokenError:
        return
    assert jwt.PyJWS().decode(token, SIGNER.public, algorithms=["EdDSA"]) == payload


@given(st.binary(max_size=300), st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z"))
def test_pyjwt_writes_what_is_written_here(payload: bytes, key_id: str):
    theirs = jwt.PyJWS().encode(payload, SIGNER.key, algorithm="EdDSA", headers={"kid": key_id, "typ": "at+jwt"})
    assert theirs == sign(payload, key_id=key_id, key=SIGNER.key)


def test_pyjwt_by_itself_accepts_ours():
    """The gateway and others verify with libraries of their own."""
    token = sign(
        write_claims(principal(expires_at=2**40), issuer=EXPECTED.issuer, audience=EXPECTED.audience),
        key_id="key-1",
        key=SIGNER.key,
    )
    options = {"verify_iat": False, "require": ["iss", "aud", "sub", "iat", "exp", "jti"]}
    found = jwt.decode(
        token, SIGNER.public, algorithms=["EdDSA"], audience=EXPECTED.audience, issuer=EXPECTED.issuer, options=options
    )
    assert found["sub"] == "17"
