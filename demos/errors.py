"""`scaleproof demo errors`: the same wrong requests to plain FastAPI behind a plain Envoy, and to orders behind this platform's gateway.

What is compared is what a front-end developer gets: one format or several, a code to branch on, the field that is wrong, a trace id to
report, whether to come again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from demos.figures import shortened, table
from demos.program import main
from demos.stage import Routed, Stage, status_of, wait_until

API = "/api/v1/orders"
PROBLEM = "application/problem+json"
TYPED = "typed-4711"
"""What a user typed. Whoever repeats it in an error writes it into logs and screenshots."""
GOOD_ITEM = {"product_id": 1, "quantity": 1}
SHOWN = 100
"""Characters of an answer."""
ORDERS = "1000"
"""Enough to ask for one."""


@dataclass(frozen=True)
class Wrong:
    """A request that cannot be answered as it was meant."""

    what: str
    method: str = "GET"
    path: str = API
    body: Any = None
    raw: bytes | None = None
    """A body that is no JSON, instead of `body`."""
    later: bool = False
    """The very same request may succeed later."""


WRONG = (
    Wrong(
        "a quantity that is no number",
        "POST",
        body={"customer_id": 1, "items": [{"product_id": 1, "quantity": TYPED}]},
    ),
    Wrong("a misspelt field", "POST", body={"customer_id": 1, "coupn": TYPED, "items": [GOOD_ITEM]}),
    Wrong("a product that does not exist", "POST", body={"customer_id": 1, "items": [{"product_id": 999_999, "quantity": 1}]}),
    Wrong("a body that is not JSON", "POST", raw=b'{"customer_id": 1, "items": ['),
    Wrong("a body of 100 kB", "POST", body={"customer_id": 1, "items": [GOOD_ITEM], "note": "x" * 100_000}),
    Wrong("an order that does not exist", path=f"{API}/999999999"),
    Wrong("an id beyond what the database knows", path=f"{API}/99999999999"),
    Wrong("a method that is not there", "DELETE", f"{API}/1"),
    Wrong("a path that no service has", path="/api/v1/ordres"),
)
NO_DATABASE = Wrong("PostgreSQL is gone", path=f"{API}/1", later=True)
NO_REPLICA = Wrong("no replica is left", path=f"{API}/1", later=True)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    media_type: str
    text: str
    retry_after: str | None
    document: dict[str, Any] = field(repr=False)
    """Empty where the body is no JSON object."""

    @classmethod
    def of(cls, response: httpx.Response) -> Answer:
        """Read an answer, whatever it is."""
        try:
            document = response.json()
        except ValueError:
            document = None
        return cls(
            response.status_code,
            response.headers.get("content-type", "").partition(";")[0],
            response.text,
            response.headers.get("retry-after"),
            document if isinstance(document, dict) else {},
        )

    @property
    def taken(self) -> bool:
        """As if nothing were wrong."""
        return self.status < httpx.codes.BAD_REQUEST

    @property
    def is_problem(self) -> bool:
        """As docs/errors.md promises."""
        return self.media_type == PROBLEM and {"type", "title", "status", "code", "trace_id"} <= self.document.keys()

    @property
    def shown(self) -> str:
        """For people: of a problem what a front end acts on, of anything else its beginning."""
        if not self.is_problem:
            return f"{self.status} {self.media_type or 'no content type'}: {shortened(self.text, SHOWN) or '(empty)'}"
        fields = ", ".join(f"{each['field']} {each['code']}" for each in self.document.get("errors", ()))
        again = f"; again after {self.retry_after} s" if self.retry_after else ""
        return f"{self.status} {self.document['code']}{': ' if fields else ''}{fields}{again}"


def ask(gateway: str, wrong: Wrong) -> Answer:
    """Send it."""
    content = wrong.raw if wrong.raw is not None else None if wrong.body is None else json.dumps(wrong.body).encode()
    headers = {} if content is None else {"content-type": "application/json"}
    return Answer.of(
        httpx.request(wrong.method, gateway + wrong.path, content=content, headers=headers, timeout=10, trust_env=False)
    )


@dataclass(frozen=True)
class Pair:
    """The same request to both."""

    wrong: Wrong
    plain: Answer
    ours: Answer


def summary(pairs: Sequence[Pair]) -> str:
    """How many answers have what a front end needs."""
    later = [pair for pair in pairs if pair.wrong.later]

    def row(what: str, holds: Callable[[Answer], bool], of: Sequence[Pair]) -> list[str]:
        counts = (
            sum(holds(answer) for answer in answers) for answers in zip(*((pair.plain, pair.ours) for pair in of), strict=True)
        )
        return [what, *(f"{count} of {len(of)}" for count in counts)]

    formats = (
        {answer.media_type or "none" for answer in answers if not answer.taken}
        for answers in zip(*((pair.plain, pair.ours) for pair in pairs), strict=True)
    )
    return table(
        ["", "plain", "here"],
        [
            ["formats of errors", *(str(len(found)) for found in formats)],
            row("a code to branch on", lambda answer: "code" in answer.document, pairs),
            row("a trace id to report", lambda answer: "trace_id" in answer.document, pairs),
            row("no JSON at all", lambda answer: not answer.document, pairs),
            row("a wrong request taken as right", lambda answer: answer.taken, pairs),
            row("a mistake of the client told as the server's (500)", lambda answer: answer.status == 500, pairs[: len(WRONG)]),  # noqa: PLR2004  says itself
            row("repeats what the user typed", lambda answer: TYPED in answer.text, pairs),
            row('"not now" that says when', lambda answer: answer.retry_after is not None, later),
        ],
    )


def is_as_promised(pair: Pair) -> bool:
    """Of this platform's answer."""
    ours = pair.ours
    return ours.is_problem and TYPED not in ours.text and (ours.retry_after is not None or not pair.wrong.later)


def demo(stage: Stage, *, quick: bool) -> bool:  # noqa: ARG001  it is quick
    """Print every answer of both, and a summary."""
    postgres = stage.postgres()
    environment = {"DATABASE_URL": postgres.url, "ACCESS": "open"}
    stage.set_up("orders", {**environment, "SAMPLE_ORDERS": ORDERS})
    plain, ours = stage.replica("demos.plain_orders", environment), stage.replica("services.orders", environment)
    gateways = (
        stage.gateway({"orders": Routed([API], [plain.port])}, problems=False),
        stage.gateway({"orders": Routed([API], [ours.port])}),
    )
    stage.wait_ready()
    for gateway in gateways:
        wait_until(lambda url=gateway: status_of(f"{url}{API}/1") == httpx.codes.OK, "an order through the gateway")  # type: ignore[misc]

    pairs: list[Pair] = []

    def compare(wrong: Wrong) -> None:
        pair = Pair(wrong, *(ask(gateway, wrong) for gateway in gateways))
        pairs.append(pair)
        print(f"\n{wrong.what}\n  plain  {pair.plain.shown}\n  here   {pair.ours.shown}", flush=True)

    print("The same wrong requests: to plain FastAPI behind a plain Envoy, and to orders behind this platform's gateway.")
    for wrong in WRONG:
        compare(wrong)
    postgres.part.kill()
    compare(NO_DATABASE)
    plain.part.kill()
    ours.part.kill()
    compare(NO_REPLICA)
    print(f"\n{summary(pairs)}")
    return all(is_as_promised(pair) for pair in pairs)


if __name__ == "__main__":
    main(demo, "Errors: what a front-end developer gets, without and with one format.")
