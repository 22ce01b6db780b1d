"""Indexes for the lists of a customer and of a status, and for names that begin somehow.

What a schema of before there were migrations has instead goes: a reference says its order's id, and revenue gets a table of its own.
"""

from __future__ import annotations

from services.common.online_index import create_index, drop_index

revision = "0002"
down_revision = "0001"

INDEXES = {
    "orders_of_customer": "orders.orders (customer_id, id DESC)",
    "orders_of_status": "orders.orders (status, id DESC)",
    # Read alone, without the table: that is what the included name is for. The id decides between namesakes.
    "customers_by_name_prefix": "orders.customers (lower(name) text_pattern_ops, id) INCLUDE (name)",
}
SUPERSEDED = ("customers_by_name", "orders_by_day", "orders_reference")


def upgrade() -> None:
    """Make those that are read, drop those that are not."""
    for name, definition in INDEXES.items():
        create_index("orders", name, definition)
    for name in SUPERSEDED:
        drop_index("orders", name)


def downgrade() -> None:
    """Back to keys alone."""
    for name in INDEXES:
        drop_index("orders", name)
