"""The schema forth, back and forth again; and what users had chosen before there were layouts."""

from __future__ import annotations

import psycopg
from psycopg.types.json import Jsonb
from service_processes import DataServer

from services.common.migrations import downgrade, upgrade
from services.dashboard.document_versions import upgraded_layout
from services.dashboard.layout_document import LayoutDocument
from services.dashboard.preference_schemas import Preferences
from services.dashboard.schemas import UserSettings
from services.dashboard.setup import MIGRATIONS, setup

CHOSEN = UserSettings(theme="dark", currency="USD", days=30, widgets=["newest", "trend"])
BEFORE_MIGRATIONS = """
    CREATE SCHEMA dashboard;
    CREATE TABLE dashboard.settings (user_id text PRIMARY KEY, settings jsonb NOT NULL, updated_at timestamptz NOT NULL)
        WITH (fillfactor = 70);
"""


def test_settings_of_before_become_layouts_and_preferences(postgres: DataServer):
    postgres.server.ensure_databases(["settings_of_before"])
    url = postgres.server.database_url("settings_of_before")
    with psycopg.connect(url) as connection:
        connection.execute(BEFORE_MIGRATIONS)
        add = "INSERT INTO dashboard.settings VALUES ('user-7', %s, now())"
        connection.execute(add, [Jsonb(CHOSEN.model_dump(mode="json"))])
    assert setup(url)
    assert not setup(url), "twice is once"
    for way in (lambda: None, lambda: back_and_forth(url)):
        way()
        with psycopg.connect(url) as connection:
            [layout] = connection.execute("SELECT owner_id, name, document, revision FROM dashboard.layouts").fetchall()
            [preferences] = connection.execute("SELECT user_id, document, revision FROM dashboard.preferences").fetchall()
        assert (layout[0], layout[1], layout[3]) == ("user-7", "Overview", 1)
        kinds = [widget.kind for widget in LayoutDocument.model_validate(upgraded_layout(layout[2])).widgets]
        assert kinds == ["latest_orders", "revenue_by_day"]
        assert (preferences[0], preferences[2]) == ("user-7", 1)
        chosen = Preferences.model_validate(preferences[1])
        assert (chosen.theme, chosen.currency, chosen.language) == ("dark", "USD", None)


def back_and_forth(url: str) -> None:
    assert downgrade(url, migrations=MIGRATIONS, schema="dashboard", target="0001")
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'dashboard' ORDER BY 1").fetchall()
    assert tables == [("alembic_version",), ("settings",)]
    assert upgrade(url, migrations=MIGRATIONS, schema="dashboard")


def test_back_to_nothing_and_forth_again(postgres: DataServer):
    postgres.server.ensure_databases(["back_to_nothing"])
    url = postgres.server.database_url("back_to_nothing")
    assert setup(url)
    assert downgrade(url, migrations=MIGRATIONS, schema="dashboard", target="base")
    with psycopg.connect(url) as connection:
        left = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'dashboard'").fetchall()
    assert left == [("alembic_version",)]
    assert setup(url)
