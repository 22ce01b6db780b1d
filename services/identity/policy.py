"""How long tokens and sessions live, and how many attempts an account has. Seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TokenPolicy:
    """One for the whole service; tests shorten it."""

    access_seconds: int = 600
    session_seconds: int = 30 * 86_400
    """A refresh token's family, from the sign-in on: refreshing does not prolong it."""
    reuse_seconds: float = 10.0
    """So long after its first use a refresh token still gets a sibling: two tabs, or an answer that was lost."""
    leeway_seconds: int = 60
    """Added wherever something must outlast the last access token: clocks differ."""
    most_attempts: int = 10
    attempts_seconds: int = 900
    """So many attempts an account has within so long; a success clears them."""
    elsewhere_seconds: int = 600
    """So long somebody who signs in through another provider may take there."""
    link_seconds: int = 900
    """So long after a sign-in its session may link the account with a provider."""

    @property
    def concern_seconds(self) -> int:
        """So long after its issue an access token may still be taken by somebody."""
        return self.access_seconds + self.leeway_seconds
