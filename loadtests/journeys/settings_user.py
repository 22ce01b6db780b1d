"""Somebody who opens the dashboard now and then, and arranges it."""

from __future__ import annotations

from locust import task

from scaleproof.load import JourneyUser, serves

USERS = 10_000
THEMES = ("light", "dark", "system")


class SettingsUser(JourneyUser):
    """Reads and writes settings."""

    weight = 1

    @task(3)
    @serves("dashboard")
    def read_settings(self) -> None:
        """As every page does when it opens."""
        self.client.get(f"/api/v1/dashboard/settings/{self._user_id()}", name="/api/v1/dashboard/settings/{user_id}")

    @task(1)
    @serves("dashboard")
    def write_settings(self) -> None:
        """Another theme, another number of days."""
        chosen = {"theme": self.random.choice(THEMES), "days": self.random.choice((7, 14, 30))}
        self.client.put(
            f"/api/v1/dashboard/settings/{self._user_id()}", json=chosen, name="PUT /api/v1/dashboard/settings/{user_id}"
        )

    def _user_id(self) -> str:
        return f"user-{self.random.randrange(USERS)}"
