"""What all journeys have in common: a user with a session of identity (`load.prepare` in platform.yaml), and the token that it needs."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any, ClassVar

from gevent.lock import RLock
from locust import task

from scaleproof.load import JourneyUser, given, serves

REFRESH = "/api/v1/identity/sessions/refresh"
COOKIE = "__Secure-refresh"
LEAST_SECONDS = 5.0
"""A token that ends sooner is renewed before it is used."""
UNAUTHORISED = 401

Session = dict[str, Any]


@lru_cache(maxsize=4)
def sessions(role: str) -> tuple[Session, ...]:
    """Of everybody with that role; a user of the load takes the one with its number. Empty where nothing was prepared."""
    return tuple(each for each in given() if role in each["roles"])


class SignedInUser(JourneyUser):
    """Sends its access token along, and renews it: now and then ahead of time, as a page does by itself, or when it is needed."""

    abstract = True
    role: ClassVar[str] = "customer"

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._session: Session | None = None
        self._renewing = RLock()

    @property
    def session(self) -> Session:
        """Its own."""
        if self._session is None:
            found = sessions(self.role)
            if self.number >= len(found):
                raise RuntimeError(f"no session for {self.role} {self.number}: load.prepare of platform.yaml makes them")
            self._session = dict(found[self.number])
        return self._session

    @property
    def user_id(self) -> int:
        """The user's id; of a customer also the customer's."""
        user_id: int = self.session["user_id"]
        return user_id

    @task
    @serves("identity")
    def refresh(self) -> None:
        """A new access token; the refresh token is replaced."""
        cookie = f"{COOKIE}={self.session['refresh_token']}"
        with self.client.post(REFRESH, headers={"cookie": cookie}, name=REFRESH, catch_response=True) as response:
            if response.status_code == 200:  # noqa: PLR2004  any other status is an error already
                body = response.json()
                replaced = response.headers["set-cookie"].removeprefix(f"{COOKIE}=").partition(";")[0]
                self.session.update(
                    access_token=body["access_token"], expires_at=time.time() + body["expires_in"], refresh_token=replaced
                )

    def ask(self, method: str, path: str, *, name: str, json: Any = None, if_match: str | None = None) -> Any:
        """One request in the user's name; Locust's response."""
        if self._ends_soon():
            with self.aside(), self._renewing:
                if self._ends_soon():  # a request of the same moment may have renewed it meanwhile
                    self.refresh()
        headers = {"authorization": f"Bearer {self.session['access_token']}"}
        if if_match is not None:
            headers["if-match"] = if_match
        return self.client.request(method, path, name=name, json=json, headers=headers)

    def _ends_soon(self) -> bool:
        ends_at: float = self.session["expires_at"]
        return ends_at - time.time() < LEAST_SECONDS
