"""What users know of the platform's data: how many orders there are, and what customers are called."""

from __future__ import annotations

import random

ORDERS = 200_000
CUSTOMERS = 20_000
PRODUCTS = 500
CUSTOMER_STEP = 7919
"""From an order's customer to the next order's (services/orders/rows.py)."""
FIRST_NAMES = (
    "ada",
    "anna",
    "ben",
    "carlos",
    "clara",
    "elena",
    "emil",
    "felix",
    "grace",
    "hugo",
    "ines",
    "julia",
    "leo",
    "maria",
    "nora",
    "vera",
)
LAST_INITIALS = "abcdefghklmnoprs"


def order_id(source: random.Random) -> int:
    """Every fourth look goes to one of the 200 newest orders, which a cache can hold; the rest to any."""
    if source.random() < 0.25:  # noqa: PLR2004 - as said above
        return ORDERS - source.randrange(200)
    return source.randrange(ORDERS) + 1


def own_order_id(source: random.Random, customer_id: int) -> int:
    """One of that customer's orders that were there from the start; nobody has to look at the list first.

    Order n belongs to customer 1 + n * CUSTOMER_STEP mod CUSTOMERS.
    """
    least = (customer_id - 1) * pow(CUSTOMER_STEP, -1, CUSTOMERS) % CUSTOMERS or CUSTOMERS
    return least + CUSTOMERS * source.randrange(ORDERS // CUSTOMERS)


def customer_name(source: random.Random) -> str:
    """How a customer's name begins, such as `ada b`."""
    return f"{source.choice(FIRST_NAMES)} {source.choice(LAST_INITIALS)}"


def basket(source: random.Random, customer_id: int) -> dict[str, object]:
    """An order to be placed by that customer."""
    items = [
        {"product_id": source.randrange(PRODUCTS) + 1, "quantity": source.randint(1, 3)} for _ in range(source.randint(1, 4))
    ]
    return {"customer_id": customer_id, "items": items}
