"""Which tokens are revoked, in memory; and for how long nobody has said anything. Never fails open."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.common.tokens.principal import Principal
from services.common.tokens.revocation_batch import COMMIT_SECONDS, RevocationBatch

SILENCE_SECONDS = 5.0
"""Nothing heard for longer: a token may have been revoked meanwhile, and nobody's token is taken until somebody speaks."""
KEPT_LONGER_SECONDS = 60.0
"""For clocks that differ, before an expired entry is forgotten."""
FORGET_EVERY_SECONDS = 30.0


class Revocations:
    """Filled by batches that follow one another without a gap. `clock` is monotonic."""

    def __init__(self, *, silence_seconds: float = SILENCE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._silence_seconds = silence_seconds
        self._clock = clock
        self._sessions: dict[str, float] = {}
        self._users: dict[str, tuple[int, float]] = {}
        self._complete_until = 0.0
        self._heard_at: float | None = None
        self._forget_at = 0.0

    @property
    def complete_until(self) -> float:
        """Everything recorded until then (PostgreSQL's clock) is known; 0 before the first batch."""
        return self._complete_until

    def is_revoked(self, principal: Principal) -> bool:
        """Whether the token was revoked, as far as is known."""
        if principal.session_id in self._sessions:
            return True
        user = self._users.get(principal.user_id)
        return user is not None and principal.version < user[0]

    def silent_seconds(self) -> float:
        """Since when nothing was heard; infinite before the first time."""
        return float("inf") if self._heard_at is None else self._clock() - self._heard_at

    def is_silent(self) -> bool:
        """Whether the silence has lasted too long to take anybody's token."""
        return self.silent_seconds() > self._silence_seconds

    def apply(self, batch: RevocationBatch, *, heard_at: float) -> bool:
        """Take the batch in; `heard_at` is a time of `clock` at which it was up to date.

        False where it does not reach back to the one before: what it says is kept, yet it breaks no silence.
        """
        for session in batch.sessions:
            self._sessions[session.session_id] = session.expires_at
        for user in batch.users:
            known = self._users.get(user.user_id, (0, 0.0))
            self._users[user.user_id] = (max(known[0], user.least_version), max(known[1], user.expires_at))
        self._forget(batch.as_of)
        if batch.since > self._complete_until:
            return False
        self._complete_until = max(self._complete_until, batch.as_of - COMMIT_SECONDS)
        self._heard_at = heard_at if self._heard_at is None else max(self._heard_at, heard_at)
        return True

    def _forget(self, as_of: float) -> None:
        if as_of < self._forget_at:
            return
        self._forget_at = as_of + FORGET_EVERY_SECONDS
        limit = as_of - KEPT_LONGER_SECONDS
        self._sessions = {session: until for session, until in self._sessions.items() if until > limit}
        self._users = {user: entry for user, entry in self._users.items() if entry[1] > limit}
