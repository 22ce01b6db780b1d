"""What demos print with, and what they attack with."""

from __future__ import annotations

import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from identity_tokens import Keys, heard

from demos.figures import p95, shortened, table
from demos.forged_tokens import forged_tokens
from demos.stage import forget_local_replies
from services.common.errors.raised import ServiceError
from services.common.tokens.authenticator import bearer_token
from services.common.tokens.claims import write_claims
from services.common.tokens.principal import Principal, Role
from services.common.tokens.settings import read_expected
from services.common.tokens.signature import sign
from services.common.tokens.verifier import TokenVerifier
from services.identity.signing_key import SigningKey

KEY = SigningKey.of(Ed25519PrivateKey.generate(), sign_after=0.0)
NOW = int(time.time())


def good_token() -> str:
    expected = read_expected({})
    somebody = Principal(
        user_id="17",
        session_id="session",
        token_id="token",
        roles=frozenset({Role.customer}),
        version=1,
        issued_at=NOW,
        expires_at=NOW + 600,
    )
    claims = write_claims(somebody, issuer=expected.issuer, audience=expected.audience)
    return sign(claims, key_id=KEY.key_id, key=KEY.private)


@pytest.mark.parametrize("forged", forged_tokens(good_token(), KEY), ids=lambda forged: forged.name)
def test_a_service_takes_none_of_the_forged_tokens(forged):
    verifier = TokenVerifier(Keys({KEY.key_id: KEY.public}), heard(), read_expected({}))
    assert verifier.verify(good_token(), NOW).user_id == "17"
    with pytest.raises(ServiceError):
        verifier.verify(bearer_token([*forged.headers.values()]), NOW)


def test_each_attack_is_another_one():
    forged = forged_tokens(good_token(), KEY)
    assert len({tuple(each.headers.values()) for each in forged}) == len(forged)


def test_a_table():
    assert table(["", "a", "bb"], [["one", "1", "2"], ["two", "100", ""]]) == "       a  bb\none    1   2\ntwo  100"


def test_a_long_text_is_cut():
    assert shortened("a  b\nc", 10) == "a b c"
    assert shortened("abcdef", 4) == "abc…"


def test_the_95th_percentile():
    assert p95([float(number) for number in range(101)]) == 95


def test_envoy_in_its_own_words(tmp_path):
    manager = {"typed_config": {"local_reply_config": {"mappers": []}, "stat_prefix": "gateway"}}
    file = tmp_path / "bootstrap.json"
    file.write_text(json.dumps({"static_resources": {"listeners": [{"filter_chains": [{"filters": [manager]}]}]}}))
    forget_local_replies(file)
    [listener] = json.loads(file.read_text())["static_resources"]["listeners"]
    assert listener["filter_chains"][0]["filters"] == [{"typed_config": {"stat_prefix": "gateway"}}]
