"""Revenue by day in a table of its own, which triggers on `orders` keep right, in the transaction of whoever writes.

Filling it locks out writers, not readers, for one pass over `orders`: from the first order on that a trigger counts, none may be
counted twice or not at all (docs/database.md says how long that takes).
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

# A day has up to eight rows, so that orders placed at the same time seldom wait for each other: a connection always writes the same one.
# A row is replaced in place as long as its page has room.
TABLE = """
    CREATE TABLE orders.daily_revenue (
        day date NOT NULL,
        slot int NOT NULL,
        orders bigint NOT NULL,
        revenue_cents bigint NOT NULL,
        PRIMARY KEY (day, slot)
    ) WITH (fillfactor = 50)
"""
ADDED = "SELECT created_at, 1 AS orders, total_cents FROM added WHERE status <> 'cancelled'"
REMOVED = "SELECT created_at, -1 AS orders, -total_cents AS total_cents FROM removed WHERE status <> 'cancelled'"
CHANGES = {
    "insert": (ADDED, "NEW TABLE AS added"),
    "update": (f"{ADDED} UNION ALL {REMOVED}", "OLD TABLE AS removed NEW TABLE AS added"),
    "delete": (REMOVED, "OLD TABLE AS removed"),
}
# Days in their order: two statements that change the same days cannot wait for each other in a circle.
COUNT = """
    CREATE FUNCTION orders.count_revenue_on_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO orders.daily_revenue AS kept (day, slot, orders, revenue_cents)
        SELECT (created_at AT TIME ZONE 'UTC')::date, mod(pg_backend_pid(), 8), sum(orders), sum(total_cents)
        FROM ({changes}) AS changes
        GROUP BY 1 HAVING sum(orders) <> 0 OR sum(total_cents) <> 0 ORDER BY 1
        ON CONFLICT (day, slot) DO UPDATE
        SET orders = kept.orders + excluded.orders, revenue_cents = kept.revenue_cents + excluded.revenue_cents;
        RETURN NULL;
    END
    $$
"""
TRIGGER = """
    CREATE TRIGGER daily_revenue_{event} AFTER {event} ON orders.orders REFERENCING {tables}
    FOR EACH STATEMENT EXECUTE FUNCTION orders.count_revenue_on_{event}()
"""
EMPTY = """
    CREATE FUNCTION orders.count_revenue_on_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM orders.daily_revenue;
        RETURN NULL;
    END
    $$
"""
EMPTY_TRIGGER = """
    CREATE TRIGGER daily_revenue_truncate AFTER TRUNCATE ON orders.orders
    FOR EACH STATEMENT EXECUTE FUNCTION orders.count_revenue_on_truncate()
"""
ALREADY_THERE = """
    INSERT INTO orders.daily_revenue (day, slot, orders, revenue_cents)
    SELECT (created_at AT TIME ZONE 'UTC')::date, 0, count(*), sum(total_cents)
    FROM orders.orders WHERE status <> 'cancelled' GROUP BY 1
"""


def upgrade() -> None:
    """Make the table and its triggers, and count what is there."""
    op.execute("LOCK TABLE orders.orders IN SHARE ROW EXCLUSIVE MODE")
    op.execute(TABLE)
    for event, (changes, tables) in CHANGES.items():
        op.execute(COUNT.format(event=event, changes=changes))
        op.execute(TRIGGER.format(event=event, tables=tables))
    op.execute(EMPTY)
    op.execute(EMPTY_TRIGGER)
    op.execute(ALREADY_THERE)


def downgrade() -> None:
    """Drop both."""
    for event in (*CHANGES, "truncate"):
        op.execute(f"DROP TRIGGER daily_revenue_{event} ON orders.orders")
        op.execute(f"DROP FUNCTION orders.count_revenue_on_{event}()")
    op.execute("DROP TABLE orders.daily_revenue")
