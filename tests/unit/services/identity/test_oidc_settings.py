"""What identity is told of providers, and what is told where something is wrong. Secrets are never repeated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from service_processes import ROOT

from services.common.settings import SettingsError
from services.identity.oidc.provider_settings import read_providers
from services.identity.settings import Settings

SECRET = "the client's own secret"


@pytest.fixture
def corp(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "corp-secret"
    file.write_text(f"{SECRET}\n")
    return {
        "OIDC_PROVIDERS": "corp",
        "OIDC_CORP_ISSUER": "https://id.example/tenant",
        "OIDC_CORP_CLIENT_ID": "shop",
        "OIDC_CORP_CLIENT_SECRET_FILE": str(file),
        "OIDC_CORP_REDIRECT_URI": "https://shop.example/api/v1/identity/oidc/corp/callback",
    }


def test_a_provider_and_its_defaults(corp: dict[str, str]):
    [provider] = read_providers(corp)
    assert (provider.name, provider.issuer, provider.client_id) == ("corp", "https://id.example/tenant", "shop")
    assert provider.client_secret == SECRET
    assert SECRET not in repr(provider)
    assert provider.scopes == ("openid", "email", "profile")
    assert not provider.creates_users
    assert (provider.policy.bulkhead.most_attempts, provider.policy.bulkhead.most_waiting) == (8, 4)


def test_what_may_be_changed(corp: dict[str, str]):
    changed = {
        "OIDC_CORP_SCOPES": "openid  groups",
        "OIDC_CORP_CREATES_USERS": "yes",
        "OIDC_CORP_READ_SECONDS": "3",
        "OIDC_CORP_MOST_CALLS": "2",
    }
    [provider] = read_providers({**corp, **changed})
    assert (provider.scopes, provider.creates_users) == (("openid", "groups"), True)
    assert (provider.policy.timeouts.read_seconds, provider.policy.bulkhead.most_attempts) == (3.0, 2)


def test_several_providers_in_their_order(corp: dict[str, str]):
    other = {name.replace("CORP", "OTHER_ID"): value.replace("corp/", "other-id/") for name, value in corp.items()}
    found = read_providers({**corp, **other, "OIDC_PROVIDERS": "other-id, corp"})
    assert [provider.name for provider in found] == ["other-id", "corp"]
    assert found[0].redirect_uri.endswith("/oidc/other-id/callback")


def test_a_provider_of_this_machine_may_do_without_tls(corp: dict[str, str]):
    local = {
        "OIDC_CORP_ISSUER": "http://127.0.0.1:3000",
        "OIDC_CORP_REDIRECT_URI": "http://localhost:8080/api/v1/identity/oidc/corp/callback",
    }
    assert read_providers({**corp, **local})[0].issuer == "http://127.0.0.1:3000"


def test_without_providers_there_are_none(identity_environment: dict[str, str]):
    assert Settings.from_environment(identity_environment, service="identity").providers == ()


def test_a_replica_without_providers_starts_without_what_only_they_need():
    program = "import sys, services.identity.app; sys.exit(bool({'jwt', 'aiohttp'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(("changed", "message"), [
    ({"OIDC_PROVIDERS": "corp,corp"}, "OIDC_PROVIDERS holds 'corp' more than once"),
    ({"OIDC_PROVIDERS": "Corp"}, "OIDC_PROVIDERS holds 'Corp'; expected names of small letters"),
    ({"OIDC_PROVIDERS": "corp-"}, "OIDC_PROVIDERS holds 'corp-'"),
    ({"OIDC_PROVIDERS": "../corp"}, "OIDC_PROVIDERS holds '../corp'"),
    ({"OIDC_PROVIDERS": "c" * 33}, "at most 32"),
    ({"OIDC_PROVIDERS": "corp,other"}, "OIDC_OTHER_ISSUER is ''; expected a URL"),
    ({"OIDC_CORP_ISSUER": "http://id.example"}, "OIDC_CORP_ISSUER is 'http://id.example'; expected a URL such as https://id.example"),
    ({"OIDC_CORP_ISSUER": "id.example"}, "OIDC_CORP_ISSUER is 'id.example'"),
    ({"OIDC_CORP_ISSUER": "https://"}, "OIDC_CORP_ISSUER is 'https://'"),
    ({"OIDC_CORP_ISSUER": "https://id.example?tenant=1"}, "OIDC_CORP_ISSUER is"),
    ({"OIDC_CORP_ISSUER": "https://id.example#a"}, "OIDC_CORP_ISSUER is"),
    ({"OIDC_CORP_CLIENT_ID": ""}, "OIDC_CORP_CLIENT_ID is not set"),
    ({"OIDC_CORP_CLIENT_ID": "a\nb"}, "OIDC_CORP_CLIENT_ID holds other characters than visible ASCII"),
    ({"OIDC_CORP_CLIENT_SECRET_FILE": ""}, "OIDC_CORP_CLIENT_SECRET_FILE is not set"),
    ({"OIDC_CORP_CLIENT_SECRET_FILE": "/nowhere"}, "OIDC_CORP_CLIENT_SECRET_FILE is '/nowhere', which cannot be read"),
    ({"OIDC_CORP_CLIENT_SECRET": f"{SECRET}\n{SECRET}"}, "OIDC_CORP_CLIENT_SECRET holds other characters"),
    ({"OIDC_CORP_CLIENT_SECRET": "sécret"}, "OIDC_CORP_CLIENT_SECRET holds other characters"),
    ({"OIDC_CORP_REDIRECT_URI": ""}, "OIDC_CORP_REDIRECT_URI is ''"),
    (
        {"OIDC_CORP_REDIRECT_URI": "https://shop.example/api/v1/identity/oidc/other/callback"},
        "expected a URL such as https://shop.example/api/v1/identity/oidc/corp/callback",
    ),
    ({"OIDC_CORP_REDIRECT_URI": "http://shop.example/api/v1/identity/oidc/corp/callback"}, "OIDC_CORP_REDIRECT_URI is"),
    ({"OIDC_CORP_SCOPES": "email"}, "OIDC_CORP_SCOPES is 'email'; expected scopes with blanks between them, openid among them"),
    ({"OIDC_CORP_SCOPES": 'openid "x"'}, "OIDC_CORP_SCOPES is"),
    ({"OIDC_CORP_CREATES_USERS": "true"}, "OIDC_CORP_CREATES_USERS is 'true'; expected yes or no"),
    ({"OIDC_CORP_READ_SECONDS": "x"}, "OIDC_CORP_READ_SECONDS is 'x'"),
])  # fmt: skip
def test_what_is_wrong_is_named(corp: dict[str, str], changed: dict[str, str], message: str):
    with pytest.raises(SettingsError) as caught:
        read_providers({**corp, **changed})
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)
