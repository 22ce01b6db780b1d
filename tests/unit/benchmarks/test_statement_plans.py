from __future__ import annotations

from benchmarks.statement_plans import rows_read


def test_rows_of_every_scan_count_as_often_as_it_ran_whether_they_were_used_or_not():
    plan = {
        "Node Type": "Nested Loop",
        "Actual Rows": 10,
        "Actual Loops": 1,
        "Plans": [
            {"Node Type": "Seq Scan", "Actual Rows": 10, "Actual Loops": 1, "Rows Removed by Filter": 990},
            {
                "Node Type": "Memoize",
                "Actual Rows": 1,
                "Actual Loops": 10,
                "Plans": [
                    {"Node Type": "Index Scan", "Actual Rows": 0.5, "Actual Loops": 8, "Rows Removed by Index Recheck": 1}
                ],
            },
        ],
    }
    assert rows_read(plan) == 1000 + 12
