"""An OpenID provider in this process: what identity's HTTP client of it would get, without HTTP. It checks what a provider must check."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from services.common.errors.raised import ServiceError
from services.common.http_client.exchange import Asked, Reply
from services.identity.oidc.id_token import half_hash

CLIENT_ID, CLIENT_SECRET = "shop:1", "a secret of 100 % + / the client"
ACCESS_TOKEN = "the-provider's-access-token"

Claims = dict[str, Any]


class FakeProvider:
    """Its authorization endpoint is `signs_in`, all others are asked by `request`. Whatever a test changes, it then says."""

    def __init__(self, issuer: str, *, clock: Callable[[], float]) -> None:
        self.issuer = issuer
        self.clock = clock
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.key_id = "key-1"
        self.jwks: list[dict[str, Any]] = [self.jwk()]
        self.metadata: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/auth",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.is_down = False
        self.changed: Claims = {}
        """Claims of the next ID tokens; None: left out."""
        self.forge: Callable[[Claims], str] = self.token
        self.userinfo: Claims | None = None
        self.answers: dict[str, Reply] = {}
        """By path, instead of its own."""
        self.asked: Counter[str] = Counter()
        self.redeeming: Asked | None = None
        """The last code's."""
        self._codes: dict[str, tuple[dict[str, str], Claims]] = {}
        self._numbers = itertools.count(1)

    def jwk(self) -> dict[str, Any]:
        return {**jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": self.key_id, "use": "sig"}

    def signs_in(self, url: str, subject: str, **claims: object) -> dict[str, str]:
        """Somebody signs in at the address that a browser was sent to. What it is sent back with."""
        address = urlsplit(url)
        assert f"{address.scheme}://{address.netloc}{address.path}" == self.metadata["authorization_endpoint"]
        asked = {name: values[0] for name, values in parse_qs(address.query, strict_parsing=True).items()}
        assert set(asked) == {
            "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
        }  # fmt: skip
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT_ID, "S256")
        assert "openid" in asked["scope"].split()
        code = f"code-{next(self._numbers)}"
        self._codes[code] = (asked, {"sub": subject, "nonce": asked["nonce"], **claims})
        return {"state": asked["state"], "code": code, "iss": self.issuer}

    async def request(self, asked: Asked) -> Reply:
        """As the service's own client; others have their turn meanwhile."""
        await asyncio.sleep(0)
        if self.is_down:
            raise ServiceError("temporarily_unavailable", retry_after_seconds=2)
        assert asked.path.startswith(self.issuer), "nobody else is asked"
        path = asked.path.removeprefix(self.issuer)
        self.asked[path] += 1
        if path in self.answers:
            return self.answers[path]
        match asked.method, path:
            case "GET", "/.well-known/openid-configuration":
                return said(self.metadata)
            case "GET", "/jwks":
                return said({"keys": self.jwks})
            case "GET", "/userinfo":
                assert asked.headers is not None
                assert asked.headers["authorization"] == f"Bearer {ACCESS_TOKEN}"
                return said(self.userinfo or {})
            case "POST", "/token":
                self.redeeming = asked
                return self._redeemed(asked)
        raise AssertionError(asked)

    def token(self, claims: Claims) -> str:
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": self.key_id})

    def _redeemed(self, asked: Asked) -> Reply:
        assert asked.body is not None
        form = dict(parse_qsl(asked.body.decode(), strict_parsing=True))
        assert self._is_client(asked, form)
        assert form["grant_type"] == "authorization_code"
        request, claims = self._codes.pop(form["code"], (None, {}))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if request is None or (request["code_challenge"], request["redirect_uri"]) != (challenge, form["redirect_uri"]):
            return said({"error": "invalid_grant"}, status=400)
        now = int(self.clock())
        whole = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "at_hash": half_hash(ACCESS_TOKEN, "ES256"),
            **claims,
            **self.changed,
        }
        id_token = self.forge({name: value for name, value in whole.items() if value is not None})
        return said({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": id_token})

    def _is_client(self, asked: Asked, form: dict[str, str]) -> bool:
        assert asked.headers is not None
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
        if "client_secret" in form:
            return (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
        kind, _, pair = asked.headers["authorization"].partition(" ")
        client_id, _, secret = base64.b64decode(pair).decode().partition(":")
        return (kind, unquote_plus(client_id), unquote_plus(secret)) == ("Basic", CLIENT_ID, CLIENT_SECRET)


def said(fields: object, *, status: int = 200) -> Reply:
    return Reply(status, json.dumps(fields).encode(), {"content-type": "application/json"})
