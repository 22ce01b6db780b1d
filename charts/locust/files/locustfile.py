"""An example: users who open the first page. Give your own in `locustfiles.files`."""

from __future__ import annotations

from locust import FastHttpUser, between, task


class Visitor(FastHttpUser):
    """Opens the first page every few seconds."""

    wait_time = between(5, 15)

    @task
    def first_page(self) -> None:
        """One request."""
        self.client.get("/")
