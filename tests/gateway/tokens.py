"""Tokens of an issuer of the tests, and its published keys."""

import json
import time
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = "https://id.example"
AUDIENCE = "shop"


@dataclass(frozen=True)
class Issuer:
    """Signs with a key of its own (ES256)."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def jwks(self) -> str:
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [{**public, "kid": "one", "alg": "ES256", "use": "sig"}]})

    def token(self, user: str, **changed: object) -> str:
        """A valid token of that user with scope `shop` and plan `paid`, but for what is changed; what is None is left out."""
        until = int(time.time()) + 600
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "exp": until, "scope": "shop", "plan": "paid", **changed}
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(present, self.key, algorithm="ES256", headers={"kid": "one"})
