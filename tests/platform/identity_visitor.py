"""What only somebody knows who was at identity before: hooks of schemathesis' (read by it through SCHEMATHESIS_HOOKS) that put it into valid requests.

At random nobody guesses a password, a refresh token or the state of a sign-in, and next to no id is a user's: every answer would be a refusal. Half
of the valid requests therefore name what is there. Invalid ones stay as they are, and so do those of a scenario, which know the answers before them.
FUZZING_KNOWN names the file that identity_under_fuzzing.py wrote. Nobody may change the user whose token the requests carry.
"""

import json
import os
import random
from collections.abc import Callable
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import problem_check  # noqa: F401  registers its check
import schemathesis
from schemathesis.generation.meta import TestPhase

from services.identity import cookie as refresh_cookie
from services.identity.oidc import cookie as browser_cookie

API = "/api/v1/identity"
KNOWN = json.loads(Path(os.environ["FUZZING_KNOWN"]).read_text())
CHANGES = frozenset(
    {f"PUT {API}/users/{{user_id}}/roles", f"PUT {API}/users/{{user_id}}/status", f"DELETE {API}/users/{{user_id}}"}
)
NOBODY = 2**31 - 2
ATTEMPTS: list[tuple[str, str]] = []
"""State and browser's secret of each sign-in elsewhere that is going on."""
CHANCE = random.Random(1)


def name_user(case: schemathesis.Case) -> None:
    """Oneself where only one's own can be reached; otherwise one of those who are there to be changed."""
    is_own = case.operation.label.endswith("/password")
    case.path_parameters["user_id"] = KNOWN["own_id"] if is_own else CHANCE.choice(KNOWN["user_ids"])


def name_provider(case: schemathesis.Case) -> None:
    case.path_parameters["provider"] = KNOWN["provider"]


def sign_in(case: schemathesis.Case) -> None:
    case.body = dict(KNOWN["credentials"])


def bring_session(case: schemathesis.Case) -> None:
    case.cookies[refresh_cookie.NAME] = CHANCE.choice(KNOWN["refresh_tokens"])


def come_back(case: schemathesis.Case) -> None:
    if not ATTEMPTS:
        return
    state, browser = ATTEMPTS.pop()
    case.query["state"] = state
    case.cookies[browser_cookie.NAME] = browser
    if CHANCE.random() < 0.5:
        case.query["iss"] = KNOWN["issuer"]
        case.query.pop("error", None)


BY_OPERATION: dict[str, Callable[[schemathesis.Case], None]] = {
    f"POST {API}/sessions": sign_in,
    f"POST {API}/sessions/refresh": bring_session,
    f"DELETE {API}/sessions/current": bring_session,
    f"GET {API}/oidc/{{provider}}/callback": come_back,
}


def is_own(user_id: Any) -> bool:
    return str(user_id).strip() == str(KNOWN["own_id"])


def is_for_somebody(case: schemathesis.Case) -> bool:
    """Half of the valid ones outside of scenarios."""
    if case.meta is None or not case.meta.generation.mode.is_positive or case.meta.phase.name is TestPhase.STATEFUL:
        return False
    return CHANCE.random() < 0.5


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    if is_for_somebody(case):
        if "user_id" in case.path_parameters:
            name_user(case)
        if "provider" in case.path_parameters:
            name_provider(case)
        if case.operation.label in BY_OPERATION:
            BY_OPERATION[case.operation.label](case)
    if case.operation.label in CHANGES and is_own(case.path_parameters.get("user_id")):
        case.path_parameters["user_id"] = NOBODY


@schemathesis.hook
def after_call(_context: schemathesis.HookContext, case: schemathesis.Case, response: schemathesis.Response) -> None:
    if case.operation.label == f"GET {API}/oidc/{{provider}}/start" and response.status_code == 303:
        [state] = parse_qs(urlsplit(response.headers["location"][0]).query)["state"]
        cookies = SimpleCookie(response.headers["set-cookie"][0])
        ATTEMPTS.append((state, cookies[browser_cookie.NAME].value))
