"""Somebody who opens the dashboard now and then, and arranges it."""

from __future__ import annotations

from locust import task

from journeys.signed_in import SignedInUser
from scaleproof.load import serves

SETTINGS = "/api/v1/dashboard/settings/{user_id}"
THEMES = ("light", "dark", "system")


class SettingsUser(SignedInUser):
    """Reads and writes own settings."""

    weight = 1

    @task(18)
    @serves("dashboard")
    def read_settings(self) -> None:
        """As every page does when it opens."""
        self.ask("GET", SETTINGS.format(user_id=self.user_id), name=SETTINGS)

    @task(6)
    @serves("dashboard")
    def write_settings(self) -> None:
        """Another theme, another number of days."""
        chosen = {"theme": self.random.choice(THEMES), "days": self.random.choice((7, 14, 30))}
        self.ask("PUT", SETTINGS.format(user_id=self.user_id), json=chosen, name=f"PUT {SETTINGS}")
