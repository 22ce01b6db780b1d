"""Who opens dashboards, and nobody else: a locustfile of its own, so that the main load's mix stays what it is."""

from __future__ import annotations

from journeys.dashboard_user import DashboardUser

__all__ = ["DashboardUser"]
