"""Who comes to the reference platform. What each of them does is in `journeys/`, one journey a file."""

from __future__ import annotations

from journeys.browsing_customer import BrowsingCustomer
from journeys.buyer import Buyer
from journeys.settings_user import SettingsUser
from journeys.staff import Staff

__all__ = ["BrowsingCustomer", "Buyer", "SettingsUser", "Staff"]
