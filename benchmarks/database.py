"""What do the migrations of orders bring? The first one (keys alone, plain queries) against all of them, on a million orders.

`python -m benchmarks.database [--orders 1000000] [--write]`, about five minutes. Five tables: which questions take the database's time at
the journeys' mix; each one's p95 and rows read on both sides, asked in turn, answers compared; CPU a request of service and PostgreSQL
together; what users notice of the migrations themselves; and indexes that were tried. `--write` puts them into docs/database.md, and
the plans into docs/evidence/database/.

The server is the embedded default's, with 128 MiB of shared buffers: the machine's own PostgreSQL where there is one, else the wheel's. Where
it has pg_stat_statements (the wheel's has not), that view is evidence too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from benchmarks.order_databases import OPTIMISED, PLAIN, ROOT, WARM, Bench, Side, p95, timed
from benchmarks.order_indexes import candidates
from benchmarks.order_questions import QUESTIONS, draw_name, path_of
from benchmarks.plain_orders import PlainOrdersRepository
from benchmarks.process_cpu import cpu_seconds
from benchmarks.statement_plans import Plan, explain
from services.common.migrations import revisions, upgrade
from services.orders.setup import MIGRATIONS

PAGE = ROOT / "docs" / "database.md"
EVIDENCE = ROOT / "docs" / "evidence" / "database"
BEGIN, END = "<!-- figures: benchmarks/database.py -->", "<!-- end of figures -->"
SAMPLES = 40
MIX = 300
BLOCKS = 3
BLOCK_SECONDS = 6.0
AT_ONCE = 4
STATEMENTS = """
    SELECT calls, round(total_exec_time::numeric, 1) AS total_ms, round(mean_exec_time::numeric, 2) AS mean_ms, rows,
           shared_blks_hit + shared_blks_read AS pages, regexp_replace(query, '\\s+', ' ', 'g') AS query
    FROM pg_stat_statements WHERE query ~ 'orders\\.' ORDER BY total_exec_time DESC LIMIT 12
"""


def shares_of_time(bench: Bench) -> list[str]:
    """Which questions take the time of the first migration's database, at the journeys' mix."""
    side = Side(PLAIN, bench.watched, PlainOrdersRepository)
    source = random.Random(6)  # noqa: S311  questions, not secrets
    counted: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    if bench.has_statements:
        bench.sql("SELECT pg_stat_statements_reset()")
    with asyncio.Runner() as runner, side.database(runner) as (_, repository):
        for _ in range(MIX):
            name = draw_name(source)
            _, seconds = timed(runner, QUESTIONS[name](source, bench.orders)[0], repository)
            counted[name] += 1
            spent[name] += seconds
    rows = [
        f"| {name} | {counted[name]} | {1000 * seconds / counted[name]:.1f} ms | {seconds / spent.total():.1%} |"
        for name, seconds in spent.most_common()
    ]
    return [f"| of {MIX} questions | asked | mean | share of the time |", "|---|---|---|---|", *rows]


def ask_in_turn(bench: Bench, name: str, samples: int) -> list[tuple[float, Plan]]:
    """p95 in milliseconds and the last question's plan, by side: the same questions to both, now one first, now the other.

    Raises RuntimeError where their answers differ.
    """
    source = random.Random(5)  # noqa: S311  questions, not secrets
    taken: list[list[float]] = [[] for _ in bench.sides]
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        opened = [stack.enter_context(side.database(runner)) for side in bench.sides]
        for number in range(samples + WARM):
            calls = QUESTIONS[name](source, bench.orders)
            answers: list[Any] = [None, None]
            for index in (0, 1) if number % 2 else (1, 0):
                answers[index], seconds = timed(runner, calls[index], opened[index][1])
                taken[index].append(seconds)
            if name != "create" and answers[0] != answers[1]:
                raise RuntimeError(f"{name}: the answers differ: {answers}")
        plans = [explain(side.url, database.last) for side, (database, _) in zip(bench.sides, opened, strict=True)]
    return [(p95(times[WARM:]), plan) for times, plan in zip(taken, plans, strict=True)]


def before_and_after(bench: Bench, samples: int, evidence: Path | None) -> list[str]:
    """Every question on both sides."""
    rows = [
        f"| question | p95: {PLAIN} | {OPTIMISED} | | rows read: {PLAIN} | {OPTIMISED} | |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in QUESTIONS:
        (before_ms, before), (after_ms, after) = ask_in_turn(bench, name, samples)
        fewer = before.rows_read / max(after.rows_read, 1)
        rows.append(
            f"| {name} | {before_ms:.2f} ms | {after_ms:.2f} ms | {before_ms / after_ms:,.1f} × | {before.rows_read:,} | "
            f"{after.rows_read:,} | {fewer:,.0f} × |"
        )
        if evidence is not None:
            text = "\n\n".join(
                f"{side}, on {bench.orders:,} orders\n\n{plan.text}" for side, plan in ((PLAIN, before), (OPTIMISED, after))
            )
            (evidence / f"{name.replace(' ', '-')}.txt").write_text(f"{text}\n")
    return rows


async def serve_for(url: str, seconds: float, source: random.Random, orders: int) -> int:
    """How many requests of the mix were answered, some at a time. Raises where one is an error."""
    answered = 0
    until = time.monotonic() + seconds

    async with aiohttp.ClientSession() as session:

        async def user() -> None:
            nonlocal answered
            while time.monotonic() < until:
                path, body = path_of(draw_name(source), source, orders)
                async with session.request("GET" if body is None else "POST", url + path, json=body) as response:
                    await response.read()
                    response.raise_for_status()
                answered += 1

        await asyncio.gather(*(user() for _ in range(AT_ONCE)))
    return answered


def capacity(bench: Bench, seconds: float) -> list[str]:
    """CPU a request of service and PostgreSQL, at the journeys' mix without a cache: blocks of both sides in turn."""
    spent = [[0.0, 0.0] for _ in bench.sides]
    counts = [0, 0]
    source = random.Random(7)  # noqa: S311  questions, not secrets
    with ExitStack() as stack:
        replicas = []
        for side in bench.sides:
            environment = {"CACHED": "none", "MOST_IN_FLIGHT": "200", "SERVICE": "orders", "ACCESS": "open"}
            replica = side.start(environment, bench.folder / f"{side.kind.__name__}.log")
            stack.callback(replica.stop)
            replicas.append(replica.wait_ready())
        for replica in replicas:
            asyncio.run(serve_for(replica.url, seconds / 4, source, bench.orders))
        for block in range(BLOCKS):
            for index in (0, 1) if block % 2 else (1, 0):
                pids = (replicas[index].process.pid, bench.data.pid)
                before = [cpu_seconds(pid) for pid in pids]
                counts[index] += asyncio.run(serve_for(replicas[index].url, seconds, source, bench.orders))
                for part, pid in enumerate(pids):
                    spent[index][part] += cpu_seconds(pid) - before[part]
    rows = []
    for side, parts, count in zip(bench.sides, spent, counts, strict=True):
        service, server = (1000 * part / count for part in parts)
        rows.append(
            f"| {side.name} | {count:,} | {service:.2f} ms | {server:.2f} ms | {1000 / (service + server):,.0f} requests/s |"
        )
    gain = (sum(spent[0]) / counts[0]) / (sum(spent[1]) / counts[1])
    return [
        "| | requests | CPU of the service | of PostgreSQL | capacity of a core |",
        "|---|---|---|---|---|",
        *rows,
        f"| | | | | **{gain:.1f} ×** |",
    ]


def what_users_notice(bench: Bench) -> list[str]:
    """How long each migration takes, and the longest that an order took to be placed and to be read meanwhile."""
    rows = ["| migration | takes | longest order placed meanwhile | longest list read |", "|---|---|---|---|"]
    for target in revisions(MIGRATIONS)[1:]:
        over = threading.Event()
        waits: dict[str, list[float]] = {"place": [0.0], "read": [0.0]}
        statements = {
            "place": "INSERT INTO orders.orders (customer_id, status, pieces, total_cents, created_at) VALUES (1, 'placed', 1, 7, now())",
            "read": "SELECT * FROM orders.orders ORDER BY id DESC LIMIT 10",
        }

        def use(kind: str, statement: str, over: threading.Event = over, waits: dict[str, list[float]] = waits) -> None:
            with psycopg.connect(bench.watched, autocommit=True, options="-c statement_timeout=5000") as connection:
                while not over.is_set():
                    started = time.monotonic()
                    connection.execute(statement)  # type: ignore[arg-type]  # one of both above
                    waits[kind].append(time.monotonic() - started)
                    time.sleep(0.005)

        users = [threading.Thread(target=use, args=each) for each in statements.items()]
        for user in users:
            user.start()
        started = time.monotonic()
        upgrade(bench.watched, migrations=MIGRATIONS, schema="orders", target=target)
        took = time.monotonic() - started
        over.set()
        for user in users:
            user.join()
        rows.append(f"| {target} | {took:.1f} s | {1000 * max(waits['place']):.0f} ms | {1000 * max(waits['read']):.0f} ms |")
    return rows


@contextmanager
def bench_of(orders: int) -> Iterator[Bench]:
    """With its server; everything is gone afterwards."""
    # Not a folder closed to others: PostgreSQL must not run as root.
    folder = Path(tempfile.mkdtemp(prefix="scaleproof-database-"))
    folder.chmod(0o755)
    bench = Bench(folder, orders)
    try:
        bench.start()
        yield bench
    finally:
        bench.data.stop()
        bench.data.server.remove()
        shutil.rmtree(folder, ignore_errors=True)


def show(title: str, lines: list[str]) -> list[str]:
    """Print a table, and give it with its title."""
    found = [f"**{title}**", "", *lines, ""]
    print("\n".join(found), flush=True)
    return found


def demo(orders: int = 100_000) -> None:
    """A small one, within a minute: `scaleproof demo database`."""
    with bench_of(orders) as bench:
        print(f"{orders:,} orders, generated in {bench.fill_seconds:.1f} s\n")
        show("What takes the time", shares_of_time(bench))
        show("Before and after", before_and_after(bench, 20, None))
        show("Capacity", capacity(bench, 2.0))


def main(arguments: list[str]) -> int:
    """All tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="into docs/database.md and docs/evidence/database")
    parser.add_argument("--demo", action="store_true", help="a small one")
    chosen = parser.parse_args(arguments)
    if chosen.demo:
        demo()
        return 0
    evidence = EVIDENCE if chosen.write else None
    if evidence is not None:
        evidence.mkdir(parents=True, exist_ok=True)
    with bench_of(chosen.orders) as bench:
        version = bench.sql("SHOW server_version")[0][0]
        made, load = bench.fill_seconds, os.getloadavg()[0]
        server = f"PostgreSQL {version}, {bench.orders:,} orders (generated in {made:.0f} s)"
        found = [f"{server}, {os.cpu_count()} CPUs, load average {load:.0f} at the start.", ""]
        print(found[0], flush=True)
        found += show("What takes the time of the first migration's database, at the journeys' mix", shares_of_time(bench))
        if bench.has_statements and evidence is not None:
            write_statements(bench, evidence)
        found += show("Each question, asked in turn of both sides", before_and_after(bench, SAMPLES, evidence))
        found += show("CPU a request at the journeys' mix, no cache", capacity(bench, BLOCK_SECONDS))
        found += show("What users notice of the migrations", what_users_notice(bench))
        found += show("Indexes that were tried in place of what is there", candidates(bench, SAMPLES))
    if chosen.write:
        write_page("\n".join(found).rstrip())
    return 0


def write_page(content: str) -> None:
    """Between the markers of docs/database.md."""
    text = PAGE.read_text()
    head, rest = text.split(f"{BEGIN}\n", 1)
    _, tail = rest.split(END, 1)
    draft = PAGE.with_suffix(".draft")
    draft.write_text(f"{head}{BEGIN}\n{content}\n{END}{tail}")
    draft.rename(PAGE)


def write_statements(bench: Bench, evidence: Path) -> None:
    """What the server itself counted of the mix."""
    lines = [" | ".join(str(value) for value in row) for row in bench.sql(STATEMENTS)]
    title = f"pg_stat_statements after {MIX} questions of the journeys' mix to the first migration's database, {bench.orders:,} orders"
    text = "\n".join([title, "", "calls | total ms | mean ms | rows | pages | statement", *lines])
    (evidence / "pg_stat_statements.txt").write_text(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
