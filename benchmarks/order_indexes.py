"""Indexes for orders that were tried in place of what is there: what they cost and what they bring."""

from __future__ import annotations

import asyncio
import random
import statistics

from benchmarks.order_databases import WARM, Bench, Side, timed
from benchmarks.order_questions import QUESTIONS
from benchmarks.plain_orders import PlainOrdersRepository
from benchmarks.statement_plans import Plan, explain
from services.orders.repository import OrdersRepository

CANDIDATES = (
    (
        "a customer's list out of the index alone",
        "orders_of_customer",
        "CREATE INDEX tried ON orders.orders (customer_id, id DESC) INCLUDE (reference, status, pieces, total_cents, created_at)",
        "of a customer",
    ),
    (
        "statuses without `delivered`, nine tenths of all",
        "orders_of_status",
        "CREATE INDEX tried ON orders.orders (status, id DESC) WHERE status <> 'delivered'",
        "to be shipped",
    ),
    (
        "the same",
        "orders_of_status",
        "CREATE INDEX tried ON orders.orders (status, id DESC) WHERE status <> 'delivered'",
        "delivered",
    ),
    (
        "revenue by index (`created_at`, total included, not cancelled) instead of by triggers",
        None,
        "CREATE INDEX tried ON orders.orders (created_at) INCLUDE (total_cents) WHERE status <> 'cancelled'",
        "revenue summed up",
    ),
)


def candidates(bench: Bench, samples: int) -> list[str]:
    """Indexes instead of those that are there: size, median and pages read, beside what is there."""
    url = bench.sides[1].url
    rows = [
        "| tried | instead of | question | size | median | pages read |",
        "|---|---|---|---|---|---|",
    ]
    for words, replaced, definition, question in CANDIDATES:
        kept_size = size_of(bench, f"orders.{replaced}") if replaced else size_of(bench, "orders.daily_revenue")
        kept_ms, kept = measured(bench, question.replace(" summed up", ""), samples)
        stored = bench.sql(f"SELECT pg_get_indexdef('orders.{replaced}'::regclass)", url) if replaced else []
        if replaced:
            bench.sql(f"DROP INDEX orders.{replaced}", url)
        bench.sql(definition, url)
        bench.sql("VACUUM (ANALYZE) orders.orders", url)
        tried_size = size_of(bench, "orders.tried")
        tried_ms, tried = measured(bench, question, samples)
        bench.sql("DROP INDEX orders.tried", url)
        for (statement,) in stored:
            bench.sql(statement, url)
        rows.append(
            f"| {words} | `{replaced or 'daily_revenue'}` | {question} | {kept_size} → {tried_size} | {kept_ms:.2f} → {tried_ms:.2f} ms | "
            f"{kept.pages:,} → {tried.pages:,} |"
        )
    return rows


def size_of(bench: Bench, relation: str) -> str:
    """In words, indexes included."""
    return str(bench.sql(f"SELECT pg_size_pretty(pg_total_relation_size('{relation}'))", bench.sides[1].url)[0][0])


def measured(bench: Bench, question: str, samples: int) -> tuple[float, Plan]:
    """Median in milliseconds and plan of one question to the optimised database; `… summed up` is asked as the plain side asks it."""
    plain = question.endswith("summed up")
    side = Side("tried", bench.sides[1].url, PlainOrdersRepository if plain else OrdersRepository)
    source = random.Random(8)  # noqa: S311  questions, not secrets
    taken = []
    with asyncio.Runner() as runner, side.database(runner) as (database, repository):
        for _ in range(samples + WARM):
            calls = QUESTIONS[question.removesuffix(" summed up")](source, bench.orders)
            taken.append(timed(runner, calls[0 if plain else 1], repository)[1])
        return 1000 * statistics.median(taken[WARM:]), explain(side.url, database.last)
