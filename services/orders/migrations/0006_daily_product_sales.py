"""What was sold of each product, by day, in a table that triggers keep right, in the transaction of whoever writes.

An order and its items may be written in one statement, as an order is placed; whatever else changes one of the two does not change the
other in the same statement, or it would not be counted. `orders.count_product_sales()` counts everything anew: where items come without
keys, before their orders, as generated rows do. Filling the table locks out writers, not readers, for one pass over items and orders.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

# No slots as `daily_revenue` has: two orders at once seldom hold the same product, and readers have a tenth of the rows to add up.
TABLE = """
    CREATE TABLE orders.daily_product_sales (
        day date NOT NULL,
        product_id int NOT NULL,
        pieces bigint NOT NULL,
        revenue_cents bigint NOT NULL,
        PRIMARY KEY (day, product_id)
    ) WITH (fillfactor = 50)
"""
SOLD = """
    SELECT o.created_at, i.product_id, {sign} i.quantity AS pieces, {sign} i.quantity::bigint * i.unit_price_cents AS revenue_cents
    FROM {items} i JOIN {orders} o ON o.id = i.order_id WHERE o.status <> 'cancelled'
"""
ITEMS_ADDED = SOLD.format(sign="", items="added", orders="orders.orders")
ITEMS_REMOVED = SOLD.format(sign="-", items="removed", orders="orders.orders")
# New orders have no items yet, or these are counted as items that are added; orders that are deleted have none any more.
ORDERS_CHANGED = " UNION ALL ".join(
    (
        SOLD.format(sign="", items="orders.items", orders="added"),
        SOLD.format(sign="-", items="orders.items", orders="removed"),
    )
)
# The name of the one on orders comes after `daily_revenue_update`: whoever places an order locks that table's row first as well.
TRIGGERS = {
    "item_insert": ("INSERT ON orders.items", ITEMS_ADDED, "NEW TABLE AS added"),
    "item_update": (
        "UPDATE ON orders.items",
        f"{ITEMS_ADDED} UNION ALL {ITEMS_REMOVED}",
        "OLD TABLE AS removed NEW TABLE AS added",
    ),
    "item_delete": ("DELETE ON orders.items", ITEMS_REMOVED, "OLD TABLE AS removed"),
    "order_update": ("UPDATE ON orders.orders", ORDERS_CHANGED, "OLD TABLE AS removed NEW TABLE AS added"),
}
# Products in their order: two statements that sell the same ones cannot wait for each other in a circle.
COUNT = """
    CREATE FUNCTION orders.count_product_sales_on_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO orders.daily_product_sales AS kept (day, product_id, pieces, revenue_cents)
        SELECT (created_at AT TIME ZONE 'UTC')::date, product_id, sum(pieces), sum(revenue_cents)
        FROM ({changes}) AS changes
        GROUP BY 1, 2 HAVING sum(pieces) <> 0 OR sum(revenue_cents) <> 0 ORDER BY 1, 2
        ON CONFLICT (day, product_id) DO UPDATE
        SET pieces = kept.pieces + excluded.pieces, revenue_cents = kept.revenue_cents + excluded.revenue_cents;
        RETURN NULL;
    END
    $$
"""
TRIGGER = """
    CREATE TRIGGER product_sales_{event} AFTER {of} REFERENCING {tables}
    FOR EACH STATEMENT EXECUTE FUNCTION orders.count_product_sales_on_{event}()
"""
EMPTY = """
    CREATE FUNCTION orders.count_product_sales_on_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM orders.daily_product_sales;
        RETURN NULL;
    END
    $$
"""
EMPTY_TRIGGER = """
    CREATE TRIGGER product_sales_truncate AFTER TRUNCATE ON orders.items
    FOR EACH STATEMENT EXECUTE FUNCTION orders.count_product_sales_on_truncate()
"""
COUNT_ALL = f"""
    CREATE FUNCTION orders.count_product_sales() RETURNS void LANGUAGE sql
    SET work_mem = '32MB' AS $$
        DELETE FROM orders.daily_product_sales;
        INSERT INTO orders.daily_product_sales (day, product_id, pieces, revenue_cents)
        SELECT (created_at AT TIME ZONE 'UTC')::date, product_id, sum(pieces), sum(revenue_cents)
        FROM ({SOLD.format(sign="", items="orders.items", orders="orders.orders")}) AS sold GROUP BY 1, 2 ORDER BY 1, 2
    $$
"""  # noqa: S608  literals, as above


def upgrade() -> None:
    """Make the table and its triggers, and count what is there."""
    op.execute("LOCK TABLE orders.orders, orders.items IN SHARE ROW EXCLUSIVE MODE")
    op.execute(TABLE)
    for event, (of, changes, tables) in TRIGGERS.items():
        op.execute(COUNT.format(event=event, changes=changes))
        op.execute(TRIGGER.format(event=event, of=of, tables=tables))
    op.execute(EMPTY)
    op.execute(EMPTY_TRIGGER)
    op.execute(COUNT_ALL)
    op.execute("SELECT orders.count_product_sales()")


def downgrade() -> None:
    """Drop all of it."""
    for event, (of, _, _) in {**TRIGGERS, "truncate": ("TRUNCATE ON orders.items", "", "")}.items():
        op.execute(f"DROP TRIGGER product_sales_{event} ON {of.rpartition(' ')[2]}")
        op.execute(f"DROP FUNCTION orders.count_product_sales_on_{event}()")
    op.execute("DROP FUNCTION orders.count_product_sales()")
    op.execute("DROP TABLE orders.daily_product_sales")
