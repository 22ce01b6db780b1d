"""`scaleproof demo jwt`: signing in, forged tokens, a stolen refresh token and rotating keys, on real PostgreSQL, Redis and Envoy.

"Open" is the same orders behind a gateway that asks for no token: what an attacker gets there is what tokens take away.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from demos import rotation
from demos.figures import table
from demos.forged_tokens import forged_tokens
from demos.program import main
from demos.stage import Replica, Routed, Stage, status_of, wait_until
from demos.tokens import Seal, bearer, gateway_jwt
from services.common.tokens.jwks import JWKS_PATH
from services.common.tokens.signature import decode
from services.identity.cookie import NAME
from services.identity.key_schedule import PUBLISH_SECONDS
from services.identity.policy import TokenPolicy

SESSIONS = "/api/v1/identity/sessions"
USERS = "/api/v1/identity/users"
ORDER = "/api/v1/orders/1"
EMAIL, PASSWORD = "ada@example.org", "correct horse battery staple"  # an account of the demo's own database, which goes with it
OK, CREATED, UNAUTHENTICATED = 200, 201, 401
REVOKED_SECONDS = 5.0
"""Within which a revocation is in force everywhere (docs/jwt.md)."""
LEEWAY_SECONDS = 0.5


@dataclass(frozen=True)
class Tokens:
    """Of one answer of identity."""

    access: str
    refresh: str
    user_id: int

    @classmethod
    def of(cls, response: httpx.Response) -> Tokens:
        """Raises httpx.HTTPStatusError for anything but a success."""
        response.raise_for_status()
        body = response.json()
        refresh = response.headers["set-cookie"].removeprefix(f"{NAME}=").partition(";")[0]
        return cls(body["access_token"], refresh, body["user_id"])


@dataclass(frozen=True)
class Platform:
    """Two replicas of identity, one of orders, and two gateways: one asks for tokens, the other one does not."""

    database_url: str
    seal: Seal
    identity: Sequence[Replica]
    guarded: str
    open: str

    @classmethod
    def start(cls, stage: Stage) -> Platform:
        """With orders in PostgreSQL and nobody but the first admin; ready."""
        postgres, redis = stage.postgres(), stage.redis()
        seal = Seal.draw(stage)
        environment = {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url, "KEY_SEAL_FILE": str(seal.file)}
        stage.set_up("identity", environment)
        stage.set_up("orders", {**environment, "SAMPLE_ORDERS": "1000"})
        identity = [stage.replica("services.identity", environment) for _ in range(2)]
        # It takes whatever the gateway lets through: what the gateway does by itself is to be seen.
        orders = stage.replica("services.orders", {**environment, "ACCESS": "open"})
        routed = {
            "identity": Routed(["/api/v1/identity"], [replica.port for replica in identity]),
            "orders": Routed(["/api/v1/orders"], [orders.port]),
        }
        jwt = gateway_jwt([SESSIONS], jwks_url=identity[0].url + JWKS_PATH)
        for replica in identity:
            replica.part.wait_ready()  # the gateway fetches its keys as it starts
        platform = cls(postgres.url, seal, identity, stage.gateway(routed, jwt=jwt), stage.gateway(routed))
        stage.wait_ready()
        return platform

    def sign_in(self) -> Tokens:
        """Through the gateway."""
        return Tokens.of(post(self.guarded + SESSIONS, {"email": EMAIL, "password": PASSWORD}))

    def refresh(self, refresh_token: str) -> httpx.Response:
        """Through the gateway, as a browser does with its cookie."""
        # httpx would keep a cookie that is marked Secure to itself: this is loopback without TLS.
        headers = {"cookie": f"{NAME}={refresh_token}"}
        return httpx.post(f"{self.guarded}{SESSIONS}/refresh", headers=headers, timeout=10, trust_env=False)

    def statuses(self, headers: Mapping[str, str], user_id: int) -> list[int]:
        """Of the same request: to the open gateway, to the one that asks for tokens, and to a service behind it."""
        own = f"{self.identity[1].url}{USERS}/{user_id}"
        return [status_of(url, headers) for url in (self.open + ORDER, self.guarded + ORDER, own)]


def post(url: str, body: Mapping[str, str]) -> httpx.Response:
    """JSON to identity."""
    return httpx.post(url, json=dict(body), timeout=10, trust_env=False)


def show_sign_in(platform: Platform) -> Tokens:
    """Register, sign in, and read the token."""
    # The gateway asks for a token everywhere but at the sessions, so an account is made behind it.
    assert post(platform.identity[0].url + USERS, {"email": EMAIL, "name": "Ada", "password": PASSWORD}).status_code == CREATED
    begun = time.monotonic()
    tokens = platform.sign_in()
    took = time.monotonic() - begun
    # The gateway has to fetch the keys, and each replica to hear what is revoked.
    wait_until(lambda: platform.statuses(bearer(tokens.access), tokens.user_id) == [OK] * 3, "the token is taken everywhere")
    claims = json.loads(decode(tokens.access.split(".")[1]))
    print(f"Signed in through the gateway in {1000 * took:.0f} ms. The access token says")
    print("  " + json.dumps({name: value for name, value in claims.items() if name not in {"jti", "sid"}}))
    print(f"The refresh token is in the cookie {NAME}, for {SESSIONS} alone.")
    return tokens


def show_forged(platform: Platform, tokens: Tokens) -> bool:
    """Whether only the good token is taken."""
    good = platform.statuses(bearer(tokens.access), tokens.user_id)
    forged = forged_tokens(tokens.access, platform.seal.signing_key(platform.database_url))
    found = {each.name: platform.statuses(each.headers, tokens.user_id) for each in forged}
    answered = [sum(statuses[column] == OK for statuses in found.values()) for column in range(3)]
    rows = [["the token itself", *map(str, good)], *([name, *map(str, statuses)] for name, statuses in found.items())]
    rows.append([f"forged ones answered, of {len(forged)}", *map(str, answered)])
    print("\nThe same request: to the open gateway, to the one that asks for tokens, and past it to a service")
    print(table(["", "open", "gateway", "service"], rows))
    return good == [OK] * 3 and answered[2] == 0 and answered[0] == len(forged)


def show_cost(platform: Platform, tokens: Tokens, requests: int) -> None:
    """What verifying at the gateway costs a request."""
    headers = bearer(tokens.access)
    took: dict[str, list[float]] = {platform.open: [], platform.guarded: []}
    with httpx.Client(headers=headers, timeout=10, trust_env=False) as client:
        for _ in range(requests):
            for url, seconds in took.items():
                begun = time.perf_counter()
                client.get(url + ORDER).raise_for_status()
                seconds.append(time.perf_counter() - begun)
    without, verified = (1000 * statistics.median(seconds) for seconds in took.values())
    print(
        f"\nAn order through the gateway: {without:.2f} ms without, {verified:.2f} ms with its token verified (medians of {requests})"
    )


def show_rotation() -> bool:
    """Whether nobody is refused while keys change."""
    minutes, every = rotation.SECONDS // 60, rotation.ROTATE_EVERY // 60
    print(f"\nA new key every {every} minutes for {minutes} minutes, the clock of identity's own code running ahead")
    at_once, announced = (rotation.rotate(publish_seconds=seconds) for seconds in (0.0, PUBLISH_SECONDS))
    rows = [
        [name, str(len(found.keys)), f"{found.verified:,}", f"{found.refused:,}"]
        for name, found in (("signs at once", at_once), (f"published {PUBLISH_SECONDS / 60:g} minutes before", announced))
    ]
    print(table(["", "keys", "tokens verified", "refused"], rows))
    return announced.refused == 0 < at_once.refused


def show_reuse(platform: Platform, first: Tokens, second: Tokens, used_at: float) -> bool:
    """A refresh token again: soon, then late. Whether the session ends, and everywhere in time."""
    reuse_seconds = TokenPolicy().reuse_seconds
    time.sleep(max(0.0, used_at + reuse_seconds + LEEWAY_SECONDS - time.monotonic()))
    own = f"{platform.identity[1].url}{USERS}/{first.user_id}"
    before = status_of(own, bearer(second.access))
    late = platform.refresh(first.refresh)
    revoked = wait_until(lambda: status_of(own, bearer(second.access)) == UNAUTHENTICATED, "the session's token is refused", 10)
    owner = platform.refresh(second.refresh)
    print(
        f"A copy of it after {reuse_seconds:g} s: {late.status_code} {late.json()['code']}, and the session is over for everybody:"
    )
    print(f"  its access token: {before} before, 401 at another replica {revoked:.2f} s later")
    print(f"  its owner's refresh token: {owner.status_code} {owner.json()['code']}")
    return (before, late.status_code, owner.status_code) == (OK, UNAUTHENTICATED, UNAUTHENTICATED) and revoked < REVOKED_SECONDS


def demo(stage: Stage, *, quick: bool) -> bool:
    """All of it; whether each is as it should be."""
    platform = Platform.start(stage)
    first = show_sign_in(platform)
    second = Tokens.of(platform.refresh(first.refresh))
    used_at = time.monotonic()
    sibling = platform.refresh(first.refresh)
    held = [show_forged(platform, second), sibling.status_code == OK]
    show_cost(platform, second, 50 if quick else 300)
    held.append(show_rotation())
    print(f"\nA refresh token used again at once (two tabs): {sibling.status_code}, a sibling of the same session.")
    held.append(show_reuse(platform, first, second, used_at))
    return all(held)


if __name__ == "__main__":
    main(demo, "Tokens: signing in, forged tokens, a stolen refresh token, rotating keys.")
