"""The table. A gateway under test serves `PLATFORM`: `orders` and `catalogue` with two replicas each, `gone` with none."""

import asyncio
import http.client
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest

from gateway.tokens import AUDIENCE, ISSUER, Issuer
from scaleproof.spec.platform import Platform
from scaleproof.spec.problems import MEDIA_TYPE, PROBLEMS

_RESOURCES = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
_SLO = {"latency_ms": 500, "share": 0.95}
REPLICAS = 2
A_MINUTE = 20
"""Requests of one user that pass in a minute."""


def platform(jwks_url: str, port: int = 8080) -> Platform:
    """The spec whose gateway is asked."""

    def service(*routes: str) -> dict[str, object]:
        return {"command": ["x"], "image": "x", "readiness": "/readyz", "routes": routes, "resources": _RESOURCES, "slo": _SLO}

    return Platform.model_validate(
        {
            "version": 1,
            "name": "shop",
            "services": {
                "orders": service("/api/v1/orders", "/api/v2/orders"),
                "catalogue": service("/api/v1/catalogue"),
                "gone": service("/api/v1/gone"),
            },
            "gateway": {
                "port": port,
                "request_timeout_seconds": 2,
                "jwt": {
                    "issuer": ISSUER,
                    "audiences": [AUDIENCE],
                    "jwks_url": jwks_url,
                    "claim_headers": {"sub": "x-user-id"},
                    "required_claims": {"scope": ["shop", "staff"], "plan": ["paid"]},
                    "public_paths": ["/api/v1/catalogue/open"],
                },
                "deprecated": [
                    {"path": "/api/v1/orders", "since": "2026-12-01", "sunset": "2027-12-01", "successor": "/api/v2/orders"}
                ],
                "rate_limits": [{"requests": A_MINUTE, "unit": "Minute", "per": "header", "header": "x-user-id"}],
            },
            "load": {"users": 100},
        }
    )


@dataclass(frozen=True)
class Question:
    """One request and what must come back. `token` makes the bearer token; None sends none."""

    name: str
    path: str
    status: int
    token: Callable[[Issuer], str] | None = None
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    service: str | None = None
    """Who must have answered."""
    seen: dict[str, str | None] = field(default_factory=dict)
    """Headers as the service must have seen them; None: not at all."""
    answered: dict[str, str] = field(default_factory=dict)
    """Headers of the answer."""


def _of(user: str, **changed: object) -> Callable[[Issuer], str]:
    return lambda issuer: issuer.token(user, **changed)


UNPARSED = "underscores could be dashes"
"""Refused while it is parsed: there is no path yet, and no filter is asked."""
QUESTIONS = [
    # Routes and versions.
    Question(
        "version 1, which is to go",
        "/api/v1/orders/7?page=2",
        200,
        _of("v1"),
        service="orders",
        answered={
            "deprecation": "@1796083200",
            "sunset": "Wed, 01 Dec 2027 00:00:00 GMT",
            "link": '</api/v2/orders>; rel="successor-version"',
        },
    ),
    Question("version 2", "/api/v2/orders/7", 200, _of("v2"), service="orders"),
    Question("the prefix itself", "/api/v1/orders", 200, _of("prefix"), service="orders"),
    Question("a longer word is another path", "/api/v1/ordersX", 404, _of("longer")),
    Question("no such version", "/api/v3/orders", 404, _of("v3")),
    Question("no such path", "/", 404),
    Question("two slashes are one", "/api//v1/orders", 200, _of("slashes"), service="orders"),
    # 401: who are you?
    Question("no token", "/api/v1/orders", 401, answered={"www-authenticate": "Bearer"}),
    Question("no token, another version", "/api/v2/orders", 401),
    Question("not a token", "/api/v1/orders", 401, lambda _: "x.y.z"),
    Question("expired", "/api/v1/orders", 401, _of("late", exp=int(time.time()) - 120)),
    Question("of another issuer", "/api/v1/orders", 401, _of("a", iss="https://other.example")),
    Question("signed by another key", "/api/v1/orders", 401, lambda _: Issuer().token("a")),
    Question("a public path needs no token", "/api/v1/catalogue/open/3", 200, service="catalogue", seen={"x-user-id": None}),
    Question("beside the public path", "/api/v1/catalogue/opens", 401),
    # 403: you may not. (A valid token for another audience is one of these to Envoy.)
    Question("for another audience", "/api/v1/orders", 403, _of("a", aud="bank")),
    Question("without the claim", "/api/v1/orders", 403, _of("none", scope=None)),
    Question("with another value", "/api/v1/orders", 403, _of("guest", scope="guest")),
    Question("with the other claim's value wrong", "/api/v1/orders", 403, _of("trial", plan="trial")),
    Question("one scope of several", "/api/v1/orders", 200, _of("many", scope="read shop write"), service="orders"),
    Question("a list of scopes", "/api/v1/orders", 200, _of("listed", scope=["read", "shop"]), service="orders"),
    Question("a claim that is a list", "/api/v1/orders", 200, _of("plans", plan=["trial", "paid"]), service="orders"),
    Question("a part of a word is another word", "/api/v1/orders", 403, _of("part", scope="shopping")),
    Question("with the other accepted value", "/api/v1/orders", 200, _of("staff", scope="staff"), service="orders"),
    # Who a service believes it talks to.
    Question("the claim arrives", "/api/v1/orders", 200, _of("ann"), service="orders", seen={"x-user-id": "ann"}),
    Question(
        "a client's own copy does not",
        "/api/v1/orders",
        200,
        _of("ben"),
        headers={"x-user-id": "root", "x-forwarded-for": "9.9.9.9", "forwarded": "for=9.9.9.9"},
        service="orders",
        seen={"x-user-id": "ben", "forwarded": None},
    ),
    Question(
        "nor on a public path",
        "/api/v1/catalogue/open",
        200,
        headers={"x-user-id": "root"},
        service="catalogue",
        seen={"x-user-id": None},
    ),
    Question(UNPARSED, "/api/v1/orders", 400, _of("dash"), headers={"x_user_id": "root"}),
    # 503 and 504: nobody there, or nobody in time.
    Question("no replica", "/api/v1/gone", 503, _of("gone")),
    Question("a replica that breaks off", "/api/v1/orders/drop", 503, _of("drop"), method="POST"),
    Question("a replica that takes too long", "/api/v1/orders/slow", 504, _of("slow")),
]


@dataclass(frozen=True)
class GatewayUnderTest:
    """Where it is, and who issues its tokens."""

    url: str
    issuer: Issuer

    def ask(self, question: Question) -> httpx.Response:
        headers = dict(question.headers)
        if question.token is not None:
            headers["authorization"] = f"Bearer {question.token(self.issuer)}"
        return httpx.request(question.method, self.url + question.path, headers=headers, timeout=10, trust_env=False)

    def is_ready(self) -> bool:
        """Whether it has the issuer's keys, and both replicas of both services pass their health checks."""
        try:
            return all(len(self.dropped(path)) == REPLICAS for path in ("/api/v1/orders", "/api/v1/catalogue"))
        except httpx.TransportError:
            return False

    def dropped(self, path: str) -> dict[str, int]:
        """Replica → requests that it dropped, of those that answer soon."""
        found: dict[str, int] = {}
        for _ in range(10 * REPLICAS):
            # A user of its own each time: what is looked for here is not the limit.
            answer = self.ask(Question("", path, 200, _of(f"user-{time.monotonic_ns()}")))
            if answer.status_code == httpx.codes.OK:
                found[answer.json()["replica"]] = answer.json()["dropped"]
            if len(found) == REPLICAS:
                break
        return found

    def as_user(self, user: str) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {self.issuer.token(user)}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10, trust_env=False)


class GatewayAnswers:
    """The tests. Who inherits gives the fixture `asked`: a GatewayUnderTest that is ready."""

    plain: frozenset[str] = frozenset()
    """Questions whose error this target cannot answer with a problem document."""
    more_members: frozenset[str] = frozenset()
    """Members of a document that this target adds to those that are always there."""

    @pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
    def test_answer(self, asked, question):
        answer = asked.ask(question)
        assert answer.status_code == question.status, answer.text
        if question.service is not None:
            arrived = answer.json()
            assert arrived["service"] == question.service
            for name, value in question.seen.items():
                assert arrived["headers"].get(name) == value
            # `Forwarded` tells the truth or nothing: the address is the gateway's own observation.
            assert "9.9.9.9" not in arrived["headers"].get("x-forwarded-for", "")
        for name, start in question.answered.items():
            assert answer.headers[name].startswith(start)
        if answer.is_error and question.name not in self.plain:
            self.is_problem(answer, question.path, whole=question.name != UNPARSED)

    def is_problem(self, answer: httpx.Response, path: str, *, whole: bool = True) -> None:
        """One of the documents in `scaleproof.spec.problems`, and nothing of Envoy's own words."""
        assert answer.headers["content-type"] == MEDIA_TYPE, answer.text
        document = answer.json()
        problem = next(each for each in PROBLEMS if each.status == answer.status_code)
        assert {name: document[name] for name in problem.members} == problem.members
        more = self.more_members if whole else frozenset()
        assert document.keys() == problem.members.keys() | more, document
        if "instance" in more:
            assert document["instance"] == path.partition("?")[0]
        if "trace_id" in more:
            assert re.fullmatch("[0-9a-f]{32}", document["trace_id"])

    def test_a_services_own_error_passes_as_it_is(self, asked):
        answer = asked.ask(Question("", "/api/v1/orders/refused", 404, _of("own")))
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
        assert answer.json()["service"] == "orders"

    def test_what_stays_does_not_say_that_it_goes(self, asked):
        for path in ("/api/v2/orders", "/api/v1/catalogue"):
            answer = asked.ask(Question("", path, 200, _of("v2")))
            assert answer.status_code == 200
            assert not answer.headers.keys() & {"deprecation", "sunset", "link"}

    def test_a_service_learns_of_the_trace(self, asked):
        """Of the header that the gateway's own documents are made of."""
        headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        seen = asked.ask(Question("", "/api/v1/catalogue/open", 200, headers=headers)).json()["headers"]
        assert seen["traceparent"] == headers["traceparent"]
        assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", seen["x-request-id"])

    def test_what_a_client_sends_does_not_break_the_document(self, asked):
        """httpx would escape these characters; a hand-made client does not."""
        url = httpx.URL(asked.url)
        connection = http.client.HTTPConnection(url.host, url.port, timeout=10)
        connection.request("GET", '/","code":"mine')
        document = json.loads(connection.getresponse().read())
        assert document["code"] in {"not_found", "malformed_request"}
        connection.close()

    def test_what_was_dropped_is_not_sent_again(self, asked):
        """It may have been a payment: only what certainly never reached a replica is repeated."""

        before = asked.dropped("/api/v1/orders")
        assert asked.ask(Question("", "/api/v1/orders/drop", 503, _of("payer"), method="POST")).status_code == 503
        after = asked.dropped("/api/v1/orders")
        assert len(before) == len(after) == REPLICAS
        assert sum(after.values()) == sum(before.values()) + 1

    def test_a_user_has_a_limit_of_its_own(self, asked):
        async def statuses(user: str, count: int) -> Counter[int]:
            async with asked.as_user(user) as client:
                answers = [await client.get("/api/v1/catalogue") for _ in range(count)]
            return Counter(answer.status_code for answer in answers)

        assert asyncio.run(statuses("greedy", A_MINUTE + 5)) == {200: A_MINUTE, 429: 5}
        refused = asked.ask(Question("", "/api/v1/catalogue", 429, _of("greedy")))
        self.is_problem(refused, "/api/v1/catalogue")
        assert refused.headers["retry-after"] == "60"
        assert asyncio.run(statuses("modest", 3)) == {200: 3}

    def test_a_replica_that_dies_costs_no_other_request(self, asked):
        """Connections that it refuses go to the other one, long before a health check has seen it."""

        async def answers() -> Counter[int]:
            """Of ten users who send ten requests each: never more at once than the retry budget lets be sent again."""
            async with httpx.AsyncClient(base_url=asked.url, timeout=10, trust_env=False) as client:

                async def user(number: int) -> list[int]:
                    headers = {"authorization": f"Bearer {asked.issuer.token(f'crowd-{number}')}"}
                    return [(await client.get("/api/v1/catalogue", headers=headers)).status_code for _ in range(10)]

                fatal = {"authorization": f"Bearer {asked.issuer.token('fatal')}"}
                await client.get("/api/v1/catalogue/exit", headers=fatal)
                # What was on the way to it is lost, as at every crash. What comes after its connections broke must not be.
                await asyncio.sleep(0.1)
                found = await asyncio.gather(*(user(number) for number in range(10)))
            return Counter(status for statuses in found for status in statuses)

        found = asyncio.run(answers())
        assert found == {200: 100}, found
